// Training and trials: shows the open trial, loads the next, saves each answer the moment it is given.

import { Clip, download, together } from "./clip.js";
import { base, byId, make, randomId, Refused, request, seconds } from "./common.js";
import { Choice, TraceField } from "./questions.js";

const OUTBOX = `eap-answer-${document.body.dataset.outbox}`;
const loaded = new Map(); // address -> promise of a blob
const status = byId("status");
const save = byId("save");
const feedback = byId("feedback");

let trial = null; // the open trial, as the server tells it
let clips = [];
let question = null; // its Choice or TraceField
let shownAt = 0; // when this question could be answered
let introduced = "";
let busy = false;
let after = null; // what the button does when it does not save

function say(text, bad = false) {
  status.textContent = text;
  status.classList.toggle("bad", bad);
}

function fetchOnce(path, onProgress) {
  if (!loaded.has(path)) loaded.set(path, download(path, onProgress));
  return loaded.get(path);
}

function forget(keep) {
  for (const path of loaded.keys()) if (!keep.includes(path)) loaded.delete(path);
}

const paths = (one) => (one ? [...one.clips.map((clip) => clip.url), ...(one.reference ? [one.reference] : [])] : []);

function progress(state) {
  const part = state.stage === "training" ? "Practice" : "Study";
  byId("part").textContent = `${part} · part ${state.trial?.block ?? 1}`;
  if (state.stage === "training") byId("part").textContent = part;
  byId("count").textContent = `${state.done + 1} of ${state.total}`;
  byId("progress").max = state.total;
  byId("progress").value = state.done;
}

async function show(state) {
  if (state.stage !== "training" && state.stage !== "trials") { location.assign(`${base}/`); return; }
  progress(state);
  forget([...paths(state.trial), ...paths(state.next)]);
  if (state.trial.id === trial?.id) { ask(state.trial); return; }
  clips.forEach((clip) => clip.close());
  clips = [];
  trial = state.trial;
  const key = `${state.stage}/${trial.block}`;
  if (key !== introduced) { await introduce(state, key); introduced = key; }
  await present(state);
}

async function introduce(state, key) {
  const words = [];
  if (state.stage === "training") words.push("First a few clips for practice. You are told how most people see them.");
  else if (introduced.startsWith("training")) words.push("The practice is over: from now on there is no feedback.");
  if (trial.intro) words.push(trial.intro);
  if (!words.length) return;
  byId("intro-title").textContent = state.stage === "training" && !introduced ? "Practice" : `Part ${trial.block}`;
  byId("intro-text").textContent = words.join(" ");
  byId("trial").hidden = true;
  byId("intro").hidden = false;
  void prefetch(state.trial);
  byId("intro-go").focus({ preventScroll: true });
  await new Promise((resolve) => { byId("intro-go").addEventListener("click", resolve, { once: true }); });
  byId("intro").hidden = true;
}

async function prefetch(one) {
  for (const path of paths(one)) await fetchOnce(path).catch(() => {});
}

async function present(state) {
  byId("trial").hidden = false;
  const pair = trial.clips.length > 1;
  const handlers = { onStart, onStop, onEnd, onTime, onProblem };
  clips = trial.clips.map((_, i) => new Clip(pair ? `clip ${"AB"[i]}` : "the clip", handlers));
  const figures = clips.map((clip, i) => (pair ? make("figure", {}, clip.tile, make("figcaption", {}, `Clip ${"AB"[i]}`)) : clip.tile));
  byId("stage").className = pair ? "stage pair" : "stage";
  byId("stage").replaceChildren(...figures);
  const mine = trial;
  ask(trial);
  const since = seconds();
  try {
    if (trial.reference) await reference(pair);
    for (const [i, clip] of clips.entries()) {
      const blob = await fetchOnce(trial.clips[i].url, (share) => {
        if (mine === trial) say(share === null ? "The connection is lost. Trying again …" : `Loading … ${Math.round(share * 100)} %`, share === null);
      });
      if (mine !== trial) return;
      await clip.load(blob, seconds() - since);
    }
  } catch {
    if (mine === trial) await again("This clip could not be loaded.");
    return;
  }
  say(invitation());
  clips[0].button.focus({ preventScroll: true });
  window.scrollTo({ top: 0 });
  void prefetch(state.next);
}

async function reference(pair) {
  const blob = await fetchOnce(trial.reference);
  const image = make("img", { src: `${base}/${trial.reference}`, alt: "The person this clip is meant to show" });
  if (!pair && blob) byId("stage").append(make("figure", { className: "reference" }, image, make("figcaption", {}, "The person")));
}

function invitation() {
  if (trial.kind === "pair") return clips.every((clip) => clip.plays) ? "" : "Play both clips, one after the other.";
  if (trial.kind === "trace") return clips[0].plays ? "You can do it again, or save." : "Press play and move the slider at once.";
  return clips[0].plays ? "" : "Play the clip to its end, with sound.";
}

