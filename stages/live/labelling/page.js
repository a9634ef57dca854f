// The page: keys and buttons, what is being marked, and what is said about it.

import { Chart, measured, peak } from "./chart.js";
import { BY_KEY, KEYS, ON_SLIDER } from "./keys.js";
import { Labels, ask, count, csv } from "./labels.js";
import { FramePlayer, VideoPlayer } from "./players.js";
import { Rows } from "./rows.js";

const $ = (id) => document.getElementById(id);
const SPEEDS = [0.25, 0.5, 1, 1.5, 2, 3, 4, 8];
const NEAR = 10; // seconds to either side that the upper strip shows of a long clip
const LONG = 60; // seconds from which there is one

const page = {
  clips: [], kinds: [], books: new Map(), place: 0, player: null, scores: null, traces: {},
  draft: null, kind: "", unknown: false, loading: 0,
};
window.page = page; // for who looks with the browser's tools

const clip = () => page.clips[page.place];
const labels = () => page.books.get(page.place);
const at = () => page.player?.at ?? 0;

// Of several intervals under the cursor, the shortest: the others can still be reached beside it.
const under = () => labels().list.filter(({ start, end }) => start <= at() && at() <= end)
  .reduce((best, found) => (!best || found.end - found.start < best.end - best.start ? found : best), null);

function clock(frame) {
  const seconds = frame / clip().fps;
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;
}

const named = ({ start, end, kind, unknown }) => `${start}–${end}${kind ? `, ${kind}` : ""}${unknown ? ", unknown" : ""}`;

let fading;
function say(text) {
  $("said").textContent = "";
  requestAnimationFrame(() => { $("said").textContent = text; });
  $("said").classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => $("said").classList.remove("shown"), 3500);
}

// What the strips span.
const all = () => [0, clip()?.frames ?? 1];
function close() {
  const half = Math.round(NEAR * clip().fps);
  const start = Math.max(0, Math.min(at() - half, clip().frames - 2 * half));
  return [start, start + 2 * half];
}
const whole = new Chart($("whole"), all);
const near = new Chart($("near"), close);

function draw() {
  if (!clip() || !labels()) return;
  const now = { at: at(), intervals: labels().list, under: under(), draft: page.draft, scores: page.scores };
  const long = clip().frames > LONG * clip().fps;
  $("near").toggleAttribute("hidden", !long);
  if (long) near.draw(now);
  whole.draw({ ...now, view: long ? close() : null });
  $("frame").textContent = `frame ${at()}`;
  $("time").textContent = `of ${clip().frames - 1} · ${clock(at())}`;
  const score = page.scores?.smoothed[Math.floor(at() / page.scores.every)];
  $("score").textContent = score === undefined || score === null ? "" : `score ${score.toPrecision(3)}`;
  $("seek").setAttribute("aria-valuemax", clip().frames - 1);
  $("seek").setAttribute("aria-valuenow", at());
  $("seek").setAttribute("aria-valuetext", `frame ${at()}, ${clock(at())}${now.under ? `, in ${named(now.under)}` : ""}`);
  $("inside").hidden = !now.under;
  $("inside").textContent = now.under ? now.under.kind || (now.under.unknown ? "unknown" : "abnormal") : "";
  rows.mark(now.under);
  drawDraft();
}

function drawDraft() {
  const { draft } = page;
  const show = (frame) => (frame === undefined ? "–" : `${frame} (${clock(frame)})`);
  const kind = [draft ? draft.kind : page.kind, (draft ? draft.unknown : page.unknown) && "unknown"].filter(Boolean).join(", ");
  const text = draft
    ? `${draft.replaces ? "Edited" : "Begun"}: ${show(draft.start)} to ${show(draft.end)}${kind ? `, ${kind}` : ""}`
    : `Nothing begun${kind ? `; the next one is: ${kind}` : ""}`;
  if ($("draft").textContent !== text) $("draft").textContent = text;
  const pressed = draft ? draft.kind : under()?.kind ?? page.kind;
  for (const button of $("kinds").children) button.setAttribute("aria-pressed", String(button.dataset.kind === pressed));
}

// Draws once per frame of the screen, however often it is asked to.
let drawing = 0;
function redraw() {
  drawing ||= requestAnimationFrame(() => { drawing = 0; draw(); });
}

