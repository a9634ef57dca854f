// The intervals of one clip: changed, undone, saved by themselves, and reconciled with what others wrote meanwhile.

const PATIENCE = [1, 2, 4, 8, 15, 30]; // seconds before a save that failed is tried again

const key = (interval) => JSON.stringify([
  interval.start, interval.end, interval.kind, interval.track, interval.unknown, Object.entries(interval.rest).sort(),
]);

export const sorted = (intervals) => [...intervals].sort((a, b) => a.start - b.start || a.end - b.end);

// What both sides did since `base`: theirs, without what I removed, with what I added.
export function reconcile(base, mine, theirs) {
  const less = (list, without) => {
    const left = without.map(key);
    return list.filter((interval) => {
      const place = left.indexOf(key(interval));
      if (place >= 0) left.splice(place, 1);
      return place < 0;
    });
  };
  const kept = less(theirs, less(base, mine));
  return sorted([...kept, ...less(less(mine, base), less(theirs, base))]);
}

export class Labels {
  constructor(number, tell) {
    this.number = number;
    this.tell = tell; // {changed(), state(), said(text)}
    this.list = [];
    this.base = [];
    this.version = "";
    this.history = [];
    this.trouble = null; // why the last save failed: {what, where, fix}
    this.savedAt = null;
    this.tries = 0;
  }

  async load() {
    if (this.unsaved) return; // what is in the page is newer
    const answer = await ask(`labels/${this.number}`);
    this.version = answer.version;
    this.base = sorted(answer.intervals);
    this.list = [...this.base];
    this.tell.changed();
  }

  get unsaved() { return this.saving || this.list.map(key).join() !== this.base.map(key).join(); }

  change(list, what) {
    this.history.push(this.list);
    this.list = sorted(list);
    this.tell.said(what);
    this.tell.changed();
    this.save();
  }

  undo() {
    const before = this.history.pop();
    if (!before) return this.tell.said("nothing to undo");
    this.list = before;
    this.tell.said(`undone: ${count(before.length)}`);
    this.tell.changed();
    return this.save();
  }

  async save() {
    clearTimeout(this.timer);
    if (this.saving || !this.unsaved) return;
    this.saving = true;
    this.tell.state();
    const sent = this.list;
    try {
      const answer = await ask(`labels/${this.number}`, { version: this.version, intervals: sent });
      this.version = answer.version;
      this.base = sent;
      this.trouble = null;
      this.tries = 0;
      this.savedAt = new Date();
    } catch (error) {
      await this.failed(error);
    }
    this.saving = false;
    this.tell.state();
    if (this.unsaved && !this.trouble) this.save();
  }

  async failed(error) {
    if (error.status === 409) {
      try {
        const theirs = await ask(`labels/${this.number}`);
        this.history.push(this.list);
        this.list = reconcile(this.base, this.list, theirs.intervals);
        this.base = sorted(theirs.intervals);
        this.version = theirs.version;
        this.trouble = null;
        this.tell.said(`this clip was changed elsewhere too; both are kept: ${count(this.list.length)}`);
        this.tell.changed();
        return;
      } catch (again) {
        error = again; // eslint-disable-line no-ex-assign
      }
    }
    this.trouble = error;
    // What the server refuses it will refuse again; what failed otherwise may succeed.
    error.final = error.status === 422;
    if (error.final) return;
    error.wait = PATIENCE[Math.min(this.tries, PATIENCE.length - 1)];
    this.tries += 1;
    this.timer = setTimeout(() => this.save(), error.wait * 1000);
  }
}

export const count = (number) => (number === 1 ? "1 interval" : `${number} intervals`);

// Lines of a labels.csv; `clips` is a list of [name, intervals].
export function csv(clips) {
  const cell = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = clips.flatMap(([name, list]) => list.map(({ start, end, kind, track, unknown }) => (
    [name, start, end, cell(kind), track ?? "", unknown ? "unknown" : ""].join(",")
  )));
  return ["clip,start_frame,end_frame,kind,track,label", ...lines, ""].join("\n");
}

// Asks the server; what it answers, or an error with its {what, where, fix} and the status.
export async function ask(path, change) {
  const settings = change ? { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(change) } : {};
  let answer;
  let told;
  try {
    answer = await fetch(path, { cache: "no-store", ...settings });
    told = await answer.json();
  } catch {
    const what = "normotion does not answer: was it stopped?";
    throw Object.assign(new Error(what), { what, where: "", fix: "leave this page open, or keep a copy; start `normotion label` again" });
  }
  if (!answer.ok) throw Object.assign(new Error(told.what), told, { status: answer.status });
  return told;
}
