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
    [["socket", "netfilter", "ip", "virtual"]],
    ["qdisc", "send queues"],
    [["nic", "link"]],
    ["path", "network, by probes"],
    ["service", "servers, by probes"],
  ]],
];

/** Domains that only probes can see. */
const PROBED = ["path", "service"];

/** What is counted; elsewhere packets the kernel lost. */
const UNITS = { path: "lost, estimated", service: "findings" };

const stages = new Map();
/** Icons of the domains that a lane passes without a box of its own: `[domain, element]`. */
const passes = [];

function stage(domain, role) {
  const box = $("stage").content.firstElementChild.cloneNode(true);
  const find = selector => box.querySelector(selector);
  text(find("h4"), domain);
  text(find(".role"), role);
  text(find(".unit"), UNITS[domain] ?? "lost");
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
  const names = domains.map(domain => {
    const name = el("span", "", icon("wait"), domain);
    name.dataset.status = "wait";
    passes.push([domain, name]);
    return name;
  });
  return el("li", "shared", el("p", "passed", ...names), "both ways; shown above");
}

for (const [lane, domains] of LANES) {
  $(lane).append(...domains.map(([domain, role]) => (role ? stage(domain, role) : shared(domain))));
}

/** What a box says besides its count: its findings, or what it cannot see. */
function remark(domain, report, findings) {
  if (report.status === "blind") {
    return PROBED.includes(domain) ? "no probes configured" : report.why || "not observable here";
  }
  const hidden = list(report.blind_causes).length;
  const found = findings.filter(finding => finding.domain === domain).length;
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
    const lost = made.domain === "service" ? findings.filter(finding => finding.domain === "service").length : domain.packets;
    text(made.lost, status === "blind" || status === "wait" ? "–" : count(lost));
    const note = remark(made.domain, domain, findings);
    text(made.note, note);
    attribute(made.note, "title", note);
    if (made.status !== status) {
      made.status = status;
      made.chart.blind = status === "blind" ? "not watched" : null;
      made.chart.draw();
    }
  }
  for (const [domain, name] of passes) {
    const status = known(domains.get(domain)?.status);
    attribute(name, "data-status", status);
    attribute(name, "title", status);
    paint(name.firstElementChild, status);
  }
  const seconds = number(report.seconds);
  const window = seconds === null ? "the window" : `the last ${seconds === 60 ? "minute" : duration(seconds)}`;
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