function drawKinds() {
  const buttons = ["", ...page.kinds].map((kind, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.kind = kind;
    button.textContent = kind || "no kind";
    if (place < 10) {
      const key = document.createElement("kbd");
      key.textContent = place;
      button.append(" ", key);
      button.setAttribute("aria-keyshortcuts", place);
    }
    button.onclick = () => choose(kind);
    return button;
  });
  $("kinds").replaceChildren(...buttons);
  $("known").replaceChildren(...page.kinds.map((kind) => Object.assign(document.createElement("option"), { value: kind })));
  redraw();
}

function changed() {
  const { list } = labels();
  for (const { kind } of list) if (kind && !page.kinds.includes(kind)) page.kinds.push(kind);
  if ($("kinds").childElementCount !== page.kinds.length + 1) drawKinds();
  $("count").textContent = list.length ? `(${list.length})` : "";
  $("none").hidden = list.length > 0;
  $("scroll").hidden = !list.length;
  rows.show(list);
  clip().intervals = list.length;
  drawClips();
  redraw();
}

// What is known of all clips' saves, not only of the one that is shown.
function state() {
  const books = [...page.books.values()];
  const failed = books.find((book) => book.trouble);
  const saving = books.some((book) => book.unsaved);
  const latest = Math.max(0, ...books.map((book) => book.savedAt ?? 0));
  $("saved").classList.toggle("bad", Boolean(failed));
  $("saved").textContent = failed ? "not saved" : saving ? "saving …" : latest ? `saved ${new Date(latest).toLocaleTimeString()}` : "nothing changed yet";
  $("trouble").hidden = !failed;
  if (failed) {
    const { what, where, fix, final, wait } = failed.trouble;
    const name = page.clips[failed.number].name;
    const next = final ? "Nothing is lost: it stays in this page. Undo or change it." : `Nothing is lost: it stays in this page, and is tried again in ${wait} s.`;
    const text = [`${name} is not saved: ${what}`, where, fix, next].filter(Boolean).join("\n");
    if ($("trouble-text").textContent !== text) $("trouble-text").textContent = text;
  }
}

function drawClips() {
  const texts = page.clips.map(({ name, intervals }) => (intervals ? `${name} (${intervals})` : name));
  if ($("clips").childElementCount !== texts.length) $("clips").replaceChildren(...texts.map((_, place) => new Option("", place)));
  texts.forEach((text, place) => { $("clips").options[place].text = text; });
  $("clips").value = page.place;
}

async function open(place) {
  page.player?.close();
  page.place = place;
  page.draft = null;
  const ticket = (page.loading += 1);
  const { name, frames, fps, even, width, height } = clip();
  for (const picture of [$("video"), $("canvas")]) Object.assign(picture, { width, height }); // so that nothing jumps
  document.title = `${name} – normotion label`;
  $("name").textContent = name;
  $("length").textContent = `${clock(frames)} · ${frames} frames at ${Number(fps.toFixed(3))}/s`;
  for (const [action, last] of [["previous", 0], ["next", page.clips.length - 1]]) {
    document.querySelector(`[data-do="${action}"]`).disabled = place === last;
  }
  if (!page.books.has(place)) {
    const mine = () => page.place === place;
    const tell = { changed: () => mine() && changed(), said: say, state };
    page.books.set(place, new Labels(place, tell));
  }
  page.scores = null;
  changed();
  if (even) watch(new VideoPlayer(clip(), place, telling(place), $("video")));
  else single("the file's frames do not come at an even rate");
  try {
    await labels().load();
    const traces = await ask(`scores/${place}`);
    if (ticket === page.loading) takeScores(traces);
  } catch (error) {
    say(error.message);
    if (ticket === page.loading) note(`${error.what} ${error.fix}`);
  }
}

function takeScores(traces) {
  page.traces = traces;
  const names = Object.keys(traces);
  const before = $("scores").value;
  $("scores").replaceChildren(...names.map((name) => new Option(name, name)));
  if (names.includes(before)) $("scores").value = before;
  $("scores-label").hidden = names.length < 2;
  $("lines").hidden = !names.length;
  $("peak").hidden = !names.length;
  page.scores = names.length ? measured(traces[$("scores").value]) : null;
  redraw();
}

