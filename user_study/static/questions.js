// The answer part of a trial, one class per kind of question: builds its fields, knows its answer.

import { make } from "./common.js";

function option(group, value, content, key) {
  const input = make("input", { type: "radio", name: group, value });
  const face = make("span", {}, ...content);
  if (key) face.append(make("span", { className: "key", ariaHidden: "true" }, key));
  return make("label", { className: "option" }, input, face);
}

// Emotion, rating and preference: one of several options.
export class Choice {
  constructor(question, onChange) {
    this.question = question;
    const { options } = question;
    this.keys = question.kind === "preference" ? ["a", "b", "n"] : options.map((_, i) => (i < 9 ? String(i + 1) : i === 9 ? "0" : ""));
    const rating = question.kind === "acr";
    const labels = options.map((one, i) => option("answer", one.value,
      rating ? [make("b", {}, one.value), make("small", {}, one.label)] : [make("span", {}, one.label)], rating ? "" : this.keys[i].toUpperCase()));
    this.inputs = labels.map((label) => label.firstChild);
    const shape = rating ? `acr${options.length > 5 ? " ten" : ""}` : `grid${options.length <= 3 ? " three" : ""}`;
    this.fields = make("fieldset", { className: "choices", disabled: true },
      make("legend", {}, question.text), make("div", { className: shape }, ...labels));
    this.fields.addEventListener("change", onChange);
  }

  enable(focus) {
    this.fields.disabled = false;
    if (focus) this.inputs[0].focus({ preventScroll: true });
  }

  get answer() { return this.inputs.find((input) => input.checked)?.value ?? null; }

  get samples() { return []; }

  choose(key) {
    const at = this.keys.indexOf(key.toLowerCase());
    if (at < 0 || !this.inputs[at] || this.fields.disabled) return false;
    this.inputs[at].checked = true;
    this.inputs[at].focus({ preventScroll: true });
    this.fields.dispatchEvent(new Event("change"));
    return true;
  }

  reset() { this.inputs.forEach((input) => { input.checked = false; }); }

  get hint() {
    if (this.question.kind === "preference") return "A, B or N chooses · Enter goes on";
    return `${this.keys[0]} to ${this.keys.at(-1)} chooses · Space plays again · Enter goes on`;
  }
}

const SAMPLE_EVERY = 0.05; // seconds
const KEY_STEP = 5; // of 100: a held arrow key crosses the slider in a second

// The intensity trace: a slider that is read, with the clip's own time, while the clip plays.
export class TraceField {
  constructor(question, onChange) {
    this.question = question;
    this.onChange = onChange;
    this.taken = [];
    this.whole = false;
    this.slider = make("input", { type: "range", min: "0", max: "100", step: "1", value: "0", disabled: true, id: "slider" });
    this.slider.setAttribute("aria-valuetext", question.low);
    this.slider.addEventListener("input", () => {
      const share = this.slider.value / 100;
      this.slider.setAttribute("aria-valuetext", `${this.slider.value} of 100, ${share < 0.1 ? question.low : share > 0.9 ? question.high : "in between"}`);
    });
    this.slider.addEventListener("keydown", (event) => {
      const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      this.slider.value = String(Number(this.slider.value) + way * KEY_STEP);
      this.slider.dispatchEvent(new Event("input"));
    });
    this.fields = make("div", { className: "slider" }, make("label", { htmlFor: "slider" }, make("strong", {}, question.text)), this.slider,
      make("div", { className: "ends", ariaHidden: "true" }, make("span", {}, question.low), make("span", {}, question.high)));
  }

  start() {
    this.taken = [[0, 0]]; // where the slider is when the clip begins: a slow device's first picture may come late
    this.whole = false;
    this.slider.disabled = false;
    this.slider.value = "0";
    this.slider.focus({ preventScroll: true });
    this.onChange();
  }

  sample(t) {
    const last = this.taken.at(-1);
    const value = this.slider.value / 100;
    const time = Math.round(t * 1000) / 1000;
    if (!last || time - last[0] >= SAMPLE_EVERY || (value !== last[1] && time > last[0])) this.taken.push([time, value]);
  }

  stop() {
    this.taken = [];
    this.slider.disabled = true;
  }

  end(duration) {
    this.sample(Math.max(duration, this.taken.at(-1)?.[0] ?? 0) + 1e-3);
    this.whole = true;
    this.slider.disabled = true;
    this.onChange();
  }

  enable() {}

  get answer() { return this.whole && this.taken.length > 1 ? "trace" : null; }

  get samples() { return this.taken.slice(0, 4096); }

  choose() { return false; }

  reset() { this.taken = []; this.whole = false; this.slider.value = "0"; }

  get hint() { return "← and → move the slider · Space plays · Enter saves"; }
}