function ask(told) {
  trial = told;
  const asked = trial.questions[trial.step];
  question = asked.kind === "trace" ? new TraceField(asked, update) : new Choice(asked, update);
  const many = trial.questions.length > 1 ? make("p", { className: "small" }, `Question ${trial.step + 1} of ${trial.questions.length}`) : "";
  byId("answers").replaceChildren(many, question.fields);
  byId("keys").textContent = question.hint;
  feedback.hidden = true;
  after = null;
  save.textContent = trial.step + 1 < trial.questions.length ? "Next question" : "Next clip";
  if (asked.kind === "trace") save.textContent = "Save and go on";
  shownAt = seconds();
  if (seen()) { question.enable(true); say(invitation()); }
  update();
}

const seen = () => clips.length > 0 && (!trial.complete || clips.every((clip) => clip.plays > 0));

function update() {
  save.disabled = busy || !(after || (seen() && question?.answer !== null));
}

function onStart(clip) {
  clips.forEach((other) => { if (other !== clip && other.running) other.video.pause(); });
  say(trial.kind === "trace" ? "Move the slider." : "");
  if (question instanceof TraceField) question.start();
  update();
}

function onTime(clip, t) {
  if (question instanceof TraceField) question.sample(t);
}

function onStop() {
  if (question instanceof TraceField) { question.stop(); clips[0].video.currentTime = 0; }
  say("The clip stopped. Press play to go on.");
  update();
}

function onEnd(clip) {
  if (question instanceof TraceField) question.end(clip.video.duration);
  say(invitation());
  if (seen()) {
    if (clip.plays === 1) shownAt = seconds();
    question.enable(clip.plays === 1);
    if (question instanceof TraceField) save.disabled || save.focus({ preventScroll: true });
  } else {
    clips.find((other) => !other.plays)?.button.focus({ preventScroll: true });
  }
  update();
}

function onProblem() {
  void again("This browser cannot play the clip.");
}

async function again(words) {
  clips.forEach((clip) => clip.close());
  byId("trial").hidden = true;
  const button = make("button", { type: "button" }, "Load the page again");
  button.addEventListener("click", () => location.reload());
  byId("message").replaceChildren(make("p", {}, `${words} Your answers are saved. Please load the page again, or open it in another browser.`), button);
  byId("message").hidden = false;
  button.focus();
}

// An answer is kept in this browser until the server has said that it is saved.
async function send(answer) {
  try {
    localStorage.setItem(OUTBOX, JSON.stringify(answer));
  } catch { /* private windows may refuse: then it lives as long as the page */ }
  const reply = await request("api/answers", answer, () => say("No connection. Your answer is kept here and sent as soon as possible.", true));
  localStorage.removeItem(OUTBOX);
  return reply;
}

async function submit() {
  if (after) { const go = after; after = null; go(); return; }
  if (busy || question?.answer === null || !seen()) return;
  busy = true;
  update();
  say("Saving …");
  const answer = {
    id: randomId(), trial: trial.id, question: trial.questions[trial.step].name, answer: question.answer, samples: question.samples,
    playback: together(clips, Math.max(0, seconds() - shownAt)),
  };
  try {
    const reply = await send(answer);
    busy = false;
    say("");
    if (reply.feedback) explain(reply);
    else await show(reply.state);
  } catch (error) {
    busy = false;
    if (!(error instanceof Refused)) throw error;
    localStorage.removeItem(OUTBOX);
    if (error.status === 409) { await show(await request("api/state")); return; }
    if (error.status === 422) { say(`${error.message}.`, true); update(); return; }
    location.assign(`${base}/`);
  }
}

function explain(reply) {
  feedback.textContent = reply.feedback;
  feedback.className = `feedback ${reply.correct ? "right" : "not"}`;
  feedback.hidden = false;
  question.fields.disabled = true;
  save.textContent = reply.again ? "Try again" : "Continue";
  after = () => { void show(reply.state); };
  update();
  save.focus({ preventScroll: true });
}

function keyed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("trial").hidden) return;
  const onButton = event.target instanceof HTMLElement && event.target.closest("button, a");
  if (event.key === " " && !onButton) {
    event.preventDefault();
    (clips.find((clip) => !clip.plays) ?? clips[0])?.play();
  } else if (event.key === "Enter" && !onButton && !save.disabled) {
    event.preventDefault();
    void submit();
  } else if (!after && event.key.length === 1 && question?.choose(event.key)) {
    event.preventDefault();
  }
}

byId("form").addEventListener("submit", (event) => { event.preventDefault(); void submit(); });
document.addEventListener("keydown", keyed);
document.addEventListener("visibilitychange", () => { if (document.hidden) clips.forEach((clip) => clip.interrupt()); });

async function begin() {
  const kept = localStorage.getItem(OUTBOX);
  if (kept) {
    // Given before a crash or a refresh: the server knows by its id whether it has it already.
    try { await send(JSON.parse(kept)); } catch (error) { if (!(error instanceof Refused) && !(error instanceof SyntaxError)) throw error; localStorage.removeItem(OUTBOX); }
  }
  await show(await request("api/state", undefined, () => { byId("message").textContent = "No connection. Trying again …"; byId("message").hidden = false; }));
  byId("message").hidden = true;
}

await begin().catch((error) => {
  if (!(error instanceof Refused)) throw error;
  location.assign(`${base}/`);
});