const telling = (place) => ({
  frame: () => redraw(),
  state: () => {
    const playing = page.player?.playing;
    $("play").textContent = playing ? "Pause" : "Play";
  },
  fail: (why) => {
    if (place !== page.place) return;
    if (page.player instanceof FramePlayer) note(why);
    else single(why);
  },
});

function watch(player) {
  page.player = player;
  player.speed(page.rate ?? 1);
  $("single").hidden = player instanceof FramePlayer;
  if (player instanceof VideoPlayer) note("");
  document.body.dataset.player = player instanceof VideoPlayer ? "video" : "frames";
  redraw();
}

// Go on with frames that the server decodes, from where we are.
function single(why) {
  const from = at();
  page.player?.close();
  page.player = null;
  note(`Shows single frames, decoded by normotion${why ? `: ${why}` : ""}.`);
  watch(new FramePlayer(clip(), page.place, telling(page.place), $("canvas"), from));
}

function note(text) {
  $("how").hidden = !text;
  $("how").textContent = text;
}

function begin(edge) {
  if (clip().normal && !page.unknown) return refuse();
  page.draft ??= { kind: page.kind, unknown: page.unknown, track: null, rest: {} };
  page.draft[edge] = at();
  const { start, end } = page.draft;
  if (start !== undefined && end !== undefined && start > end) [page.draft.start, page.draft.end] = [end, start];
  say(`${edge} at frame ${at()}`);
  return redraw();
}

function refuse() {
  say(`clips.csv calls ${clip().name} normal as a whole; empty its cell \`abnormal\` first, or mark with X what nobody knows`);
}

function accept() {
  const { draft } = page;
  if (!draft) return say("nothing begun: press I where it starts");
  const ends = [draft.start ?? at(), draft.end ?? at()];
  const { kind, track, unknown, rest, replaces } = draft;
  const made = { start: Math.min(...ends), end: Math.max(...ends), kind, track, unknown, rest };
  page.draft = null;
  return labels().change([...labels().list.filter((found) => found !== replaces), made], `${replaces ? "changed" : "added"} ${named(made)}; ${count(labels().list.length + (replaces ? 0 : 1))}`);
}

function alter(interval, changes) {
  const made = { ...interval, ...changes };
  labels().change(labels().list.map((found) => (found === interval ? made : found)), `changed ${named(made)}`);
}

function choose(kind) {
  const found = under();
  if (page.draft) page.draft.kind = kind;
  else if (found) return alter(found, { kind });
  else page.kind = kind;
  say(kind || "no kind");
  return redraw();
}

function doubt() {
  const found = under();
  if (page.draft) page.draft.unknown = !page.draft.unknown;
  else if (found) return alter(found, { unknown: !found.unknown });
  else page.unknown = !page.unknown;
  say(page.draft?.unknown ?? page.unknown ? "unknown" : "abnormal");
  return redraw();
}

function remove(interval) {
  if (!interval) return say("no interval under the cursor");
  if ($("rows").contains(document.activeElement)) $("marks").focus({ preventScroll: true }); // its button goes
  return labels().change(labels().list.filter((found) => found !== interval), `removed ${named(interval)}; ${count(labels().list.length - 1)}`);
}

function edit(interval) {
  if (!interval) return say("no interval under the cursor");
  page.draft = { ...interval, replaces: interval };
  say(`edits ${named(interval)}: I and O move its ends, Enter accepts`);
  return redraw();
}

function speed(step) {
  const place = step ? SPEEDS.indexOf(page.rate ?? 1) + step : SPEEDS.indexOf(1);
  page.rate = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, place))];
  page.player.speed(page.rate);
  $("speed").textContent = `${page.rate} ×`;
  say(`speed ${page.rate}`);
}

function go(place) {
  if (place < 0 || place >= page.clips.length) return say(place < 0 ? "this is the first clip" : "this is the last clip");
  return open(place).then(() => say(`clip ${page.place + 1} of ${page.clips.length}: ${clip().name}`));
}

function toPeak() {
  const found = page.scores ? peak(page.scores, at(), labels().list) : -1;
  if (found < 0) return say(page.scores ? "no high score that is not marked" : "no scores are known of this clip");
  page.player.seek(found);
  return say(`high score at frame ${found}`);
}

// What is in the page, as a file: for when it cannot be saved.
function copy() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv([...page.books].map(([place, book]) => [page.clips[place].name, book.list]))], { type: "text/csv" }));
  link.download = "labels-copy.csv";
  link.click();
}

