// Everything under the picture: findings, events, symptoms, blind spots, sources.

const FEW_EVENTS = 100;

function showFindings(report) {
  const findings = list(report.findings);
  text($("findings-note"), findings.length ? "Losses before pressure, then by packets" : "");
  const key = finding => [finding.cause, finding.direction, JSON.stringify(finding.where ?? {})].join(" ");
  keyed($("findings"), findings, key, makeFinding, fillFinding);
  const none = Array.isArray(report.findings) ? "No cause of loss or pressure was found in the window." : "The report does not tell.";
  $("no-finding").hidden = findings.length > 0;
  text($("no-finding"), none);
}

function makeFinding(finding) {
  const made = $("finding").content.firstElementChild.cloneNode(true);
  made.querySelector(".proof").open = finding.severity !== "info";
  return made;
}

function fillFinding(box, finding) {
  const find = selector => box.querySelector(selector);
  const status = known(finding.status);
  attribute(box, "data-status", finding.severity === "info" ? "wait" : status);
  paint(find(".icon"), status);
  text(find(".word"), words(finding.status));
  text(find(".severity"), words(finding.severity));
  attribute(find(".severity"), "data-grade", words(finding.severity));
  text(find(".tags .soft"), [finding.domain, finding.cause].filter(Boolean).join(" / "));
  text(find("h3"), finding.summary || words(finding.cause));
  const facts = [];
  // A service that refuses has lost no packet.
  if (finding.status === "loss" && number(finding.packets)) facts.push(`${plural(finding.packets, "packet")} lost, ${rate(finding.rate)}`);
  facts.push(`at ${place(finding.where)}`);
  if (finding.since) facts.push(`since ${when(finding.since)}`);
  if (finding.direction) facts.push(`direction: ${words(finding.direction)}`);
  if (finding.pattern) facts.push(`pattern: ${words(finding.pattern)}`);
  text(find(".count"), facts.join(" · "));
  find(".next").hidden = !finding.next;
  coded(find(".next span"), finding.next);
  const runbook = find(".runbook");
  const safe = /^https?:\/\//i.test(finding.runbook ?? "");
  runbook.hidden = !safe;
  if (safe) attribute(runbook, "href", finding.runbook);
  attribute(runbook, "aria-label", `Runbook: ${words(finding.cause)}`);
  const evidence = list(finding.evidence);
  text(find("summary"), `Proof: ${plural(evidence.length, "reading")}`);
  fillEvidence(find(".proof table"), evidence);
  const ruled = list(finding.ruled_out);
  text(find(".ruled"), ruled.length ? `Ruled out: ${ruled.join(", ")}` : "");
}

function fillEvidence(table, evidence) {
  keyed(table.tBodies[0], evidence, item => `${item.source} ${item.kernel} ${item.counter}`,
    item => el("tr", "", el("td", "", el("span", "mono", item.counter ?? ""), el("span", "soft", [item.kernel, item.source && `(${item.source})`].filter(Boolean).join(" "))), el("td", "n")),
    (row, item) => {
      const moved = number(item.delta);
      const gauge = number(item.value);
      text(row.lastElementChild, moved !== null ? `+${count(moved)}` : gauge === null ? "–" : Number.isInteger(gauge) ? count(gauge) : gauge.toPrecision(4));
    });
}

function showEvents(answer) {
  const events = list(answer.events);
  const shown = events.slice(-FEW_EVENTS).reverse();
  $("events-box").hidden = !shown.length;
  const older = events.length - shown.length;
  text($("events-note"), shown.length ? `Bursts of loss, newest first${older ? `; ${plural(older, "older one")} in the JSON` : ""}` : Array.isArray(answer.events) ? "No burst of loss since the agent started" : "The agent does not tell");
  keyed($("events"), shown, event => String(event.id), () => el("tr"), (row, event) => {
    cells(row,
      ["when", when(event.start)],
      ["n", event.ongoing ? `${duration(event.seconds)}, going on` : duration(event.seconds)],
      ["", `${event.domain ?? "?"}: ${words(event.cause)}`],
      ["loose", place(event.where)],
      ["n", count(event.packets)],
      ["n", rate(event.peak_rate)]);
    attribute(row.firstElementChild, "title", event.start ?? "");
    row.dataset.status = event.ongoing ? "loss" : "clean";
  });
}

const SYMPTOMS = [
  ["tcp_retransmit_ratio", "TCP sent again", percent, "tcp_retransmit_grade"],
  ["tcp_retransmits", "Retransmissions", count],
  ["tcp_syn_retransmits", "of these SYN", count],
  ["tcp_spurious_retransmits", "of these needless", count],
  ["tcp_timeouts", "TCP timeouts", count],
  ["tcp_out_of_order", "Out of order", count],
  ["tcp_connect_failures", "Failed connects", count],
  ["tcp_resets_received", "Resets received", count],
  ["tcp_resets_sent", "Resets sent", count],
  ["tcp_segments_sent", "TCP segments sent", count],
];

function showSymptoms(report) {
  const symptoms = report.symptoms ?? {};
  keyed($("symptoms"), SYMPTOMS, ([field]) => field,
    ([, name]) => el("div", "", el("dt", "", name), el("dd", "", el("span"), el("small"))),
    (tile, [field, , format, grade]) => {
      const value = number(symptoms[field]);
      text(tile.querySelector("dd span"), value === null ? "–" : format(value));
      const remark = value === null ? "not known" : (grade && symptoms[grade] !== "none" && symptoms[grade]) || "";
      text(tile.querySelector("small"), remark);
    });
  const devices = list(symptoms.devices);
  $("devices-box").hidden = !devices.length;
  keyed($("devices"), devices, device => String(device.device), () => el("tr"), (row, device) =>
    cells(row, ["loose", device.device], ["n", count(device.packets)], ["n", count(device.lost)],
      ["n", percent(device.ratio) ?? "–"], ["", device.grade ?? "–"]));
}

