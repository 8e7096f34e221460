"""One clip under every damage: played, spoilt, written as a file, and measured exactly as a user's file would be."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eap.synth.clip import ClipSpec, spec_id
from metrics.features.clip import ClipFeatures, Floats
from metrics.features.extract import extract
from metrics.features.pair import compare
from metrics.measure import Setup, clip_values, gather, judged_emotion, judged_intensity
from metrics.results import ClipReading
from metrics.validity.damages import FACE_CHANGES, STRENGTHS, Damage, bend_alpha, shift_sound, spoil_frames, version
from metrics.validity.stage import Scene, other_emotion, other_valence

Frames = NDArray[np.uint8]
BASE = "base"
REFERENCE = "reference"
"""The file that stands for the truth, of which only the image features are kept: FID needs them of both sides."""
REFERENCE_CRF = 8
"""Quality of the file that stands for the truth: nearly lossless. Results are encoded as every result is."""


@dataclass(frozen=True)
class Order:
    """A clip to be tried."""

    spec: ClipSpec
    voice: ClipSpec
    """Whose speech a foreign voice is."""
    face: int
    """Whose face another face is."""
    size: int
    damages: tuple[Damage, ...]


@dataclass(frozen=True)
class Found:
    """What was measured on one clip in one version."""

    values: dict[str, float]
    """Clip metric -> value; nan where it has none."""
    reasons: dict[str, str]
    judged_emotion: str | None
    judged_intensity: float | None
    features: Floats | None
    """(T, D) image features for FID."""


@dataclass(frozen=True)
class ClipTrial:
    """All versions of one clip."""

    clip_id: str
    identity: str
    emotion: str
    other_emotion: str
    level: int
    vote: float
    """Mean true intensity: what people with perfect eyes would vote."""
    versions: dict[str, Found]


def try_clip(order: Order, setup: Setup) -> ClipTrial:
    """Render, spoil, write and measure every version of one clip. Files live only as long as they are measured."""
    scene = Scene(order.spec, order.size)
    name = spec_id(order.spec)
    reading = ClipReading("validity", "all", name, name.split("_", 1)[0], order.spec.emotion, order.spec.level)
    found: dict[str, Found] = {}
    with tempfile.TemporaryDirectory(prefix="eap-validity-") as folder:
        place = Path(folder)
        _write(place / "reference.mp4", scene.frames, scene.audio, REFERENCE_CRF)
        _write(place / "twin.mp4", scene.drawn(scene.played(alpha=0 * scene.alpha)), scene.audio, REFERENCE_CRF)
        reference, twin = (_features(place / side, setup) for side in ("reference.mp4", "twin.mp4"))
        found[REFERENCE] = Found({}, {}, None, None, reference.features)
        for label in labels(order.damages):
            _write(place / "result.mp4", *_version(scene, order, label))
            ours = _features(place / "result.mp4", setup)
            pair = compare(place / "result.mp4", place / "reference.mp4", setup.protocol, cache=False)
            measured = gather(ours, reference, pair, reading, setup, truth=scene.truth, twin=twin)
            values = clip_values(measured, reading, setup)
            found[label] = Found(
                {value.metric: value.value for value in values},
                {value.metric: value.reason for value in values if value.reason},
                judged_emotion(ours),
                judged_intensity(ours),
                ours.features,
            )
    emotion, vote = order.spec.emotion, float(scene.truth.intensity.mean())
    return ClipTrial(name, reading.identity, emotion, other_emotion(emotion), order.spec.level, vote, found)


def _features(path: Path, setup: Setup) -> ClipFeatures:
    """As a user's file is read; not kept, for the file is gone in a moment."""
    return extract(path, setup.evaluators, setup.needs, fps=setup.protocol.fps, cache=False)


def _write(path: Path, frames: Frames, audio: Floats, crf: int | None = None) -> None:
    from eap.media import write_video

    if crf is None:
        write_video(path, frames, fps=25.0, audio=audio, rate=16000)
    else:
        write_video(path, frames, fps=25.0, audio=audio, rate=16000, crf=crf)


def labels(damages: Sequence[Damage]) -> list[str]:
    """The versions that these damages need, the undamaged one first."""
    wanted = [BASE]
    for damage in damages:
        if damage.kind == "share":
            wanted.append(SHARED[damage.name])
        elif damage.kind == "mixed":
            wanted += [strength(weakening) for weakening in STRENGTHS]
        elif damage.kind == "residue":
            wanted += [residue(grade) for grade in (0.0, *damage.grades)]
        else:
            wanted += [version(damage.name, grade) for grade in damage.grades]
    return list(dict.fromkeys(wanted))


SHARED = {
    "voice_swap": "foreign-voice", "emotion_swap": "other-emotion", "valence_swap": "other-valence",
    "identity_swap": "other-face",
    "intensity_lost": version("intensity_weaken", 1.0), "intensity_reverse": version("intensity_reverse", 1.0),
}  # fmt: skip
"""Damage by share -> the version of a clip that takes the clip's place."""


def residue(grade: float) -> str:
    """The version that keeps a share of the emotion: the clip weakened by the rest of it."""
    return strength(round(1 - grade, 6))


def strength(weakening: float) -> str:
    """The version whose intensity is less by a share."""
    return BASE if weakening <= 0 else version("intensity_weaken", weakening)


def _version(scene: Scene, order: Order, label: str) -> tuple[Frames, Floats]:
    """One version of a clip: frames (T, S, S, 3) and sound."""
    damage, _, text = label.partition("@")
    if label == BASE:
        return scene.frames, scene.audio
    if label == "foreign-voice":
        return scene.frames, _foreign(order.voice, len(scene.audio))
    if label == "other-emotion":
        return scene.drawn(scene.played(emotion=other_emotion(order.spec.emotion))), scene.audio
    if label == "other-valence":
        return scene.drawn(scene.played(emotion=other_valence(order.spec.emotion))), scene.audio
    if label == "other-face":
        return scene.drawn(scene.played(), identity=order.face), scene.audio
    grade = float(text)
    # The same draw at every grade: a stronger damage is more of the same, not another one.
    rng = np.random.default_rng([zlib.crc32(spec_id(order.spec).encode()), zlib.crc32(damage.encode())])
    if damage == "av_shift":
        return scene.frames, shift_sound(scene.audio, grade)
    if damage in FACE_CHANGES:
        return scene.drawn(FACE_CHANGES[damage](scene.played(), grade, rng)), scene.audio
    if damage.startswith("intensity_"):
        return scene.drawn(scene.played(alpha=bend_alpha(scene.alpha, damage, grade))), scene.audio
    return spoil_frames(scene.frames, damage, grade, rng), scene.audio


def _foreign(spec: ClipSpec, n: int) -> Floats:
    """Sound of another clip, cut or filled with silence to n samples."""
    from eap.synth.clip import render_clip

    audio = render_clip(spec, frames=False).audio[:n]
    return np.pad(audio, (0, n - len(audio))).astype(np.float32)
