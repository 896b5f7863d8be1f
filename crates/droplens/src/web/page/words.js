// Numbers, times and places as people read them.

/** Digits in groups of three: 1 204. */
function count(value) {
  if (number(value) === null) return "–";
  if (Math.abs(value) >= 1e10) return `${(value / 1e9).toFixed(1)} G`;
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

const plural = (value, word) => `${count(value)} ${word}${value === 1 ? "" : "s"}`;

function rate(value) {
  if (number(value) === null) return "–";
  return `${value > 0 && value < 10 ? value.toFixed(1) : count(value)}/s`;
}

function percent(share) {
  if (number(share) === null) return null;
  const value = share * 100;
  if (value === 0) return "0 %";
  return value < 0.01 ? "< 0.01 %" : `${value.toFixed(value < 1 ? 2 : value < 9.95 ? 1 : 0)} %`;
}

function duration(seconds) {
  if (number(seconds) === null) return "–";
  if (seconds > 0 && seconds < 1) return seconds < 0.001 ? "< 1 ms" : `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${Number.isInteger(seconds) ? seconds : seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  const rest = Math.floor(seconds % 60);
  if (minutes < 60) return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

const two = value => String(value).padStart(2, "0");
const clock = date => [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");

/** An instant of the JSON as milliseconds, or null. */
function instant(value) {
  const parsed = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(parsed) ? null : parsed;
}

/** The time of day in the browser's zone, with the date unless it is today's. */
function when(value) {
  const at = instant(value);
  if (at === null) return "–";
  const date = new Date(at);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return date.toDateString() === new Date().toDateString() ? clock(date) : `${day} ${clock(date)}`;
}

/** The same words as the command line has for a place. */
function place(labels) {
  const at = labels && typeof labels === "object" ? labels : {};
  if (at.rule) return `${at.family ?? ""} ${at.table ?? ""} ${at.chain ?? ""}, ${at.rule}`.trim();
  if (at.handle || at.kind) {
    const handle = !at.handle || at.handle === "0:" ? "" : ` ${at.handle}`;
    return `${at.kind ?? "qdisc"}${handle} on ${at.device ?? "?"}`;
  }
  if (at.device) return at.cpu ? `${at.device}, CPU ${at.cpu}` : at.device;
  if (at.cpu) return `CPU ${at.cpu}`;
  if (at.port) return `port ${at.port} (${at.family ?? "?"})`;
  if (at.peer) return at.peer;
  if (at.family) return at.family.replace("ipv", "IPv");
  return "this host";
}
