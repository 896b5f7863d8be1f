// The packet path: one box per domain, in packet order.

const LANES = [
  ["path-in", [
    ["link", "cable, optics"],
    ["nic", "rings, driver"],
    ["softnet", "CPU backlog"],
    ["virtual", "bridges, tunnels, veth"],
    ["ip", "routes, checks"],
    ["netfilter", "firewall, conntrack"],
    ["socket", "buffers, queues"],
  ]],
  ["path-out", [
    ["socket, netfilter, ip, virtual"],
    ["qdisc", "send queues"],
    ["nic, link"],
    ["path", "network, by probes"],
    ["service", "servers, by probes"],
  ]],
];

/** Domains that only probes can see. */
const PROBED = ["path", "service"];

const stages = new Map();

function stage(domain, role) {
  const box = $("stage").content.firstElementChild.cloneNode(true);
  const find = selector => box.querySelector(selector);
  text(find("h4"), domain);
  text(find(".role"), role);
  attribute(find(".chart"), "aria-label", `${domain}: packets lost per second`);
  const made = {
    box, domain,
    icon: find(".icon"), word: find(".word"), lost: find(".lost b"), note: find(".note"),
    chart: new Chart(find(".chart"), find(".readout")),
    status: null,
  };
  stages.set(domain, made);
  return box;
}

function shared(domains) {
  return el("li", "shared", el("b", "", domains), "both ways: counted above");
}

for (const [lane, domains] of LANES) {
  $(lane).append(...domains.map(([domain, role]) => (role ? stage(domain, role) : shared(domain))));
}

/** What a box says besides its count: its findings, or what it cannot see. */
function remark(report, findings) {
  if (report.status === "blind") {
    return PROBED.includes(report.domain) ? "no probes configured" : report.why || "not observable here";
  }
  const hidden = list(report.blind_causes).length;
  const found = findings.filter(finding => finding.domain === report.domain).length;
  const parts = [];
  if (found) parts.push(plural(found, "finding"));
  if (hidden) parts.push(`blind to ${plural(hidden, "cause")}`);
  return parts.join(", ");
}

function showPath(report) {
  const findings = list(report.findings);
  const domains = new Map(list(report.domains).map(domain => [domain.domain, domain]));
  for (const made of stages.values()) {
    const domain = domains.get(made.domain) ?? {};
    const status = known(domain.status);
    attribute(made.box, "data-status", status);
    paint(made.icon, status);
    text(made.word, status === "wait" ? "not told" : status);
    text(made.lost, status === "blind" ? "–" : count(domain.packets));
    const note = remark(domain, findings);
    text(made.note, note);
    attribute(made.note, "title", note);
    if (made.status !== status) {
      made.status = status;
      made.chart.blind = status === "blind" ? "nothing to see" : null;
      made.chart.draw();
    }
  }
  const seconds = number(report.seconds);
  const window = seconds === null ? "the window" : `the last ${duration(seconds).replace(".0 s", " s").replace(" 0 s", "")}`;
  text($("path-note"), `Packets lost in ${window}, each counted once; charts: lost per second, last 15 minutes`);
}

function showHistory(history) {
  const end = instant(history.end);
  const step = number(history.step_seconds) || 1;
  const domains = new Map(list(history.domains).map(domain => [domain.domain, domain.lost]));
  for (const made of stages.values()) {
    const lost = domains.get(made.domain);
    const slots = Math.round(SPAN / step);
    made.chart.set(Array.isArray(lost) ? lost.slice(-slots) : [], end, step, made.chart.blind);
  }
}