function showProbes(report) {
  const probes = list(report.probes);
  $("probes-box").hidden = !probes.length;
  const more = number(report.probes_left_out);
  text($("probes-note"), `What droplens asked the network itself, the worst first${more ? `; ${count(more)} more in the metrics` : ""}`);
  const milliseconds = seconds => (seconds * 1000).toFixed(seconds < 0.001 ? 2 : seconds < 0.01 ? 1 : 0);
  const time = seconds => number(seconds) === null ? "" : seconds < 1 ? `${milliseconds(seconds)} ms` : `${seconds.toFixed(1)} s`;
  const key = probe => [probe.probe, probe.target, probe.address].join(" ");
  keyed($("probes"), probes, key, () => el("tr"), (row, probe) => {
    const [lost, of] = [number(probe.loss?.lost) ?? 0, number(probe.loss?.of) ?? 0];
    const [low, high] = list(probe.loss_interval);
    cells(row,
      ["loose subject", probe.target ?? "?"],
      ["loose rest", probe.address && !String(probe.target).includes(probe.address) ? probe.address : ""],
      ["whole", probe.probe && probe.probe !== probe.kind ? `${probe.kind ?? "?"} · ${probe.probe}` : probe.kind ?? "?"],
      ["n", count(probe.sent)],
      [lost ? "n bad" : "n", of ? percent(lost / of) : "–"],
      ["n", of ? `${percent(low)} to ${percent(high)}` : ""],
      ["n", time(probe.round_trip_median)],
      ["n", time(probe.round_trip_p99)],
      ["loose rest", probeRemarks(probe)]);
    row.dataset.status = lost || probe.failed ? "loss" : STATES[probe.state] ?? "clean";
  });
}

// How targets stand of which nothing was lost.
const STATES = { unresolved: "pressure", silent: "blind" };

function probeRemarks(probe) {
  const remarks = [];
  if (probe.state === "silent") remarks.push("never answered: no loss");
  if (probe.state === "unresolved") remarks.push("does not resolve");
  if (probe.pattern?.pattern && probe.pattern.pattern !== "unknown") remarks.push(`lost: ${words(probe.pattern.pattern)}`);
  if (probe.last_failure) remarks.push(`${count(probe.failed)} failed: ${probe.last_failure.message || words(probe.last_failure.reason)}`);
  const days = number(probe.certificate_days);
  if (days !== null) remarks.push(days < 0 ? "certificate expired" : `certificate for ${Math.floor(days)} d`);
  if (probe.pmtu_bytes) remarks.push(`path MTU ${probe.pmtu_bytes}`);
  if (probe.identifier_healed) remarks.push("another ICMP identifier is answered: stale NAT or connection tracking on the path");
  if (probe.route?.device) remarks.push(`leaves by ${probe.route.device}`);
  return remarks.join(" · ");
}

function showBlind(report) {
  const spots = [];
  for (const domain of list(report.domains)) {
    const causes = list(domain.blind_causes).map(words).join(", ");
    if (domain.status === "blind") {
      const probes = PROBED.includes(domain.domain) ? "no probes configured" : "nothing could be read";
      spots.push({ name: domain.domain, status: "blind", about: domain.why || probes, more: causes });
    } else if (causes) {
      spots.push({ name: domain.domain, status: "blind", about: causes, more: domain.why });
    }
  }
  const others = number(report.scope?.others_not_seen);
  if (others) {
    const about = `${plural(others, "other network namespace")} on this host not looked at: their sockets, addresses and firewalls`;
    spots.push({ name: "namespaces", status: "blind", about, more: "" });
  }
  if (!list(report.domains).length) {
    spots.push({ name: "everything", status: "blind", about: "The report does not tell what could be looked at.", more: "" });
  } else if (!spots.length) {
    spots.push({ name: "none", status: "clean", about: "Every cause could be looked for.", more: "" });
  }
  keyed($("blind"), spots,
    spot => `${spot.name} ${spot.status}`,
    spot => {
      const line = el("li", "", icon(spot.status), el("b", "", spot.name), el("div", "", el("span"), el("small")));
      line.dataset.status = spot.status;
      return line;
    },
    (line, spot) => {
      text(line.querySelector("span"), spot.about);
      text(line.querySelector("small"), spot.more);
    });
}

/** The rows are there from the start, as of when the page was made; here they come alive. */
function showSources(report) {
  const sources = list(report.sources);
  const rows = new Map([...$("sources").rows].map(row => [row.dataset.source, row]));
  const states = new Map();
  for (const source of sources) {
    states.set(source.state, (states.get(source.state) ?? 0) + 1);
    const row = rows.get(source.source);
    if (!row) continue;
    const state = row.querySelector(".is");
    // The page was made with notes that the report lacks; they hold as long as the state does.
    const changed = state.dataset.state !== source.state;
    attribute(state, "data-state", source.state);
    text(state, source.state);
    const age = number(source.age_seconds);
    text(row.querySelector(".age"), age === null ? "" : `${age.toFixed(1)} s`);
    if (source.state !== "ok") text(row.querySelector(".took"), "");
    if (source.error || changed) text(row.querySelector(".why"), source.error);
  }
  text($("sources-note"), [...states].map(([state, times]) => `${times} ${state}`).join(", "));
}
