"""From a schedule to a moving face: action units, head, gaze, blinks, per frame; the neutral twin shares all but alpha.

Everything random about a take is drawn once (`draw_motion`) and then played with any emotion and intensity
(`perform`), so a twin differs from its clip by the emotion alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eap.constants import FPS
from eap.synth.affect import AFFECTS
from eap.synth.phonemes import JAW, PART, PRESS, TUCK, VISEME_CHANNELS, Kind
from eap.synth.timing import Schedule, smooth_noise
from eap.synth.visemes import mouth_channels

VIEW_ANGLES: dict[str, tuple[float, float]] = {
    "front": (0.0, 0.0), "left_30": (-0.5, 0.0), "right_30": (0.5, 0.0), "top": (0.0, 0.3), "down": (0.0, -0.3),
}  # fmt: skip
"""Yaw and pitch (radians) the head shows to each camera."""

_HEAD_NOISE = (0.04, 0.025, 0.018)  # yaw, pitch, roll, radians
_HEAD_PACE = (12.0, 10.0, 12.0)  # frames
_SHIFT_NOISE = (0.012, 0.010)
_BLINK = (0.45, 1.0, 0.9, 0.45, 0.15)
_COUNTER_ROTATION = 0.48  # of the head's turn that the eyes undo
_IDLE_UNITS = ("AU1", "AU2", "AU4", "AU7", "AU12", "AU17")
_IDLE = 0.018
_JITTER = 0.10
_EXPRESSIVE = tuple(sorted({name for affect in AFFECTS.values() for name in affect.units}))


@dataclass(frozen=True)
class Manner:
    """An identity's own way of moving (how far each unit goes is the face's own: see `eap.synth.rig`)."""

    imbalance: float  # left side gets 1 + imbalance, right side 1 - imbalance
    scorn_side: str  # the side of unilateral contempt, L or R
    brow_habit: float  # probability of a brow flash at a stressed syllable
    nod: float  # radians of nod at a stressed syllable
    turn: float  # radians of yaw at a stressed syllable, signed
    tip: float  # radians of roll at a stressed syllable, signed
    blink_interval: float  # mean seconds


def manner(identity: int) -> Manner:
    """The way of moving of an identity; deterministic."""
    rng = np.random.default_rng([identity, 77])
    return Manner(
        imbalance=float(np.clip(0.05 * rng.normal(), -0.12, 0.12)),
        scorn_side="L" if rng.random() < 0.5 else "R",
        brow_habit=float(rng.uniform(0.3, 0.7)),
        nod=float(rng.uniform(0.012, 0.03)),
        blink_interval=float(rng.uniform(2.2, 4.0)),
        turn=float(0.010 * rng.normal()),
        tip=float(0.008 * rng.normal()),
    )


@dataclass(frozen=True)
class Motion:
    """All that is random about a take, drawn before any emotion is applied; arrays over frames."""

    head: np.ndarray  # (T, 3) radians
    shift: np.ndarray  # (T, 2) scene units
    gaze: np.ndarray  # (T, 2) radians
    blink: np.ndarray  # (T,) 0..1
    brow: np.ndarray  # (T,) brow flashes
    beat: np.ndarray  # (T,) pulses at stressed vowels
    jitter: dict[str, np.ndarray]  # unit-variance noise per action unit: this take's own share and a slow wobble


@dataclass(frozen=True)
class Performance:
    """What the face does at each of T frames: action units, head (yaw, pitch, roll), gaze, shift, tongue, mouth."""

    units: dict[str, np.ndarray]
    head: np.ndarray
    gaze: np.ndarray
    shift: np.ndarray
    tongue: np.ndarray
    mouth: np.ndarray

    def acts(self, frame: int) -> dict[str, float]:
        """Activations of one frame, as `eap.synth.face` takes them."""
        return {name: float(values[frame]) for name, values in self.units.items()}


def _blinks(rng: np.random.Generator, frames: int, interval: float) -> np.ndarray:
    lids = np.zeros(frames + len(_BLINK))
    time = rng.uniform(0.2, 2.2)
    while time * FPS < frames:
        start = int(time * FPS)
        lids[start : start + len(_BLINK)] = np.maximum(lids[start : start + len(_BLINK)], _BLINK)
        time += 0.4 + rng.gamma(4, (interval - 0.4) / 4)
    return lids[:frames]


def _gaze(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Fixations of 8-40 frames with small saccades between."""
    gaze = np.zeros((frames, 2))
    start = 0
    while start < frames:
        end = start + int(rng.integers(8, 40))
        gaze[start:end] = rng.normal(size=2) * (0.06, 0.03)
        start = end
    return gaze


