"""Probes of the embedded world's voices that need no network: artefacts, speakers, spread of intensity, speed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from eap.acoustics import log_mel
from eap.constants import EMOTIONS
from eap.synth.clip import ClipSpec, Utterance, render_clip, utter


def discriminant_accuracy(x: np.ndarray, y: np.ndarray, x_new: np.ndarray, y_new: np.ndarray) -> float:
    """Accuracy of Fisher's linear discriminant (common covariance, equal priors), inputs standardised by training."""
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-9
    known, new = (x - mean) / deviation, (x_new - mean) / deviation
    centres = np.stack([known[y == k].mean(axis=0) for k in np.unique(y)])
    inner = known - centres[np.searchsorted(np.unique(y), y)]
    covariance = inner.T @ inner / len(inner) + 0.01 * np.eye(known.shape[1])
    projected = centres @ np.linalg.inv(covariance)
    scores = new @ projected.T - 0.5 * (projected * centres).sum(axis=1)
    return float((np.unique(y)[scores.argmax(axis=1)] == y_new).mean())


def _edges(said: Utterance) -> tuple[float, float]:
    """Seconds of silence before the first and after the last phone."""
    return said.segments[0].end, said.segments[-1].end - said.segments[-1].start


def _noise(said: Utterance) -> np.ndarray:
    """Mel rows (8 * 80,) of the first and the last 40 ms, where nobody speaks."""
    return np.concatenate([log_mel(said.audio[:1280])[:4].ravel(), log_mel(said.audio[-1280:])[-4:].ravel()])


def _squares(values: np.ndarray) -> np.ndarray:
    return np.column_stack([values, values**2])


def artefacts(known: Sequence[Utterance], unknown: Sequence[Utterance]) -> dict[str, Any]:
    """Accuracy of the emotion from single numbers of a clip; `chance` is the share of the largest class.

    Silence, its noise, clipping and the offset of the samples must stay near chance; length, level and F0 are cues of
    real voices, printed to show how little each of them tells alone.
    """
    floor, floor_new = np.array([_noise(u) for u in known]), np.array([_noise(u) for u in unknown])
    y = np.array([EMOTIONS.index(u.emotion) for u in known])
    y_new = np.array([EMOTIONS.index(u.emotion) for u in unknown])

    def probe(feature: Any) -> float:
        x = _squares(np.array([feature(u) for u in known], dtype=float).reshape(len(known), -1))
        x_new = _squares(np.array([feature(u) for u in unknown], dtype=float).reshape(len(unknown), -1))
        return round(discriminant_accuracy(x, y, x_new, y_new), 4)

    return {
        "chance": round(float(np.bincount(y_new, minlength=8).max() / len(y_new)), 4),
        "silence_at_both_ends_seconds": probe(_edges),
        "noise_of_first_and_last_40_ms": round(discriminant_accuracy(floor, y, floor_new, y_new), 4),
        "clip_length": probe(lambda u: len(u.alpha)),
        "clipping_share_above_0.99": probe(lambda u: (np.abs(u.audio) > 0.99).mean()),
        "mean_of_the_samples": probe(lambda u: u.audio.mean()),
        "mean_level": probe(lambda u: 20 * np.log10(u.audio.std())),
        "mean_f0": probe(lambda u: np.log2(u.f0[u.f0 > 0]).mean()),
        "largest_sample": round(max(float(np.abs(u.audio).max()) for u in (*known, *unknown)), 4),
    }


def spread(said: Sequence[Utterance]) -> dict[str, Any]:
    """Standard deviation of alpha within clips with an emotion, per level: least, 5th percentile, median."""
    rows = {}
    for level in (1, 2, 3):
        found = [u.alpha.std() for u in said if u.level == level and u.emotion != "neutral"]
        rows[str(level)] = [round(float(v), 4) for v in (np.min(found), np.percentile(found, 5), np.median(found))]
    return rows


def _portrait(person: int, number: int) -> np.ndarray:
    """Long-term statistics of a neutral sentence: mean and deviation of the mel spectrum where voiced, F0."""
    said = utter(ClipSpec(person, "neutral", 1, number))
    mel = log_mel(said.audio)[np.repeat(said.f0 > 0, 4)]
    pitch = np.log2(said.f0[said.f0 > 0])
    return np.concatenate([mel.mean(axis=0), mel.std(axis=0), [8 * np.median(pitch), 8 * pitch.std()]])


def speakers(people: int = 60, sentences: int = 4) -> dict[str, Any]:
    """Same/different speaker from two different sentences, people never heard: AUC within all and within one sex."""
    from eap.synth.clip import is_female

    made = np.array([[_portrait(30_000 + k, 7 * k + 13 * j) for j in range(sentences)] for k in range(people)])
    half = people // 2
    inner = (made[:half] - made[:half].mean(axis=1, keepdims=True)).reshape(half * sentences, -1)
    covariance = inner.T @ inner / len(inner) + 0.02 * np.eye(inner.shape[1])
    values, vectors = np.linalg.eigh(covariance)
    flat = (made[half:] - made[:half].mean(axis=(0, 1))) @ (vectors / np.sqrt(values))
    flat = flat.reshape(-1, flat.shape[-1])
    who = np.repeat(np.arange(half, people), sentences)
    sex = np.array([is_female(30_000 + k) for k in who])
    unit = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    near = unit @ unit.T
    one, other = np.triu_indices(len(who), 1)
    same = who[one] == who[other]

    def auc(rows: np.ndarray) -> float:
        positive, negative = near[one, other][rows & same], near[one, other][rows & ~same]
        return round(float((positive[:, None] > negative).mean()), 4)

    np.fill_diagonal(near, -2)
    return {
        "people_tested": people - half,
        "auc": auc(np.ones(len(same), bool)),
        "auc_within_sex": auc(sex[one] == sex[other]),
        "nearest_clip_is_the_speaker": round(float((who[near.argmax(axis=1)] == who).mean()), 4),
    }


def speed(clips: int = 16) -> dict[str, float]:
    """Seconds of clip per second of this process's CPU: sound alone, and sound with all truth without pictures."""
    specs = [ClipSpec(k // 8, EMOTIONS[k % 8], 1, k) for k in range(clips)]
    for spec in specs[::8]:
        render_clip(spec, frames=False)  # builds the faces
    seconds = {}
    for name, make in (("sound", utter), ("sound_and_truth", lambda spec: render_clip(spec, frames=False).truth)):
        started, spoken = time.process_time(), 0.0
        for spec in specs:
            spoken += len(make(spec).alpha) / 25
        seconds[name] = round(spoken / (time.process_time() - started), 1)
    return seconds
