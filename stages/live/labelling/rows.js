// The table of intervals. Rows stay where they are while their cells change, so that who writes in one is not thrown out.

function field(type, label, settings = {}) {
  const made = Object.assign(document.createElement("input"), { type, ...settings });
  made.setAttribute("aria-label", label);
  return made;
}

function button(text, label, call) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text, title: label, onclick: call });
  made.setAttribute("aria-label", label);
  return made;
}

export class Rows {
  // `body` is a tbody; `tell` is {last(), go(interval), alter(interval, changes), remove(interval), say(text)}.
  constructor(body, tell) {
    this.body = body;
    this.tell = tell;
    this.list = [];
  }

  show(list) {
    this.list = list;
    while (this.body.rows.length > list.length) this.body.lastElementChild.remove();
    while (this.body.rows.length < list.length) this.body.append(this.row(this.body.rows.length));
    list.forEach((interval, place) => this.fill(place, interval));
  }

  mark(under) {
    [...this.body.rows].forEach((row, place) => {
      if (this.list[place] === under) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    });
  }

  fill(place, interval) {
    const [start, end, kind, track, unknown] = this.body.rows[place].querySelectorAll("input");
    for (const [input, value] of [[start, interval.start], [end, interval.end], [kind, interval.kind], [track, interval.track ?? ""]]) {
      if (input.value !== String(value)) input.value = value;
    }
    unknown.checked = interval.unknown;
  }

  row(place) {
    const row = document.createElement("tr");
    const which = `interval ${place + 1}`;
    const number = { min: 0, step: 1, required: true, inputMode: "numeric" };
    const cells = [
      field("number", `first frame of ${which}`, number),
      field("number", `last frame of ${which}`, number),
      field("text", `kind of ${which}`, { maxLength: 200 }),
      field("number", `track of ${which}`, { ...number, required: false }),
      field("checkbox", `${which} is unknown`),
    ];
    cells[2].setAttribute("list", "known");
    for (const input of cells) {
      input.onchange = () => this.read(place, cells);
      if (input.type !== "checkbox") input.onkeydown = ({ key }) => { if (key === "Enter") input.blur(); };
    }
    const tools = [
      button("Go", `go to ${which}`, () => this.tell.go(this.list[place])),
      button("×", `remove ${which}`, () => this.tell.remove(this.list[place])),
    ];
    for (const contents of [...cells.map((cell) => [cell]), tools]) row.insertCell().append(...contents);
    return row;
  }

  read(place, [start, end, kind, track, unknown]) {
    const last = this.tell.last();
    const whole = (input) => /^\d+$/.test(input.value);
    if (!whole(start) || !whole(end) || Number(end.value) > last || Number(start.value) > Number(end.value) || (track.value && !whole(track))) {
      this.tell.say(`frames are whole numbers from 0 to ${last}, the first not behind the last; a track is a whole number`);
      this.fill(place, this.list[place]);
      return;
    }
    this.tell.alter(this.list[place], {
      start: Number(start.value), end: Number(end.value), kind: kind.value.trim(),
      track: track.value ? Number(track.value) : null, unknown: unknown.checked,
    });
  }
}