def draw_motion(plan: Schedule, style: Manner, rng: np.random.Generator) -> Motion:
    """Draw a take's movement for a schedule (T frames)."""
    frames = plan.frames
    time = (np.arange(frames) + 0.5) / FPS
    head = [smooth_noise(rng, frames, pace) * size for size, pace in zip(_HEAD_NOISE, _HEAD_PACE, strict=True)]
    shift = [smooth_noise(rng, frames, 14.0) * size for size in _SHIFT_NOISE]
    brow, beat = np.zeros(frames), np.zeros(frames)
    for segment in plan.segments:
        if segment.stress and segment.kind is Kind.VOWEL:
            height, flash = rng.uniform(0.6, 1.2), rng.random() < style.brow_habit
            beat += height * segment.stress / 2 * np.exp(-0.5 * ((time - segment.middle - 0.03) / 0.09) ** 2)
            if flash:
                brow += height * 0.2 * np.exp(-0.5 * ((time - segment.middle) / 0.12) ** 2)
    return Motion(
        head=np.clip(np.stack(head, axis=1), -0.12, 0.12),
        shift=np.stack(shift, axis=1),
        gaze=_gaze(rng, frames),
        blink=_blinks(rng, frames, style.blink_interval),
        brow=np.minimum(brow, 0.35),
        beat=np.minimum(beat, 1.2),
        jitter={name: 0.8 * smooth_noise(rng, frames, 8.0) + 0.6 * rng.normal() for name in _EXPRESSIVE},
    )


def _expression(emotion: str, alpha: np.ndarray, style: Manner, motion: Motion) -> dict[str, np.ndarray]:
    """Action units of the emotion alone, (T,) each, with micro-jitter and left-right imbalance."""
    units: dict[str, np.ndarray] = {
        name: np.abs(_IDLE * motion.jitter[name]) for name in _IDLE_UNITS if name in motion.jitter
    }
    for name, full in AFFECTS[emotion].units.items():
        moved = full * alpha * (1 + _JITTER * motion.jitter[name])
        if emotion == "contempt" and name.endswith("L"):
            name = name[:-1] + style.scorn_side
        units[name] = units.get(name, np.zeros_like(alpha)) + moved
    for name in ("AU12", "lidU"):
        both = units.pop(name, None)
        if both is not None:
            for side, sign in (("L", 1), ("R", -1)):
                half = both * (1 + sign * style.imbalance)
                units[name + side] = units.get(name + side, np.zeros_like(alpha)) + half
    for name in ("AU1", "AU2"):
        units[name] = units[name] + motion.brow
    return units


def mix_speech(units: dict[str, np.ndarray], mouth: np.ndarray) -> dict[str, np.ndarray]:
    """Add mouth channels (T, 8) to an expression's action units; speech closures win over open expressions.

    An open mouth weakens pressed lips (AU24) and a raised chin (AU17); a closure weakens parting and jaw drop, and
    drives "close", which brings the inner lips together whatever the expression.
    """
    mixed = dict(units)
    opened = np.minimum(1, mouth[:, JAW] * 1.1 + np.maximum(mouth[:, PART], 0) * 0.4 + mouth[:, TUCK] * 0.3)
    for name in ("AU24", "AU17"):
        if name in mixed:
            mixed[name] = mixed[name] * (1 - 0.75 * opened)
    for name in ("AU25", "AU26"):
        if name in mixed:
            mixed[name] = mixed[name] * (1 - 0.8 * np.minimum(1, mouth[:, PRESS] * 1.8))
    for index, name in enumerate(VISEME_CHANNELS[:-1]):
        mixed[name] = mixed.get(name, 0) + mouth[:, index]
    mixed["close"] = np.clip(2.2 * mouth[:, PRESS], 0, 1)
    return mixed


def perform(
    plan: Schedule, emotion: str, alpha: np.ndarray, style: Manner, motion: Motion, view: str = "front"
) -> Performance:
    """Play a take with an emotion at intensity ``alpha`` (T,); alpha 0 and "neutral" give the twin."""
    affect = AFFECTS[emotion]
    articulation = 1 + alpha * (affect.voice.articulation - 1)
    mouth = mouth_channels(plan.segments, plan.frames, articulation)
    units = mix_speech(_expression(emotion, alpha, style, motion), mouth)
    for side in ("lidUL", "lidUR"):
        resting = units.get(side, np.zeros(plan.frames))
        units[side] = resting + motion.blink * (1 - 0.9 * np.minimum(1, resting))
    lively = 1 + alpha * (affect.liveliness - 1)
    nod = np.zeros((plan.frames, 3))
    nod[:] = (motion.beat * lively)[:, None] * np.array([style.turn, style.nod, style.tip])
    yaw, pitch = VIEW_ANGLES[view]
    own = motion.head * (0.7 + 0.3 * lively)[:, None] + nod
    gaze = motion.gaze - _COUNTER_ROTATION * own[:, :2] + alpha[:, None] * np.array(affect.gaze)
    return Performance(
        units=units,
        head=(own + np.array([yaw, pitch, 0.0])).astype(np.float32),
        gaze=gaze.astype(np.float32),
        shift=motion.shift.astype(np.float32),
        tongue=mouth[:, -1],
        mouth=mouth,
    )
