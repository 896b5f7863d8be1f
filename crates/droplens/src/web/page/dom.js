"use strict";
// The page shows text from the kernel (device names, comments of firewall rules), which anybody
// may have chosen: it goes into textContent and attributes, never into markup.

const $ = id => document.getElementById(id);

/** An element with a class and children (nodes or text). */
function el(tag, name, ...children) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

/** Writes only what changed: a selection survives, and screen readers stay quiet. */
function text(node, value) {
  const wanted = String(value ?? "");
  if (node.textContent !== wanted) node.textContent = wanted;
}

/** Writes text in which `commands` stand between backticks. */
function coded(node, value) {
  const wanted = String(value ?? "");
  if (node.textContent === wanted.replaceAll("`", "")) return;
  node.replaceChildren(...wanted.split("`").map((part, at) => (at % 2 ? el("code", "", part) : part)));
}

function attribute(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

const STATUSES = ["clean", "blind", "pressure", "loss"];
const known = status => (STATUSES.includes(status) ? status : "wait");

function icon(status) {
  const space = "http://www.w3.org/2000/svg";
  const made = document.createElementNS(space, "svg");
  made.setAttribute("class", "icon");
  made.setAttribute("aria-hidden", "true");
  made.append(document.createElementNS(space, "use"));
  paint(made, status);
  return made;
}

function paint(svg, status) {
  attribute(svg.firstElementChild, "href", `#icon-${known(status)}`);
}

/** Brings the children of `parent` in line with `items`, keeping the elements of those that stay. */
function keyed(parent, items, keyOf, make, update) {
  const old = new Map([...parent.children].map(child => [child.dataset.key, child]));
  const times = new Map();
  let before = parent.firstElementChild;
  for (const item of items) {
    // Two items may look alike, but no two elements may have the same key.
    const name = keyOf(item);
    times.set(name, (times.get(name) ?? 0) + 1);
    const key = `${name} ${times.get(name)}`;
    let child = old.get(key);
    if (child) {
      old.delete(key);
    } else {
      child = make(item);
      child.dataset.key = key;
    }
    if (child === before) before = before.nextElementSibling;
    else parent.insertBefore(child, before);
    update(child, item);
  }
  for (const gone of old.values()) gone.remove();
}

/** Fills a table's row: `[class, content]` per cell. Phones show cells with their column's name. */
function cells(row, ...contents) {
  const heads = row.closest("table")?.tHead.rows[0].cells ?? [];
  contents.forEach(([name, value], at) => {
    const cell = row.cells[at] ?? row.insertCell();
    if (heads[at]) cell.dataset.label = heads[at].textContent;
    if (cell.className !== name) cell.className = name;
    text(cell, value);
  });
}

// What may be missing or wrong in the answers becomes harmless here.
const list = value => (Array.isArray(value) ? value.filter(item => item !== null) : []);
const number = value => (typeof value === "number" && Number.isFinite(value) ? value : null);
const words = id => String(id ?? "").replaceAll("_", " ");
