// A stretch of the clip as a strip: scores as lines, intervals as bars, the cursor.

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 1000; // units across
const TALL = 100;
const POINTS = 1500; // of a line at most

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

export class Chart {
  // `svg` to draw in; `range()` gives the first frame shown and the one behind the last.
  constructor(svg, range) {
    this.svg = svg;
    this.range = range;
    svg.setAttribute("viewBox", `0 0 ${WIDE} ${TALL}`);
    this.lines = svg.appendChild(element("g", {}));
    this.bars = svg.appendChild(element("g", {}));
    this.cursor = svg.appendChild(element("line", { class: "cursor", y1: 0, y2: TALL }));
    this.drawn = "";
  }

  x(frame) {
    const [start, stop] = this.range();
    return (frame - start) / (stop - start) * WIDE;
  }

  // Frame under a place of the page.
  frame(clientX) {
    const box = this.svg.getBoundingClientRect();
    const [start, stop] = this.range();
    return Math.floor(start + (clientX - box.left) / box.width * (stop - start));
  }

  draw({ at, intervals, under, draft, scores, view }) {
    const range = this.range();
    this.cursor.setAttribute("x1", this.x(at + 0.5));
    this.cursor.setAttribute("x2", this.x(at + 0.5));
    const bars = intervals.map((interval) => this.bar(
      interval.start, interval.end, `interval${interval === under ? " now" : ""}${interval.unknown ? " unknown" : ""}`,
    ));
    if (draft) bars.push(this.bar(draft.start ?? draft.end, draft.end ?? Math.max(at, draft.start), "begun"));
    if (view) bars.push(this.bar(view[0], view[1] - 1, "view"));
    this.bars.replaceChildren(...bars);
    if (this.drawn !== scores || String(this.span) !== String(range)) {
      this.drawn = scores;
      this.span = range;
      this.lines.replaceChildren(...(scores ? ["raw", "smoothed"].map((name) => this.line(scores, name)) : []));
    }
  }

  bar(start, end, name) {
    const left = this.x(start);
    return element("rect", { class: name, x: left, y: 0, width: Math.max(this.x(end + 1) - left, 2), height: TALL });
  }

  line(scores, name) {
    const { every, low, high } = scores;
    const [start, stop] = this.range().map((frame) => Math.max(0, Math.min(scores[name].length, Math.ceil(frame / every))));
    const step = Math.max(1, Math.ceil((stop - start) / POINTS));
    let path = "";
    let pen = "M";
    for (let place = start; place < stop; place += step) {
      const group = scores[name].slice(place, Math.min(place + step, stop)).filter((value) => value !== null);
      if (!group.length) {
        pen = "M";
        continue;
      }
      const y = TALL * (0.96 - 0.92 * (Math.max(...group) - low) / (high - low || 1));
      path += `${pen}${this.x((place + step / 2) * every).toFixed(2)} ${y.toFixed(2)}`;
      pen = "L";
    }
    return element("path", { class: name, d: path || "M0 0" });
  }
}

// Lowest and highest of both lines, so that clips of one look do not jump.
export function measured(scores) {
  const all = [...scores.raw, ...scores.smoothed].filter((value) => value !== null);
  const low = all.reduce((a, b) => Math.min(a, b), Infinity);
  const high = all.reduce((a, b) => Math.max(a, b), -Infinity);
  return { ...scores, low, high };
}

// The next local maximum of the smoothed line, among its highest tenth, outside all intervals; -1 where there is none.
export function peak(scores, from, intervals) {
  const line = scores.smoothed.map((value) => value ?? -Infinity);
  const known = line.filter(Number.isFinite).sort((a, b) => a - b);
  if (!known.length || known[0] === known[known.length - 1]) return -1;
  const enough = known[Math.floor(known.length * 0.9)];
  const found = [];
  line.forEach((value, place) => {
    const rises = place === 0 || line[place - 1] < value;
    let after = place;
    while (rises && line[after + 1] === value) after += 1;
    const falls = after + 1 === line.length || line[after + 1] < value;
    const frame = place * scores.every;
    const marked = intervals.some(({ start, end }) => start <= frame && frame <= end);
    if (rises && falls && value >= enough && !marked) found.push(frame);
  });
  return found.find((frame) => frame > from) ?? found[0] ?? -1;
}
