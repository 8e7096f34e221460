"""One clip of the embedded world: from a specification to frames, sound and exact truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from eap.constants import EMOTIONS, FPS, LEVELS, RATE, VIEWS
from eap.data.clip import clip_id
from eap.data.truth import Truth
from eap.errors import DataError
from eap.synth.affect import valence_arousal
from eap.synth.performance import Manner, Motion, Performance, draw_motion, manner, perform
from eap.synth.sentences import sentence
from eap.synth.speech import RATES, Speech, synthesize
from eap.synth.timing import Schedule, Segment, intensity_curve, schedule
from eap.synth.voice import Speaker, speaker

if TYPE_CHECKING:
    from eap.synth.face import Face

SMALLEST, LARGEST = 32, 1024
"""Sides of a picture that can be drawn, pixels."""


@dataclass(frozen=True)
class ClipSpec:
    """What is said by whom and how. The same specification always gives the same clip.

    ``seconds`` cuts the clip short; None keeps the whole sentence. ``wild`` asks for in-the-wild conditions (light,
    background, camera, room); its label is then withheld from training arrays. ``seed`` opens a world of other takes.
    Raises DataError for a value out of range.
    """

    identity: int
    emotion: str
    level: int
    sentence: int
    view: str = "front"
    take: int = 0
    seconds: float | None = None
    wild: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        problems = []
        if self.emotion not in EMOTIONS:
            problems.append(f"emotion {self.emotion!r} is none of {', '.join(EMOTIONS)}")
        if self.level not in LEVELS or (self.emotion == "neutral" and self.level != 1):
            problems.append(f"level {self.level} does not exist for {self.emotion}")
        if self.view not in VIEWS:
            problems.append(f"view {self.view!r} is none of {', '.join(VIEWS)}")
        if min(self.identity, self.sentence, self.take, self.seed) < 0:
            problems.append("identity, sentence, take and seed must be 0 or more")
        if self.seconds is not None and self.seconds < 1 / FPS:
            problems.append(f"seconds {self.seconds} is shorter than one frame")
        if problems:
            raise DataError(f"clip specification: {'; '.join(problems)}", fix="mend the specification")

    def generator(self, purpose: str) -> np.random.Generator:
        """An independent random stream of this clip for one purpose."""
        key = (self.identity, EMOTIONS.index(self.emotion), self.level, self.sentence, self.take, self.seed)
        # Not the view: as in MEAD, all cameras film one performance.
        return np.random.default_rng([*key, crc32(purpose.encode())])


@dataclass(frozen=True)
class WorldClip:
    """A finished clip of T frames: frames uint8 (T, S, S, 3) RGB or None, audio float32 (T * rate / 25,), truth.

    The twin says the same with the same movement and alpha = 0, frame by frame.
    """

    spec: ClipSpec
    frames: np.ndarray | None
    audio: np.ndarray
    truth: Truth
    twin_frames: np.ndarray | None = None
    twin_audio: np.ndarray | None = None
    rate: int = RATE


@dataclass(frozen=True)
class Utterance:
    """The sound of a clip of T frames without its face.

    audio float32 (T * rate / 25,) in [-1, 1]; alpha float32 (T,) in [0, 1]; f0 float32 (T,) Hz, 0 where unvoiced;
    segments: the phones with their start and end in seconds.
    """

    audio: np.ndarray
    rate: int
    alpha: np.ndarray
    f0: np.ndarray
    segments: tuple[Segment, ...]
    emotion: str
    level: int


@dataclass(frozen=True)
class Moments:
    """Single frames of a clip, without sound.

    at (T,) their numbers in the clip; frames (T, S, S, 3) uint8; landmarks (T, 68, 2) px; affect (T, 3) alpha,
    valence, arousal; head (T, 3) yaw, pitch, roll in radians.
    """

    at: np.ndarray
    frames: np.ndarray
    landmarks: np.ndarray
    affect: np.ndarray
    head: np.ndarray


@dataclass(frozen=True)
class _Take:
    """A clip before it is drawn or spoken."""

    plan: Schedule
    voice: Speaker
    style: Manner
    motion: Motion


@lru_cache(maxsize=12)
def face_of(identity: int, variant: int = 0) -> Face:
    """The face of an identity, built once (about 200 ms) and kept; variant > 0 changes light and background."""
    from eap.synth.face import build_face

    return build_face(identity, variant_seed=variant)


@lru_cache(maxsize=4096)
def is_female(identity: int) -> bool:
    """Whether the identity has a female face and voice (and a W name in the MEAD layout)."""
    from eap.synth.identity import sample_identity

    return bool(sample_identity(identity).female)


def _take(spec: ClipSpec) -> _Take:
    words = sentence(spec.sentence)
    voice = speaker(spec.identity, is_female(spec.identity))
    style = manner(spec.identity)
    curve = intensity_curve(words, spec.emotion, spec.level, spec.generator("intensity"))
    plan = schedule(words, spec.emotion, voice, curve, spec.generator("timing"))
    return _Take(plan, voice, style, draw_motion(plan, style, spec.generator("motion")))


def _speak(spec: ClipSpec, take: _Take, emotion: str, alpha: np.ndarray, rate: int = RATE) -> Speech:
    return synthesize(take.plan.segments, emotion, alpha, take.voice, spec.generator("voice"), rate)


def utter(spec: ClipSpec, rate: int = RATE) -> Utterance:
    """The whole sentence of a clip as sound with its intensity: no face, no room, not cut to ``seconds``.

    ``rate`` 16000 or 48000 Hz: the same performance. Raises DataError for another rate.
    """
    check_rate(rate)
    plan = (take := _take(spec)).plan
    speech = _speak(spec, take, spec.emotion, plan.alpha, rate)
    return Utterance(speech.audio, rate, plan.alpha, speech.f0, plan.segments, spec.emotion, spec.level)


def _pair(values: np.ndarray) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _draw(
    face: Face, played: Performance, frames: Sequence[int], size: int, supersample: int, images: bool
) -> tuple[np.ndarray | None, np.ndarray]:
    """Images (T, S, S, 3) of the frames named, or None, and their landmarks (T, 68, 2) in pixels."""
    if not images:
        units = {name: values[frames] for name, values in played.units.items()}
        return None, face.landmarks_track(units, played.head[frames], played.shift[frames], size)
    landmarks = np.empty((len(frames), 68, 2), np.float32)
    drawn = np.empty((len(frames), size, size, 3), np.uint8)
    for place, frame in enumerate(frames):
        yaw, pitch, roll = (float(angle) for angle in played.head[frame])
        head, gaze, shift = (yaw, pitch, roll), _pair(played.gaze[frame]), _pair(played.shift[frame])
        tongue = float(played.tongue[frame])
        drawn[place], landmarks[place] = face.draw(
            played.acts(frame), head, gaze, shift, tongue, size=size, supersample=supersample
        )
    return drawn, landmarks


def _phonemes(plan: Schedule) -> np.ndarray:
    """The phoneme at each frame centre, (T,) str."""
    starts = np.array([segment.start for segment in plan.segments])
    centres = (np.arange(plan.frames) + 0.5) / FPS
    at = np.searchsorted(starts, centres, side="right") - 1
    return np.array([segment.symbol for segment in plan.segments], dtype=np.str_)[at]


def _truth(
    spec: ClipSpec, take: _Take, played: Performance, speech: Speech, landmarks: np.ndarray, alpha: np.ndarray
) -> Truth:
    from eap.synth.action_units import AU_NAMES

    frames = len(landmarks)
    valence, arousal = valence_arousal(spec.emotion, alpha)
    zeros = np.zeros(take.plan.frames)
    units = np.stack([played.units.get(name, zeros) for name in AU_NAMES], axis=1)
    return Truth(
        fps=float(FPS),
        landmarks=landmarks,
        alpha=alpha[:frames],
        valence=valence[:frames],
        arousal=arousal[:frames],
        au=units[:frames].astype(np.float32),
        au_names=tuple(AU_NAMES),
        phoneme=_phonemes(take.plan)[:frames],
        viseme=played.mouth[:frames],
        head=played.head[:frames],
        f0=speech.f0[:frames],
    )


def check_rate(rate: int) -> None:
    """Raise DataError for a sample rate the voices are not made at."""
    if rate not in RATES:
        raise DataError(f"sample rate {rate} Hz", fix=f"ask for one of {', '.join(str(known) for known in RATES)}")


def check_size(size: int, supersample: int = 2) -> None:
    """Raise DataError for pictures that cannot be drawn."""
    if not SMALLEST <= size <= LARGEST:
        raise DataError(f"size {size} px", fix=f"ask for {SMALLEST} to {LARGEST} px")
    if not 1 <= supersample <= 4:
        raise DataError(f"supersampling {supersample}", fix="ask for 1 to 4")


def render_clip(
    spec: ClipSpec,
    *,
    size: int = 128,
    frames: bool = True,
    twin: bool = False,
    supersample: int = 2,
    rate: int = RATE,
) -> WorldClip:
    """Make a clip. ``frames=False`` leaves the images out (sound and truth only, about 100 times faster).

    ``twin`` adds the neutral twin: same phones, mouth, head noise, blinks and voice noise with alpha = 0. With
    ``spec.wild`` frames, landmarks and sound pass through `eap.synth.wild`. Deterministic. Raises DataError for a size
    outside 32..1024 pixels, a supersampling outside 1..4, or a ``rate`` other than 16000 or (not for wild clips, whose
    rooms are made at 16 kHz) 48000 Hz.
    """
    check_size(size, supersample)
    check_rate(rate)
    if spec.wild and rate != RATE:
        raise DataError(f"in-the-wild sound at {rate} Hz", fix=f"ask for {RATE}")
    take = _take(spec)
    count = take.plan.frames if spec.seconds is None else min(take.plan.frames, max(1, round(spec.seconds * FPS)))
    variant = 1 + int(spec.generator("variant").integers(1 << 30)) if spec.wild else 0
    face = face_of(spec.identity, variant)
    alpha = take.plan.alpha
    played = perform(take.plan, spec.emotion, alpha, take.style, take.motion, spec.view)
    speech, samples = _speak(spec, take, spec.emotion, alpha, rate), count * rate // FPS
    drawn, landmarks = _draw(face, played, range(count), size, supersample, frames)
    truth = _truth(spec, take, played, speech, landmarks, alpha)
    made = WorldClip(spec, drawn, speech.audio[:samples], truth, rate=rate)
    if twin:
        still = np.zeros_like(alpha)
        calm = perform(take.plan, "neutral", still, take.style, take.motion, spec.view)
        twin_frames = _draw(face, calm, range(count), size, supersample, True)[0] if frames else None
        twin_audio = _speak(spec, take, "neutral", still, rate).audio[:samples]
        made = replace(made, twin_frames=twin_frames, twin_audio=twin_audio)
    if spec.wild:
        from eap.synth.wild import make_wild

        made = make_wild(made, size)
    return made


def render_moments(spec: ClipSpec, count: int, *, size: int = 128, supersample: int = 2) -> Moments:
    """``count`` frames of a clip, evenly spread over the whole sentence, as `render_clip` draws them; no sound.

    Many people for little: what judges single frames needs neither sound nor neighbouring frames. DataError as for
    `render_clip`, for in-the-wild clips, and for less than one frame.
    """
    check_size(size, supersample)
    if spec.wild or count < 1:
        raise DataError(
            f"{count} moments of {spec_id(spec)}", fix="ask for at least 1, of a clip that is not in the wild"
        )
    take = _take(spec)
    at = np.linspace(0, take.plan.frames - 1, min(count, take.plan.frames)).round().astype(int)
    played = perform(take.plan, spec.emotion, take.plan.alpha, take.style, take.motion, spec.view)
    drawn, landmarks = _draw(face_of(spec.identity), played, [int(frame) for frame in at], size, supersample, True)
    if drawn is None:
        raise AssertionError("_draw was asked for images")
    valence, arousal = valence_arousal(spec.emotion, take.plan.alpha)
    affect = np.stack([take.plan.alpha, valence, arousal], axis=1)[at]
    return Moments(at, drawn, landmarks, affect.astype(np.float32), played.head[at])


def identity_name(identity: int) -> str:
    """MEAD-like name: M or W and three or more digits."""
    return f"{'W' if is_female(identity) else 'M'}{identity:03d}"


def sentence_name(spec: ClipSpec) -> str:
    """The number of a clip in the MEAD layout, "012"; later takes of a sentence count on from 1000, "1012"."""
    return f"{spec.sentence + 1000 * spec.take:03d}"


def spec_id(spec: ClipSpec) -> str:
    """The project's clip id, e.g. "M003_front_angry_3_012"; other seeds and wild clips are marked."""
    extra = ("" if not spec.seed else f"_s{spec.seed}") + ("_wild" if spec.wild else "")
    return clip_id(identity_name(spec.identity), spec.view, spec.emotion, spec.level, sentence_name(spec)) + extra
