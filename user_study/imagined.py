"""Stimuli that do not exist yet: to try a design, a crowd and the statistics before any clip is made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eap.constants import EMOTIONS, FPS
from user_study.assignment import seed_of
from user_study.design import Design
from user_study.records import Intensity, Stimulus

METHODS = ("ground-truth", "eap", "no-neutralization", "no-intensity", "still-image")


def imagined_stimuli(
    design: Design, *, identities: int = 6, sentences: int = 2, methods: Sequence[str] = (), seconds: float = 3.0
) -> list[Stimulus]:
    """Every method x identity x emotion x sentence that the design's [stimuli] leaves, without a file behind it."""
    choice = design.stimuli
    names = tuple(methods) or choice.methods or METHODS
    faces = choice.identities or tuple(f"id{i + 1:02d}" for i in range(identities))
    tracks = choice.tracks or ("neutral",)
    emotions = choice.emotions or EMOTIONS
    texts = choice.sentences or tuple(f"{i + 1:03d}" for i in range(sentences))
    return [
        Stimulus(
            f"x{seed_of(method, track, face, emotion, text) % 10**12:012d}", method, track,
            f"{face}-{emotion}-{text}", face, emotion, 3, text, seconds=seconds, fps=float(FPS),
            reference="imagined.png",
        )
        for track in tracks
        for face in faces
        for emotion in emotions
        for text in texts
        for method in names
    ]  # fmt: skip


def imagined_intensity(stimuli: Sequence[Stimulus], seed: int = 0) -> list[Intensity]:
    """A course of r(t) for each stimulus: slow waves, the same for all methods of a clip; as the "model" a share of it.

    Methods share the true course; what the "model" shows of it falls with the method's place in the list.
    """
    methods = list(dict.fromkeys(s.method for s in stimuli))
    rows: list[Intensity] = []
    for s in stimuli:
        rng = np.random.default_rng(seed_of(seed, s.track, s.clip))
        t = np.arange(round(s.seconds * FPS)) / FPS
        course = np.zeros(len(t))
        for wave in range(1, 4):
            course += rng.normal(0, 0.2 / wave) * np.sin(2 * np.pi * wave * t / s.seconds + rng.uniform(0, 6.283))
        true = np.clip(0.55 + course, 0.02, 1.3)
        share = 1.0 - 0.9 * methods.index(s.method) / max(len(methods) - 1, 1)
        shown = share * true + (1 - share) * true.mean()
        for name, values in (("intensity", shown), ("intensity_true", true)):
            rows += [
                Intensity(s.stimulus, s.method, s.track, s.clip, name, round(float(a), 4), round(float(b), 5))
                for a, b in zip(t, values, strict=True)
            ]
    return rows
