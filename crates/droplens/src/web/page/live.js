// The verdict, and the pulse: asks the agent, says how old the answer is, and waits longer and
// longer when there is none.

const FEEDS = [
  { url: "api/v1/history", every: 1, show: showHistory, problem: null },
  { url: "api/v1/report?window=60", every: 2, show: showReport, problem: null },
  { url: "api/v1/events", every: 2, show: showEvents, problem: null },
];
const BEAT = 1000;
const PATIENCE = 5000;
const LONGEST_PAUSE = 15;

/** What was last said aloud. */
let said = "";
/** When the last report came, by the browser's steady clock; null before the first. */
let reported = null;
/** Its status. */
let word = "waiting";
let failures = 0;
let beats = 0;
let timer = null;
let asking = false;
let nextTry = 0;

const FAVICON = { clean: "#1a8a4c", pressure: "#d98a00", loss: "#d1322a", blind: "#77818f", wait: "#77818f" };

function showReport(report) {
  reported = performance.now();
  const status = known(report.status);
  const headline = report.headline || "The report has no headline";
  const host = report.host || $("host").textContent;
  const verdict = $("verdict");
  if (verdict.dataset.status !== status) {
    attribute(verdict, "data-status", status);
    paint(verdict.querySelector(".icon"), status);
    const mark = { clean: "m4.5 8.5 2.5 2.5 4.5-5.5", loss: "m5 5 6 6m0-6-6 6", pressure: "M8 3.5v5m0 3v.5" }[status] ?? "M4.5 8h7";
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="${FAVICON[status]}"/><path d="${mark}" stroke="#fff" stroke-width="2" fill="none" stroke-linecap="round"/></svg>`;
    attribute($("favicon"), "href", `data:image/svg+xml,${encodeURIComponent(svg)}`);
  }
  word = words(report.status || "no status");
  text($("headline"), headline);
  text($("host"), host);
  document.title = `${words(status)}: ${host} – droplens`;
  const start = instant(report.start);
  const seconds = number(report.seconds);
  const span = start === null || seconds === null ? "" : `From ${clock(new Date(start))} to ${clock(new Date(start + seconds * 1000))}. `;
  text($("window"), `${span}${["droplens", report.droplens].filter(Boolean).join(" ")}, this network namespace${report.scope?.others_not_seen ? "; others are not looked at" : ""}.`);
  // Numbers change with every answer; aloud only what is new in kind.
  const kind = [status, ...list(report.findings).filter(finding => finding.severity !== "info").map(finding => finding.cause)].join();
  if (kind !== said) {
    said = kind;
    text($("say"), `${words(status)}: ${headline}`);
  }
  showPath(report);
  showFindings(report);
  showSymptoms(report);
  showProbes(report);
  showBlind(report);
  showSources(report);
}

/** Asks for one feed. Resolves to false if nobody answered at all. */
async function ask(feed) {
  let answer;
  try {
    answer = await fetch(feed.url, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok) {
      const reason = (await answer.text()).trim().split("\n", 1)[0].slice(0, 200);
      feed.problem = `${feed.url} answers ${answer.status}${reason ? `: ${reason}` : ""}`;
      return true;
    }
    const value = await answer.json();
    feed.problem = null;
    feed.show(value ?? {});
    return true;
  } catch (error) {
    if (!answer) return false;
    feed.problem = `${feed.url} cannot be shown: ${error.message}`;
    return true;
  }
}

async function beat() {
  if (asking || document.hidden) return;
  asking = true;
  clearTimeout(timer);
  const began = performance.now();
  const due = FEEDS.filter(feed => beats % feed.every === 0);
  const answered = await Promise.all(due.map(ask));
  asking = false;
  if (answered.every(Boolean)) {
    failures = 0;
    beats += 1;
  } else {
    failures += 1;
    beats = 0;
  }
  const pause = failures ? Math.min(2 ** (failures - 1), LONGEST_PAUSE) * 1000 : Math.max(BEAT - (performance.now() - began), 100);
  nextTry = performance.now() + pause;
  timer = setTimeout(beat, pause);
  pulse();
}

/** How alive the page is: the age of the report, every second. */
function pulse() {
  const age = reported === null ? null : (performance.now() - reported) / 1000;
  const old = age === null ? "no data yet" : `data ${duration(Math.floor(age))} old`;
  const problem = FEEDS.find(feed => feed.problem)?.problem;
  let [state, line] = ["live", `live, ${old}`];
  if (failures) {
    const wait = Math.max(Math.ceil((nextTry - performance.now()) / 1000), 0);
    [state, line] = ["gone", `No answer from the agent, ${old}; next try ${asking || !wait ? "now" : `in ${wait} s`}`];
  } else if (problem) {
    [state, line] = ["gone", `${problem}; ${old}`];
  } else if (age === null) {
    [state, line] = ["wait", "connecting"];
  } else if (age > 6) {
    [state, line] = ["gone", `The agent is slow to answer, ${old}`];
  }
  attribute($("pulse"), "data-state", state);
  text($("pulse-text"), line);
  const again = failures === 0;
  if ($("again").hidden !== again) $("again").hidden = again;
  const stale = age !== null && (failures > 0 || age > 6);
  document.documentElement.classList.toggle("stale", stale);
  text($("word"), stale ? `${word}, ${duration(Math.floor(age))} ago` : word);
  if (failures && said !== "gone") {
    said = "gone";
    text($("say"), "The agent does not answer; what is shown is old.");
  }
}

$("again").addEventListener("click", beat);
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) beat();
});
setInterval(() => {
  if (!document.hidden) pulse();
}, 1000);
text($("zone"), `Times are in the browser's zone, ${Intl.DateTimeFormat().resolvedOptions().timeZone}.`);
beat();
