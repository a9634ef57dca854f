// Two players with one face: the browser's own, and one that shows frames decoded by the server, by its own clock.
// Both know which frame is shown, exactly: `at` is its number from 0.

const AHEAD = 6; // frames fetched before they are due
const KEPT = 60; // frames at hand
const WRONG = 3; // frames shown other than asked for, one after the other, before the browser's clock is given up
const SETTLED = 400; // milliseconds after which a frame that was sought is on the screen

class Player {
  constructor(clip, number, tell) {
    this.clip = clip;
    this.number = number;
    this.tell = tell; // {frame(n), state(), fail(why)}
    this.at = 0;
    this.rate = 1;
  }

  get last() { return this.clip.frames - 1; }

  clamp(frame) { return Math.max(0, Math.min(this.last, Math.round(frame))); }

  show(frame) {
    this.at = this.clamp(frame);
    this.tell.frame(this.at);
  }
}

export class VideoPlayer extends Player {
  constructor(clip, number, tell, video) {
    super(clip, number, tell);
    this.video = video;
    this.wrong = 0;
    this.over = new AbortController();
    const on = (name, call) => video.addEventListener(name, call, { signal: this.over.signal });
    on("error", () => tell.fail("this browser cannot play the file"));
    on("loadedmetadata", () => this.look());
    on("play", () => tell.state());
    on("pause", () => { this.settle(); tell.state(); });
    on("seeked", () => this.verify());
    on("ended", () => this.seek(this.last));
    video.hidden = false;
    video.src = `video/${number}`;
    this.watch();
    this.seek(0);
  }

  look() {
    const { fps, frames } = this.clip;
    const more = this.video.duration * fps - frames; // a sound track may be a little longer than the film
    if (!this.video.videoWidth) this.tell.fail("this browser cannot decode the film");
    else if (more < -1.5 || more > fps + 1.5) this.tell.fail("the file's length is not its frames at an even rate");
    else this.seek(this.at);
  }

  // Called for each frame that is really shown, where the browser tells; else looks at the clock.
  watch() {
    const { video } = this;
    const seen = (frame) => {
      if (this.over.signal.aborted) return;
      if (!video.paused && !video.seeking) this.show(frame);
      this.watch();
    };
    if ("requestVideoFrameCallback" in video) {
      video.requestVideoFrameCallback((_, { mediaTime }) => {
        this.shown = Math.round(mediaTime * this.clip.fps);
        seen(this.shown);
      });
    } else requestAnimationFrame(() => seen(Math.floor(video.currentTime * this.clip.fps + 0.01)));
  }

  // Once a frame stands still, the browser has told which it is.
  verify() {
    clearTimeout(this.doubt);
    this.doubt = setTimeout(() => {
      if (this.over.signal.aborted || !this.video.paused || this.video.seeking || this.shown === undefined) return;
      this.wrong = this.shown === this.at ? 0 : this.wrong + 1;
      if (this.wrong >= WRONG) this.tell.fail("this browser shows other frames than it is asked for");
    }, SETTLED);
  }

  get playing() { return !this.video.paused && !this.video.ended; }

  play() {
    if (this.at >= this.last) this.seek(0);
    this.video.playbackRate = this.rate;
    // A browser that refuses for the moment says so here; what it cannot play, by the event `error`.
    this.video.play().catch(() => this.tell.state());
  }

  pause() { this.video.pause(); }

  // The clock stops somewhere in, or just behind, the frame that is shown: put it into that frame's middle.
  settle() { if (!this.over.signal.aborted && !this.video.ended) this.seek(this.at); }

  seek(frame) {
    this.shown = undefined;
    this.show(frame);
    this.video.currentTime = (this.at + 0.5) / this.clip.fps;
  }

  speed(rate) {
    this.rate = rate;
    this.video.playbackRate = rate;
  }

  close() {
    this.over.abort();
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    this.video.hidden = true;
  }
}

export class FramePlayer extends Player {
  constructor(clip, number, tell, canvas, from = 0) {
    super(clip, number, tell);
    this.canvas = canvas;
    this.frames = new Map();
    this.playing = false;
    this.closed = false;
    this.took = 0.03; // seconds that a frame takes to come, about
    canvas.hidden = false;
    this.seek(from);
  }

  load(frame) {
    let found = this.frames.get(frame);
    if (!found) {
      const begun = performance.now();
      found = fetch(`frame/${this.number}/${frame}`).then(async (answer) => {
        if (!answer.ok) throw new Error((await answer.json()).what);
        const image = await createImageBitmap(await answer.blob());
        this.took = 0.8 * this.took + 0.2 * (performance.now() - begun) / 1000;
        return image;
      });
      found.catch(() => this.frames.delete(frame));
      this.frames.set(frame, found);
      for (const old of this.frames.keys()) {
        if (this.frames.size <= KEPT) break;
        this.frames.delete(old);
      }
    }
    return found;
  }

  async draw(frame) {
    let image;
    try {
      image = await this.load(frame);
    } catch (error) {
      this.pause();
      if (!this.closed) this.tell.fail(error.message);
      return false;
    }
    if (this.closed) return false;
    if (this.canvas.width !== image.width || this.canvas.height !== image.height) {
      this.canvas.width = image.width;
      this.canvas.height = image.height;
    }
    this.canvas.getContext("2d").drawImage(image, 0, 0);
    this.shown = frame;
    return true;
  }

  // One frame at a time is fetched, always the one wanted by then: who drags quickly does not wait for all between.
  async settle() {
    if (this.settling) return;
    this.settling = true;
    let drawn = -1;
    while (drawn !== this.at && !this.playing && !this.closed) {
      const wanted = this.at;
      if (!await this.draw(wanted)) break;
      drawn = wanted;
    }
    this.settling = false;
    if (!this.playing && !this.closed) this.ahead(this.at, 1);
  }

  ahead(frame, stride) {
    for (let step = 1; step <= AHEAD; step += 1) {
      if (frame + step * stride <= this.last) this.load(frame + step * stride).catch(() => {});
    }
  }

  async run() {
    let begun = performance.now();
    let from = this.at;
    let rate = this.rate;
    while (this.playing) {
      if (rate !== this.rate) [begun, from, rate] = [performance.now(), this.at, this.rate];
      const due = this.clamp(Math.floor(from + (performance.now() - begun) / 1000 * this.clip.fps * rate));
      if (due > this.at) {
        this.ahead(due, Math.max(1, Math.ceil(this.took * this.clip.fps * rate / AHEAD)));
        if (!await this.draw(due) || !this.playing) break;
        this.show(due);
      }
      if (this.at >= this.last) this.pause();
      await new Promise(requestAnimationFrame);
    }
  }

  play() {
    if (this.at >= this.last) this.show(0);
    this.playing = true;
    this.tell.state();
    this.run();
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.tell.state();
    this.settle();
  }

  seek(frame) {
    const playing = this.playing;
    this.playing = false;
    this.show(frame);
    if (playing) requestAnimationFrame(() => this.play());
    else this.settle();
  }

  speed(rate) { this.rate = rate; }

  close() {
    this.closed = true;
    this.playing = false;
    this.frames.clear();
    this.canvas.hidden = true;
  }
}