const second = () => Math.max(1, Math.round(clip().fps));
const seekBy = (frames) => { page.player.pause(); page.player.seek(at() + frames); };
const DO = {
  play: () => (page.player.playing ? page.player.pause() : page.player.play()),
  before: () => seekBy(-1), after: () => seekBy(1), back: () => seekBy(-second()), on: () => seekBy(second()),
  first: () => page.player.seek(0), final: () => page.player.seek(clip().frames - 1),
  slower: () => speed(-1), normal: () => speed(0), faster: () => speed(1),
  start: () => begin("start"), end: () => begin("end"), accept, drop: () => { page.draft = null; say("dropped"); redraw(); },
  remove: () => remove(under()), undo: () => labels().undo(), edit: () => edit(under()), doubt, peak: toPeak,
  previous: () => go(page.place - 1), next: () => go(page.place + 1), single: () => single("as you asked"),
  help: () => $("help").showModal(), retry: () => page.books.forEach((book) => book.save()), copy,
};
function onKey(event) {
  const { key, target } = event;
  if ($("help").open) return;
  if (target.matches("input:not([type=checkbox]), select")) {
    if (key === "Escape") target.blur();
    return;
  }
  const undo = (event.ctrlKey || event.metaKey) && key.toLowerCase() === "z";
  const graph = event.getModifierState("AltGraph"); // many keyboards have [ and ] there
  if (!undo && !graph && (event.ctrlKey || event.metaKey || event.altKey)) return;
  if (target.matches("button, summary, a, input") && [" ", "Enter"].includes(key)) return;
  const slider = target.id === "seek" ? ON_SLIDER[key] : undefined;
  if (!$("listen").checked && !slider) return;
  let action = undo ? "undo" : slider ?? BY_KEY[key] ?? BY_KEY[key.toLowerCase()];
  if (event.shiftKey && key.startsWith("Arrow")) action = { before: "back", after: "on" }[action];
  if (/^[0-9]$/.test(key)) {
    const kind = ["", ...page.kinds][Number(key)];
    if (kind === undefined) say(`there is no kind ${key}; add one`);
    else choose(kind);
  } else if (action && !(event.repeat && !key.startsWith("Arrow"))) DO[action]();
  if (action) event.preventDefault();
}

const rows = new Rows($("rows"), {
  last: () => clip().frames - 1, go: (interval) => { page.player.pause(); page.player.seek(interval.start); },
  alter, remove, say,
});

function listen() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (DO[button.dataset.do]) DO[button.dataset.do]();
    if (event.detail > 0 && !$("help").open) button.blur(); // after a click, space plays again
  });
  const drag = (event) => {
    if (!event.buttons) return;
    const chart = event.target.closest("#near") ? near : whole;
    page.player.seek(chart.frame(event.clientX));
  };
  $("seek").addEventListener("pointerdown", (event) => { page.player.pause(); drag(event); });
  $("seek").addEventListener("pointermove", drag);
  $("clips").onchange = () => { go(Number($("clips").value)); $("clips").blur(); };
  $("scores").onchange = () => { takeScores(page.traces); $("scores").blur(); };
  $("new-kind").onsubmit = (event) => {
    event.preventDefault();
    const kind = $("kind-name").value.trim();
    if (!kind) return;
    if (!page.kinds.includes(kind)) page.kinds.push(kind);
    $("kind-name").value = "";
    $("kind-name").blur();
    drawKinds();
    choose(kind);
  };
  window.addEventListener("beforeunload", (event) => {
    if ([...page.books.values()].some((book) => book.unsaved)) event.preventDefault();
  });
  for (const [keys, meaning] of KEYS) {
    const [dt, dd] = ["dt", "dd"].map((name) => $("keys").appendChild(document.createElement(name)));
    dt.textContent = keys;
    dd.textContent = meaning;
  }
}

async function begun() {
  try {
    const { file, kinds, clips } = await ask("clips");
    page.clips = clips;
    page.kinds = kinds;
    $("file").textContent = file;
    listen();
    drawKinds();
    await open(0);
    document.body.dataset.ready = "yes";
  } catch (error) {
    $("trouble").hidden = false;
    $("trouble-text").textContent = [error.what ?? error.message, error.where, error.fix].filter(Boolean).join("\n");
  }
}

begun();
