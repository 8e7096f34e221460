"""What the bundled talkers do to people nobody trained on, beyond the suites' tables.

neutralization  emotional references through each talker's `neutralize`: how often the bundled judge then sees neutral,
                and how much intensity is left, beside the references themselves and true neutral frames
listening       what the talker hears in voices: emotion by phi, alpha, beside the bundled audio probe as the ceiling;
                and linear discriminants: emotion from z_id (at chance: nothing of the reference's expression is left),
                identity from z_exp (at chance: an expression direction that is nobody's own)

Faces and voices of the embedded world, identities of the suites, sentences 200 and up; sums over clips, intervals over
identities.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.evidence.common import Figures, main
from benchmarks.evidence.pictures import share
from benchmarks.evidence.voice_probes import discriminant_accuracy
from eap.acoustics import log_mel
from eap.constants import EMOTIONS, MODEL_SIZE, NEUTRAL, RATE
from eap.inference import Model
from eap.perception.zoo import load_audio_probe, load_emotion_judge
from eap.synth.clip import ClipSpec, Utterance, render_moments, utter
from metrics.statistics import cluster_bootstrap

FIRST = 2000
"""First identity of the suites."""
MOMENTS = 8
NEUTRALIZERS = ("ant", "ant-wild", "eap", "no-neutralization")
LISTENERS = ("eap", "no-neutralization", "no-intensity")


@dataclass(frozen=True)
class Reference:
    """One reference image (S,S,3) of an identity showing an emotion, at its strongest of eight moments."""

    identity: int
    emotion: int
    image: np.ndarray


@dataclass(frozen=True)
class Heard:
    """One spoken sentence and whose it is."""

    spec: ClipSpec
    said: Utterance

    @property
    def emotion(self) -> int:
        """Class index."""
        return EMOTIONS.index(self.spec.emotion)


def references(people: range) -> list[Reference]:
    """One per identity and emotion, level 3."""
    found = []
    for person in people:
        for number, emotion in enumerate(EMOTIONS):
            level = 1 if number == NEUTRAL else 3
            seen = render_moments(ClipSpec(person, emotion, level, 200 + number), MOMENTS, size=MODEL_SIZE)
            found.append(Reference(person, number, seen.frames[int(seen.affect[:, 0].argmax())]))
    return found


def sentences(people: range, takes: int) -> list[Heard]:
    """``takes`` sentences per identity and emotion at levels 2 and 3 in turn."""
    found = []
    for person in people:
        for emotion in EMOTIONS:
            for take in range(takes):
                level = 1 if emotion == "neutral" else 2 + take % 2
                spec = ClipSpec(person, emotion, level, 210 + (person + 7 * take) % 80)
                found.append(Heard(spec, utter(spec)))
    return found


@torch.inference_mode()
def _judged(images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Class (N,) and intensity (N,) by the bundled judge."""
    reading = load_emotion_judge()(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255)
    return reading.logits.argmax(1).numpy(), reading.intensity.numpy()


def _look(images: list[np.ndarray], who: list[int]) -> Figures:
    seen, strength = _judged(images)
    found = cluster_bootstrap(strength.astype(float), [str(name) for name in who])
    return {
        "judged_neutral": share(seen == NEUTRAL, np.array(who)),
        "intensity": {"mean": found.estimate, "ci95": [found.low, found.high]},
    }


def neutralization(shown: list[Reference]) -> Figures:
    """How neutral the pictures become; ``residual``: the intensity left, as a part of the references'."""
    emotional = [r for r in shown if r.emotion != NEUTRAL]
    calm = [r for r in shown if r.emotion == NEUTRAL]
    who = [r.identity for r in emotional]
    out: Figures = {
        "references": _look([r.image for r in emotional], who),
        "true_neutral": _look([r.image for r in calm], [r.identity for r in calm]),
    }
    floor, top = out["true_neutral"]["intensity"]["mean"], out["references"]["intensity"]["mean"]
    for name in NEUTRALIZERS:
        model = Model.from_bundle(name)
        out[name] = _look([model.neutralize(r.image) for r in emotional], who)
        left = out[name]["intensity"]["mean"]
        out[name]["residual"] = {"above_zero": left / top, "above_neutral": (left - floor) / (top - floor)}
    return out


