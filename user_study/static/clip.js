// One clip: fetched whole before it may start, so that it does not stall; what happens while it plays is counted.

import { base, make, seconds, sleep } from "./common.js";

// A broken download goes on where it stopped (HTTP Range). `onProgress` gets a share of 1, or null while it waits.
export async function download(path, onProgress = () => {}) {
  const parts = [];
  let got = 0, tag = "", type = "video/mp4";
  for (let wait = 1; ; wait = Math.min(wait * 2, 15)) {
    try {
      const headers = got && tag ? { range: `bytes=${got}-`, "if-range": tag } : {};
      const reply = await fetch(`${base}/${path}`, { headers, credentials: "same-origin" });
      if (reply.status >= 400 && reply.status < 500) throw new Error("gone");
      if (!reply.ok) throw new TypeError("try again");
      if (reply.status === 200) { parts.length = 0; got = 0; }
      const total = got + Number(reply.headers.get("content-length") || 0);
      tag = reply.headers.get("etag") || "";
      type = reply.headers.get("content-type") || type;
      const reader = reply.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        parts.push(value);
        got += value.length;
        if (total) onProgress(Math.min(1, got / total));
      }
      if (total && got < total) throw new TypeError("cut off");
      return new Blob(parts, { type });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      onProgress(null);
      await sleep(wait * 1000);
    }
  }
}

export class Clip {
  // onEnd(clip): played to its end. onTime(clip, t): while it plays. onProblem(clip): it cannot be decoded.
  constructor(label, handlers) {
    this.handlers = handlers;
    this.video = make("video", { playsInline: true, preload: "auto", tabIndex: -1 });
    this.video.setAttribute("disablepictureinpicture", "");
    this.video.setAttribute("aria-label", label);
    this.button = make("button", { type: "button", className: "play", disabled: true }, make("span", { ariaHidden: "true" }, "▶"));
    this.button.setAttribute("aria-label", `Play ${label}`);
    this.tile = make("div", { className: "tile" }, this.video, this.button);
    this.label = label;
    this.plays = 0;
    this.stalls = 0;
    this.stallSeconds = 0;
    this.hidden = 0;
    this.watched = 0;
    this.loadSeconds = null;
    this.endedAt = null;
    this.running = false;
    this.stalledAt = null;
    this.button.addEventListener("click", () => this.play());
    this.listen();
  }

  listen() {
    const { video } = this;
    video.addEventListener("waiting", () => { if (this.running && this.stalledAt === null && !video.ended) { this.stalledAt = seconds(); this.stalls += 1; } });
    video.addEventListener("playing", () => this.stallOver());
    video.addEventListener("ended", () => this.ended());
    video.addEventListener("pause", () => { if (this.running && !video.ended) this.stopped(); });
    video.addEventListener("error", () => { if (video.src) this.handlers.onProblem(this); });
  }

  stallOver() {
    if (this.stalledAt !== null) { this.stallSeconds += seconds() - this.stalledAt; this.stalledAt = null; }
  }

  async load(blob, waited) {
    this.address = URL.createObjectURL(blob);
    this.video.src = this.address;
    await new Promise((resolve) => {
      this.video.addEventListener("loadeddata", resolve, { once: true });
      setTimeout(resolve, 3000); // phones decode nothing before the first tap
    });
    this.loadSeconds = waited;
    this.button.disabled = false;
  }

  async play() {
    if (this.running || this.button.disabled) return;
    this.running = true;
    this.button.hidden = true;
    this.handlers.onStart?.(this);
    if (this.video.ended) this.video.currentTime = 0;
    try {
      await this.video.play();
      this.follow();
    } catch {
      this.stopped();
    }
  }

  follow() {
    if (!this.running) return;
    this.handlers.onTime?.(this, this.video.currentTime);
    requestAnimationFrame(() => this.follow());
  }

  stopped() {
    this.running = false;
    this.stallOver();
    this.measure();
    this.button.hidden = false;
    this.handlers.onStop?.(this);
  }

  measure() {
    const { played, duration } = this.video;
    let sum = 0;
    for (let i = 0; i < played.length; i += 1) sum += played.end(i) - played.start(i);
    if (duration > 0) this.watched = Math.min(1, Math.max(this.watched, sum / duration));
  }

  ended() {
    this.running = false;
    this.stallOver();
    this.measure();
    this.plays += 1;
    this.endedAt ??= seconds();
    this.button.hidden = false;
    this.button.classList.add("again");
    this.button.setAttribute("aria-label", `Play ${this.label} again`);
    this.button.firstChild.textContent = "↻";
    this.tile.classList.add("seen");
    this.handlers.onEnd(this);
  }

  interrupt() {
    this.hidden += 1;
    if (this.running) this.video.pause();
  }

  telemetry() {
    const quality = this.video.getVideoPlaybackQuality?.();
    return {
      plays: this.plays, watched: this.watched, stalls: this.stalls, stall_seconds: this.stallSeconds,
      load_seconds: this.loadSeconds, frames: quality?.totalVideoFrames ?? null, frames_dropped: quality?.droppedVideoFrames ?? null,
      hidden: this.hidden,
    };
  }

  close() {
    this.running = false;
    this.video.removeAttribute("src");
    this.video.load();
    if (this.address) URL.revokeObjectURL(this.address);
  }
}

// What the server keeps of the clips of one trial: the worse of two.
export function together(clips, secondsToAnswer) {
  const all = clips.map((clip) => clip.telemetry());
  const most = (name) => Math.max(...all.map((one) => one[name]));
  const sum = (name) => all.reduce((total, one) => total + one[name], 0);
  const known = (name) => (all.every((one) => one[name] !== null) ? sum(name) : null);
  return {
    plays: Math.min(...all.map((one) => one.plays)), watched: Math.min(...all.map((one) => one.watched)), seconds: secondsToAnswer,
    stalls: sum("stalls"), stall_seconds: sum("stall_seconds"), load_seconds: most("load_seconds"), frames: known("frames"),
    frames_dropped: known("frames_dropped"), hidden: most("hidden"),
  };
}
