// Charts of packets lost per second. Each pixel column shows the highest second in it, not the
// mean, so that a burst of one second stays visible; seconds nobody watched are hatched.

const CHARTS = [];
const SPAN = 900;

/** The instant under the pointer or the keyboard's cursor, the same in all charts; or null. */
let cursor = null;

class Chart {
  constructor(box, readout) {
    Object.assign(this, { box, readout, canvas: box.querySelector("canvas") });
    this.lost = [];
    this.end = null;
    this.step = 1;
    this.blind = null;
    CHARTS.push(this);
    box.addEventListener("pointermove", event => this.point(event));
    box.addEventListener("pointerdown", event => this.point(event));
    box.addEventListener("pointerleave", () => point(null));
    box.addEventListener("blur", () => point(null));
    box.addEventListener("focus", () => {
      if (cursor === null && this.lost.length) point(this.end);
    });
    box.addEventListener("keydown", event => this.key(event));
  }

  /** `blind` says why there is nothing to see, if there is not. */
  set(lost, end, step, blind) {
    Object.assign(this, { lost, end, step, blind });
    this.draw();
  }

  get slots() {
    return Math.max(Math.round(SPAN / this.step), 1);
  }

  get columns() {
    return Math.max(Math.floor(this.box.clientWidth), 1);
  }

  /** Packets lost in a slot, slot 0 being the oldest of the span; null if nobody watched. */
  at(slot) {
    return this.blind ? null : number(this.lost[slot - (this.slots - this.lost.length)]);
  }

  instantOf(slot) {
    return this.end - (this.slots - 1 - slot) * this.step * 1000;
  }

  slotOf(instant) {
    const slot = this.slots - 1 - Math.round((this.end - instant) / 1000 / this.step);
    return Math.min(Math.max(slot, 0), this.slots - 1);
  }

  /** The slot with the highest count in this pixel column, or the last one. */
  highest(column) {
    const first = Math.floor((column * this.slots) / this.columns);
    const end = Math.max(Math.floor(((column + 1) * this.slots) / this.columns), first + 1);
    let best = Math.min(end, this.slots) - 1;
    for (let slot = first; slot < end; slot += 1) {
      if ((this.at(slot) ?? 0) > (this.at(best) ?? 0)) best = slot;
    }
    return best;
  }

  columnOf(slot) {
    return Math.floor(((slot + 0.5) * this.columns) / this.slots);
  }

  peak() {
    let best = this.slots - 1;
    for (let slot = 0; slot < this.slots; slot += 1) {
      if ((this.at(slot) ?? 0) >= Math.max(this.at(best) ?? 0, 1)) best = slot;
    }
    return best;
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const width = this.columns;
    const height = Math.max(Math.floor(this.box.clientHeight), 1);
    const [x, y] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== x) this.canvas.width = x;
    if (this.canvas.height !== y) this.canvas.height = y;
    const pen = this.canvas.getContext("2d");
    const style = getComputedStyle(this.box);
    const colour = name => style.getPropertyValue(name).trim();
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const floor = height - 1;
    const peak = this.at(this.peak()) ?? 0;

    // Minutes 5 and 10, and the ground.
    pen.fillStyle = colour("--line");
    for (const third of [1, 2]) pen.fillRect(Math.round((third * width) / 3), 0, 1, floor);
    pen.fillRect(0, floor, width, 1);

    const watched = this.blind || this.end === null ? 0 : Math.min(this.lost.length, this.slots);
    this.hatch(pen, width * (1 - watched / this.slots), floor, colour("--line"));

    pen.fillStyle = colour("--red");
    for (let column = 0; column < width; column += 1) {
      const value = this.at(this.highest(column)) ?? 0;
      if (value <= 0) continue;
      const tall = Math.max((value / peak) * (floor - 2), 3);
      pen.fillRect(Math.min(column, width - 2), floor - tall, 2, tall);
    }
    if (cursor !== null && this.end !== null) {
      pen.fillStyle = colour("--link");
      pen.fillRect(this.columnOf(this.slotOf(cursor)), 0, 1, height);
    }
    this.tell(peak);
  }

  hatch(pen, width, height, colour) {
    if (width < 1) return;
    pen.save();
    pen.beginPath();
    pen.rect(0, 0, width, height);
    pen.clip();
    pen.strokeStyle = colour;
    pen.beginPath();
    for (let x = -height; x < width; x += 6) {
      pen.moveTo(x, height);
      pen.lineTo(x + height, 0);
    }
    pen.stroke();
    pen.restore();
  }

  tell(peak) {
    const slot = cursor === null ? this.slots - 1 : this.slotOf(cursor);
    const value = this.at(slot);
    const time = this.end === null ? "" : clock(new Date(this.instantOf(slot)));
    const unit = this.step === 1 ? "lost" : `lost in ${this.step} s`;
    const here = value === null ? `${time}, not watched` : `${time}, ${count(value)} ${unit}`;
    let line;
    if (this.end === null || !this.lost.length) line = this.blind || "no history yet";
    else if (this.blind) line = this.blind;
    else if (cursor !== null) line = here;
    else if (peak > 0) line = `peak ${rate(peak / this.step)}, ${clock(new Date(this.instantOf(this.peak())))}`;
    else line = `none in ${duration(Math.min(this.lost.length, this.slots) * this.step)}`;
    text(this.readout, line);
    attribute(this.box, "aria-valuemax", this.slots - 1);
    attribute(this.box, "aria-valuenow", slot);
    attribute(this.box, "aria-valuetext", cursor === null || this.blind ? line : here);
  }

  point(event) {
    if (this.end === null) return;
    const column = event.clientX - this.box.getBoundingClientRect().left;
    const inside = Math.min(Math.max(Math.floor(column), 0), this.columns - 1);
    point(this.instantOf(this.highest(inside)));
  }

  key(event) {
    if (this.end === null) return;
    const slot = cursor === null ? this.slots - 1 : this.slotOf(cursor);
    const last = this.slots - 1;
    const target = {
      ArrowLeft: () => slot - 1,
      ArrowDown: () => slot - 1,
      ArrowRight: () => slot + 1,
      ArrowUp: () => slot + 1,
      PageUp: () => this.burst(slot, -1),
      PageDown: () => this.burst(slot, 1),
      Home: () => 0,
      End: () => last,
      Escape: () => null,
    }[event.key];
    if (!target) return;
    event.preventDefault();
    const to = target();
    point(to === null ? null : this.instantOf(Math.min(Math.max(to, 0), last)));
  }

  /** The nearest second with losses on this side, else where it is. */
  burst(from, side) {
    for (let slot = from + side; slot >= 0 && slot < this.slots; slot += side) {
      if ((this.at(slot) ?? 0) > 0) return slot;
    }
    return from;
  }
}

function point(instant) {
  if (cursor === instant) return;
  cursor = instant;
  redraw();
}

let drawing = false;
function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    CHARTS.forEach(chart => chart.draw());
  });
}

addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