def listening(shown: list[Reference], heard: list[Heard]) -> Figures:
    """What each talker makes of voices it never heard, with the probes of both latents; the audio probe beside it.

    Emotion accuracy per clip, alpha's Pearson r over all frames and within clips (those that move). Linear
    discriminants are tested on other people (z_id) or other sentences (z_exp) than they were fitted on.
    """
    who = np.array([h.spec.identity for h in heard])
    truth = np.array([h.emotion for h in heard])
    portrait = {r.identity: r.image for r in shown if r.emotion == NEUTRAL}
    probe = load_audio_probe()
    with torch.inference_mode():
        readings = [probe(torch.from_numpy(log_mel(h.said.audio, len(h.said.alpha)))[None]) for h in heard]
    guess = np.array([int(reading.logits.argmax()) for reading in readings])
    out: Figures = {
        "clips": len(heard),
        "chance": {"emotion": 1 / len(EMOTIONS), "identity": 1 / len(portrait)},
        "audio-probe": _hearing(heard, guess == truth, who, [reading.alpha[0].numpy() for reading in readings]),
    }
    for name in LISTENERS:
        model = Model.from_bundle(name)
        told = [model.explain(portrait[h.spec.identity], h.said.audio, r_hat=False) for h in heard]
        guess = np.array([int(np.argmax(one.emotion_probability)) for one in told])
        z_exp = np.stack([one.z_exp for one in told])
        out[name] = {
            **_hearing(heard, guess == truth, who, [np.asarray(one.alpha) for one in told]),
            "emotion_from_z_id": _emotion_from_z_id(model, shown),
            "identity_from_z_exp": _halves(z_exp, who),
            "emotion_from_z_exp": _halves(z_exp, truth),
        }
    return out


def _emotion_from_z_id(model: Model, shown: list[Reference]) -> float:
    second = np.array([i // len(EMOTIONS) % 2 == 1 for i in range(len(shown))])
    emotion = np.array([r.emotion for r in shown])
    quiet = np.zeros(RATE // 5, np.float32)
    z_id = np.stack([model.explain(r.image, quiet, r_hat=False).z_id for r in shown])
    return discriminant_accuracy(z_id[~second], emotion[~second], z_id[second], emotion[second])


def _halves(x: np.ndarray, y: np.ndarray) -> float:
    odd = np.arange(len(x)) % 2 == 1
    return discriminant_accuracy(x[~odd], y[~odd], x[odd], y[odd])


def _hearing(heard: list[Heard], right: np.ndarray, who: np.ndarray, alpha: list[np.ndarray]) -> Figures:
    out: Figures = {"emotion_accuracy": share(right, who)}
    if max(float(np.ptp(values)) for values in alpha) < 1e-6:
        return {**out, "alpha": "constant"}
    pairs = [(a[: len(h.said.alpha)], h.said.alpha[: len(a)]) for a, h in zip(alpha, heard, strict=True)]
    moving = [(a, b) for (a, b), h in zip(pairs, heard, strict=True) if h.emotion != NEUTRAL and np.ptp(b) > 0.02]
    everything = np.corrcoef(np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs]))
    within = float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in moving if np.ptp(a) > 0]))
    return {**out, "alpha_r": float(everything[0, 1]), "alpha_r_within_clip": within}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this script."""
    parser.add_argument("--people", type=int, default=16, help="identities, from 2000 on (default 16)")
    parser.add_argument("--takes", type=int, default=2, help="sentences per identity and emotion (default 2)")


def measure(args: argparse.Namespace) -> Figures:
    """All figures of this script."""
    people = range(FIRST, FIRST + args.people)
    shown, heard = references(people), sentences(people, args.takes)
    return {
        "world": "the embedded world",
        "identities": [people.start, people.stop - 1],
        "neutralization": neutralization(shown),
        "listening": listening(shown, heard),
    }


if __name__ == "__main__":
    main("model_claims", __doc__, measure, arguments)
