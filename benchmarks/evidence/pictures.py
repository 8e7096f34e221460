"""Frames of the embedded world for the evidence scripts: single moments of real clips, drawn without the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.evidence.common import Figures
from eap.constants import EMOTIONS, LEVELS
from eap.synth.clip import ClipSpec, face_of, is_female
from eap.synth.performance import draw_motion, manner, perform
from eap.synth.sentences import sentence
from eap.synth.timing import intensity_curve, schedule
from eap.synth.voice import speaker
from metrics.statistics import cluster_bootstrap

UNSEEN = 3000
"""First of the identities the evidence is made of: no bundled network and no suite uses them."""


@dataclass(frozen=True)
class Shot:
    """One frame: image (S, S, 3) uint8, landmarks (68, 2) in pixels, intensity, and the clip it is of."""

    spec: ClipSpec
    image: np.ndarray
    landmarks: np.ndarray
    alpha: float

    @property
    def emotion(self) -> int:
        """Class index."""
        return EMOTIONS.index(self.spec.emotion)


def shoot(spec: ClipSpec, count: int, size: int, rng: np.random.Generator) -> list[Shot]:
    """Draw ``count`` frames of a clip at random times, as `render_clip` draws them, without sound."""
    words = sentence(spec.sentence)
    voice, style = speaker(spec.identity, is_female(spec.identity)), manner(spec.identity)
    curve = intensity_curve(words, spec.emotion, spec.level, spec.generator("intensity"))
    plan = schedule(words, spec.emotion, voice, curve, spec.generator("timing"))
    motion = draw_motion(plan, style, spec.generator("motion"))
    played = perform(plan, spec.emotion, plan.alpha, style, motion, spec.view)
    face, shots = face_of(spec.identity), []
    for frame in np.sort(rng.choice(plan.frames, count, replace=False)):
        yaw, pitch, roll = (float(angle) for angle in played.head[frame])
        gaze, shift = ((float(pair[0]), float(pair[1])) for pair in (played.gaze[frame], played.shift[frame]))
        image, landmarks = face.draw(
            played.acts(int(frame)), (yaw, pitch, roll), gaze, shift, float(played.tongue[frame]), size=size
        )
        shots.append(Shot(spec, image, landmarks, float(plan.alpha[frame])))
    return shots


def gather(
    identities: Sequence[int],
    per_cell: int,
    size: int,
    *,
    clips: int = 1,
    levels: Sequence[int] = LEVELS,
    view: str = "front",
    seed: int = 0,
) -> Iterator[Shot]:
    """``per_cell`` frames of every identity, emotion and level, from ``clips`` clips each; sentences drawn at random.

    Neutral, which has one level, gets as many frames as the levels of another emotion together.
    """
    rng = np.random.default_rng([seed, 271])
    for identity in identities:
        for emotion in EMOTIONS:
            for level in levels:
                for clip in range(clips):
                    take = clip + (len(LEVELS) * level if emotion == "neutral" else 0)
                    said = int(rng.integers(200, 300))
                    spec = ClipSpec(identity, emotion, 1 if emotion == "neutral" else level, said, view, take)
                    share = per_cell // clips + (clip < per_cell % clips)
                    yield from shoot(spec, share, size, rng)


def share(right: np.ndarray, who: np.ndarray) -> Figures:
    """The share of True with its 95 % interval by bootstrap over identities ``who``: ``{"share", "ci95", "n"}``."""
    found = cluster_bootstrap(right.astype(float), [str(name) for name in who])
    return {"share": found.estimate, "ci95": [found.low, found.high], "n": len(right)}


def stack(shots: Sequence[Shot]) -> np.ndarray:
    """Images as (N, 3, S, S) float32 in [0, 1]."""
    return np.stack([shot.image for shot in shots]).transpose(0, 3, 1, 2).astype(np.float32) / 255
