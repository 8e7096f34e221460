"""Clips of the embedded world, played again with another intensity, emotion, face or movement; same take and voice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from eap.constants import EMOTIONS
from eap.data.truth import Truth
from eap.synth.affect import AFFECTS
from eap.synth.clip import ClipSpec, face_of, is_female, render_clip
from eap.synth.performance import Manner, Motion, Performance, draw_motion, manner, perform
from eap.synth.sentences import sentence
from eap.synth.timing import Schedule, intensity_curve, schedule
from eap.synth.voice import speaker

Frames = NDArray[np.uint8]
Floats = NDArray[np.float32]
FELT = tuple(emotion for emotion in EMOTIONS if emotion != "neutral")


OTHER = {
    "angry": "sad", "contempt": "happy", "disgusted": "surprised", "fear": "sad", "happy": "sad", "sad": "happy",
    "surprised": "sad",
}  # fmt: skip
"""Emotion -> the one that takes its place: of another sign in valence, arousal or both, for a swap between emotions
that feel alike is no damage to a metric of valence and arousal. Only sad has an arousal below 0."""


def other_emotion(emotion: str) -> str:
    """The emotion that takes another's place."""
    return OTHER[emotion]


def other_valence(emotion: str) -> str:
    """The emotion that takes another's place so that valence changes its sign, as `OTHER` cannot for fear and anger."""
    return "happy" if AFFECTS[emotion].valence < 0 else "sad"


@dataclass(frozen=True)
class Scene:
    """One clip, drawn at `size` pixels, with all that is needed to play it differently."""

    spec: ClipSpec
    size: int

    @cached_property
    def _made(self) -> tuple[Frames, Floats, Truth]:
        made = render_clip(self.spec, size=self.size, supersample=1)
        if made.frames is None:
            raise AssertionError("render_clip drew no frames")
        return made.frames, made.audio, made.truth

    @property
    def frames(self) -> Frames:
        """The clip as it is: (T, S, S, 3)."""
        return self._made[0]

    @property
    def audio(self) -> Floats:
        """Its sound, 16 kHz."""
        return self._made[1]

    @property
    def truth(self) -> Truth:
        """Its truth, frame by frame."""
        return self._made[2]

    @cached_property
    def _take(self) -> tuple[Schedule, Manner, Motion]:
        spec = self.spec
        style = manner(spec.identity)
        words = sentence(spec.sentence)
        curve = intensity_curve(words, spec.emotion, spec.level, spec.generator("intensity"))
        voice = speaker(spec.identity, is_female(spec.identity))
        plan = schedule(words, spec.emotion, voice, curve, spec.generator("timing"))
        return plan, style, draw_motion(plan, style, spec.generator("motion"))

    @property
    def alpha(self) -> np.ndarray:
        """Intensity of the whole sentence; a clip cut short shows its beginning."""
        return np.asarray(self._take[0].alpha)

    def played(self, alpha: np.ndarray | None = None, emotion: str | None = None) -> Performance:
        """The take with another intensity or emotion; as it is by default."""
        plan, style, motion = self._take
        wanted = self.alpha if alpha is None else np.asarray(alpha, self.alpha.dtype)
        return perform(plan, emotion or self.spec.emotion, wanted, style, motion, self.spec.view)

    def drawn(self, played: Performance, identity: int | None = None) -> Frames:
        """Frames of a played take, as long as the clip; `identity`: with another person's face."""
        face = face_of(self.spec.identity if identity is None else identity)
        frames = np.empty_like(self.frames)
        for t in range(len(frames)):
            yaw, pitch, roll = (float(angle) for angle in played.head[t])
            gaze, shift = (float(played.gaze[t][0]), float(played.gaze[t][1])), played.shift[t]
            place = (float(shift[0]), float(shift[1]))
            frames[t], _ = face.draw(
                played.acts(t), (yaw, pitch, roll), gaze, place, float(played.tongue[t]), size=self.size, supersample=1
            )
        return frames
