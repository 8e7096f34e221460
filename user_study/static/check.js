// The sound and picture check.

import { Clip, download } from "./clip.js";
import { base, byId, Refused, request } from "./common.js";

const status = byId("status");
const fields = byId("fields");

function say(text, bad = false) {
  status.textContent = text;
  status.classList.toggle("bad", bad);
}

const clip = new Clip("the clip", {
  onStart: () => say("Listen and watch."),
  onStop: () => say("Play the clip to its end."),
  onEnd: () => {
    fields.disabled = false;
    say("You can play it again.");
    fields.querySelector("input, button").focus({ preventScroll: true });
  },
  onProblem: () => say("This browser cannot play the clip. Please try another browser.", true),
});
document.querySelector(".stage").replaceChildren(clip.tile);

const blob = await download("media/check", (share) => say(share === null ? "The connection is lost. Trying again …" : `Loading the clip … ${Math.round(share * 100)} %`));
await clip.load(blob, 0);
say("Press the button to play the clip.");
clip.button.focus({ preventScroll: true });

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  fields.disabled = true;
  say("Saving …");
  const given = {
    beeps: Number(form.get("beeps") || 0), shape: String(form.get("shape") || ""),
    width: window.innerWidth, height: window.innerHeight, ratio: window.devicePixelRatio || 1,
    touch: window.matchMedia("(pointer: coarse)").matches,
  };
  try {
    const { stage } = await request("api/check", given, () => say("No connection. Trying again …", true));
    if (stage !== "check") { location.assign(`${base}/`); return; }
    event.target.reset();
    fields.disabled = false;
    say("That was not quite it. Is your sound on? Play the clip again.", true);
    clip.button.focus({ preventScroll: true });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    location.assign(`${base}/`);
  }
});
