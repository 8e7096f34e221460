"""The catalogue of damages: each in six or more grades, the weakest fixed here before anything was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eap.errors import ConfigError
from eap.synth.performance import Performance
from eap.synth.phonemes import VISEME_CHANNELS

Frames = NDArray[np.uint8]
Floats = NDArray[np.float32]
Curve = NDArray[np.floating]
Kind = Literal["image", "sound", "alpha", "face", "share", "mixed", "residue"]
SAMPLES_PER_FRAME = 640


@dataclass(frozen=True)
class Damage:
    """One way of spoiling a clip, and how strongly.

    `kind` says what is spoilt: `image` the finished frames, `sound` the sound, `alpha` the intensity a take is played
    with, `face` the movement of the face; `share` replaces whole clips, `mixed` exchanges clips with one another,
    `residue` leaves emotion in a neutral face.
    """

    name: str
    title: str
    unit: str
    kind: Kind
    grades: tuple[float, ...]
    """From the weakest to the strongest; grade 0 is the undamaged clip, encoded once more."""
    words: str


_PARTS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
WEAKENINGS = (0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
"""Mirrored about one half, so that a residue of g is the weakening of 1 - g, and needs no rendering of its own."""
SHARES = (0.125, 0.25, 0.375, 0.5, 0.75, 1.0)
STRENGTHS = (0.0, 0.2, 0.4, 0.6, 0.8)
"""Weakenings (among `WEAKENINGS`) of clips whose intensity people voted on: clips that are all as intense as one
another have no ranking that could be lost."""

DAMAGES: tuple[Damage, ...] = (
    Damage("blur", "Blur", "px sigma", "image", (0.5, 0.75, 1.0, 1.5, 2.5, 4.0), "Gaussian blur of every frame."),
    Damage("noise", "Noise", "of 255, sigma", "image", (2, 4, 8, 16, 24, 40), "Gaussian noise on every frame."),
    Damage("frame_drop", "Frozen frames", "share of frames", "image", (0.05, 0.1, 0.2, 0.35, 0.5, 0.7),
           "Frames that repeat the one before."),
    Damage("shake", "Camera shake", "px sigma", "image", (0.25, 0.5, 1, 2, 3, 4), "Every frame shifted at random."),
    Damage("av_shift", "AV shift", "frames", "sound", (1, 2, 3, 5, 8, 12), "Sound that comes late."),
    Damage("voice_swap", "Foreign voice", "share of clips", "share", SHARES, "Clips with another person's speech."),
    Damage("lip_flatten", "Lips flattened", "share of movement", "face", _PARTS, "Speech moves the mouth less."),
    Damage("lip_tremble", "Lips tremble", "of full jaw drop", "face", (0.02, 0.05, 0.1, 0.2, 0.35, 0.5),
           "Random opening of the mouth in every frame."),
    Damage("brow_flatten", "Brows flattened", "share of movement", "face", _PARTS, "Brows move less about their mean."),
    Damage("head_flatten", "Head stilled", "share of movement", "face", _PARTS, "The head moves less about its mean."),
    Damage("intensity_flatten", "Intensity flattened", "share of movement", "alpha", _PARTS,
           "Intensity moves less about the clip's mean: Problem 2 of the paper."),
    Damage("intensity_weaken", "Intensity weakened", "share of intensity", "alpha", WEAKENINGS,
           "Intensity is less throughout."),
    # By whole clips: a course that is reversed by a part is the same course with less movement (flattening), which a
    # correlation, blind to scale, cannot and should not see before the middle.
    Damage("intensity_reverse", "Intensity reversed", "share of clips", "share", SHARES,
           "Clips whose intensity falls where it should rise."),
    Damage("emotion_swap", "Another emotion", "share of clips", "share", SHARES,
           "Clips that show another emotion than the voice's (the reference image's: Problem 1 of the paper)."),
    Damage("valence_swap", "Feeling turned", "share of clips", "share", SHARES,
           "Clips that show a pleasant emotion for an unpleasant one, or an unpleasant one for a pleasant one."),
    Damage("intensity_mixed", "Clips mixed up", "share of clips", "mixed", SHARES,
           "Of clips of five strengths, those as intense as the clip at the other end of people's ranking."),
    Damage("intensity_lost", "No emotion", "share of clips", "share", SHARES, "Clips that show no emotion at all."),
    Damage("identity_swap", "Another person", "share of clips", "share", SHARES, "Clips that show another face."),
    Damage("emotion_residue", "Emotion left over", "share of intensity", "residue", WEAKENINGS,
           "A face meant to be neutral keeps a part of the emotion."),
)  # fmt: skip
NAMES = tuple(damage.name for damage in DAMAGES)
FAMILIES: dict[str, tuple[str, ...]] = {
    "picture": ("blur", "noise", "frame_drop", "shake"),
    "speech": ("av_shift", "voice_swap", "lip_flatten", "lip_tremble"),
    "brows": ("brow_flatten",),
    "head": ("head_flatten",),
    "feeling": ("intensity_flatten", "intensity_weaken", "intensity_reverse", "emotion_swap", "valence_swap",
                "intensity_mixed", "intensity_lost", "emotion_residue"),
    "person": ("identity_swap",),
}  # fmt: skip
"""What a damage spoils. That a metric is moved by a relative of what it declares is no surprise."""


def family(name: str) -> str:
    """What that damage spoils; its own name for one that is not in the catalogue."""
    return next((family for family, names in FAMILIES.items() if name in names), name)


def get_damage(name: str) -> Damage:
    """The damage of that name. Raises ConfigError naming those there are."""
    for damage in DAMAGES:
        if damage.name == name:
            return damage
    raise ConfigError(f"unknown damage {name!r}", fix=f"choose from: {', '.join(NAMES)}")


def version(damage: str, grade: float) -> str:
    """The name under which a damaged clip is measured, e.g. `blur@0.5`."""
    return f"{damage}@{grade:g}"


def spoil_frames(frames: Frames, damage: str, grade: float, rng: np.random.Generator) -> Frames:
    """Finished frames (T, H, W, 3) under a damage of kind `image`."""
    import cv2

    if damage == "blur":
        return np.stack([cv2.GaussianBlur(frame, (0, 0), grade) for frame in frames])
    if damage == "noise":
        noisy = frames.astype(np.float32) + rng.normal(0, grade, frames.shape).astype(np.float32)
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    if damage == "frame_drop":
        kept = np.arange(len(frames))
        # One draw for all grades, so that a stronger grade freezes the weaker one's frames and more.
        frozen = rng.permutation(len(frames) - 1)[: round(grade * (len(frames) - 1))] + 1
        for frame in sorted(frozen):
            kept[frame] = kept[frame - 1]
        return frames[kept]
    if damage == "shake":
        height, width = frames.shape[1:3]
        moved = []
        for frame, (x, y) in zip(frames, grade * rng.standard_normal((len(frames), 2)), strict=True):
            matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
            moved.append(cv2.warpAffine(frame, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE))
        return np.stack(moved)
    raise ValueError(f"{damage} is no damage of frames")


def shift_sound(audio: Floats, frames: float) -> Floats:
    """Sound (n,) at 16 kHz that comes `frames` video frames late; as long as before."""
    n = round(frames * SAMPLES_PER_FRAME)
    return np.concatenate([np.zeros(n, np.float32), audio])[: len(audio)].astype(np.float32)


def bend_alpha(alpha: Curve, damage: str, grade: float) -> Curve:
    """Intensity (T,) of a take under a damage of kind `alpha`."""
    if damage == "intensity_flatten":
        return _towards_mean(alpha, grade)
    if damage == "intensity_weaken":
        return np.asarray(alpha * (1 - grade))
    if damage == "intensity_reverse":
        return np.asarray((1 - grade) * alpha + grade * (alpha.max() + alpha.min() - alpha))
    raise ValueError(f"{damage} is no damage of intensity")


def _towards_mean(values: np.ndarray, share: float) -> np.ndarray:
    mean = values.mean(axis=0)
    return np.asarray(mean + (1 - share) * (values - mean), values.dtype)


def _flatten_lips(played: Performance, share: float, _: np.random.Generator) -> Performance:
    units = dict(played.units)
    for index, name in enumerate(VISEME_CHANNELS[:-1]):
        units[name] = units[name] - share * played.mouth[:, index]
    units["close"] = units["close"] * (1 - share)
    return replace(played, units=units, tongue=played.tongue * (1 - share))


def _tremble(played: Performance, size: float, rng: np.random.Generator) -> Performance:
    opened = size * np.abs(rng.standard_normal(len(played.tongue)))
    units = dict(played.units)
    for name in ("AU25", "AU26"):
        units[name] = units[name] + opened
    return replace(played, units=units)


def _flatten_brows(played: Performance, share: float, _: np.random.Generator) -> Performance:
    units = dict(played.units)
    for name in ("AU1", "AU2", "AU4"):
        if name in units:
            units[name] = _towards_mean(np.asarray(units[name]), share)
    return replace(played, units=units)


def _still_head(played: Performance, share: float, _: np.random.Generator) -> Performance:
    return replace(played, head=_towards_mean(played.head, share), shift=_towards_mean(played.shift, share))


FaceChange = Callable[[Performance, float, np.random.Generator], Performance]
FACE_CHANGES: dict[str, FaceChange] = {
    "lip_flatten": _flatten_lips,
    "lip_tremble": _tremble,
    "brow_flatten": _flatten_brows,
    "head_flatten": _still_head,
}
"""Damage of kind `face` -> what it does to a played take at a grade; the generator is the same at every grade."""
