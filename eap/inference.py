"""Image and voice in, talking face out.

The latents of a clip are computed in windows with enough margin that the result equals one pass over the whole clip
(``MARGIN`` covers the transformer's reach and the convolutions), so that minutes of audio need no more memory than
seconds. ``z_exp`` is one direction per clip, so all latents are known before the first frame is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from eap.acoustics import log_mel
from eap.bundle.store import find_entry, load_weights
from eap.constants import EMOTIONS, FPS, MEL_PER_FRAME, RATE
from eap.errors import ConfigError, DataError, WeightsError
from eap.model import ModelConfig, Talker

WINDOW = 160
BATCH = 16


@dataclass(frozen=True)
class Explanation:
    """The terms of Eq. 1 for one clip of T frames, as arrays.

    z_id (d,), z_lip (T,d), alpha (T,), z_exp (d,), a and e (T,token), emotion_probability (8,). For ANT the emotional
    terms are zero.
    """

    z_id: NDArray[np.float32]
    z_lip: NDArray[np.float32]
    alpha: NDArray[np.float32]
    z_exp: NDArray[np.float32]
    a: NDArray[np.float32]
    e: NDArray[np.float32]
    emotion_probability: NDArray[np.float32]


@dataclass(frozen=True)
class Generated:
    """frames (T,S,S,3) uint8 at ``fps``; the audio that drove them, float32 at ``rate``; the latents behind them."""

    frames: NDArray[np.uint8]
    fps: float
    audio: NDArray[np.float32]
    rate: int
    latents: Explanation

    def save(self, path: str | Path) -> None:
        """Write an MP4 with sound."""
        from eap.media import write_video

        write_video(path, self.frames, self.fps, self.audio, self.rate)


def load(name: str = "eap", folder: Path | None = None) -> Model:
    """A bundled model: ``eap`` (also ``bundled``), ``ant``, ``ant-wild``, ``no-neutralization``, ``no-intensity``."""
    return Model.from_bundle("eap" if name == "bundled" else name, folder)


class Model:
    """A trained talker ready to use."""

    def __init__(self, talker: Talker, *, name: str, emotional: bool, prototypes: Tensor | None = None) -> None:
        self.talker = talker.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.name, self.emotional, self.prototypes = name, emotional, prototypes
        self.size = talker.config.size

    @classmethod
    def from_bundle(cls, name: str, folder: Path | None = None) -> Model:
        """Load bundled weights, sha256 checked. Raises WeightsError for names that are no talkers."""
        meta = find_entry(name, folder).meta
        if meta.role != "model":
            raise WeightsError(f"{name}: not the weights of a talking-face model", fix="see eap-bench weights list")
        state = load_weights(name, folder)
        prototypes = state.pop("prototypes", None)
        talker = Talker(ModelConfig.from_dict(dict(meta.config["model"])))
        talker.load_state_dict(state)
        return cls(talker, name=name, emotional=bool(meta.config["emotional"]), prototypes=prototypes)

    def generate(
        self,
        image: NDArray[np.uint8],
        audio: NDArray[np.float32],
        *,
        intensity_scale: float = 1.0,
        emotion: str | None = None,
    ) -> Generated:
        """image: a face crop (H,W,3) uint8, resized to the model's size; audio: float32 mono at 16 kHz.

        ``intensity_scale`` multiplies alpha, ``emotion`` replaces the voice's z_exp by that emotion's mean: controls
        for stimuli and demonstrations, not what the voice says. DataError on NaN or less than one frame of audio.
        """
        explained = self.explain(image, audio, intensity_scale=intensity_scale, emotion=emotion)
        frames = np.concatenate(list(self.draw(image, explained)))
        return Generated(frames, float(FPS), audio[: round(len(frames) * RATE / FPS)], RATE, explained)

    def explain(
        self,
        image: NDArray[np.uint8],
        audio: NDArray[np.float32],
        *,
        intensity_scale: float = 1.0,
        emotion: str | None = None,
    ) -> Explanation:
        """The latents of a clip without drawing it."""
        mel = torch.from_numpy(log_mel(*checked_audio(audio)))
        with torch.inference_mode():
            z_id, _ = self.talker.E_I(self._tensor(image))
            parts = [self._window(z_id, mel, start) for start in range(0, len(mel) // MEL_PER_FRAME, WINDOW)]
            z_lip, a, alpha, hidden, e = (torch.cat([p[i] for p in parts]) for i in range(5))
            z_exp = torch.zeros_like(z_id[0])
            probability = torch.zeros(len(EMOTIONS))
            if self.emotional:
                z_exp = self.talker.expression.project(hidden.mean(0))
                probability = self.talker.phi(e[None])[0].softmax(0)
                z_exp, alpha = self._override(z_exp, alpha * intensity_scale, emotion)
        arrays = (x.float().numpy() for x in (z_id[0], z_lip, alpha[:, 0], z_exp, a, e, probability))
        return Explanation(*arrays)

    def draw(self, image: NDArray[np.uint8], latents: Explanation) -> Iterator[NDArray[np.uint8]]:
        """Frames in chunks of at most ``BATCH``: (n,S,S,3) uint8. Flat memory however long the clip."""
        reference = self._tensor(image)
        with torch.inference_mode():
            _, feats = self.talker.E_I(reference)
        for start in range(0, len(latents.z_lip), BATCH):
            part = slice(start, start + BATCH)
            z = latents.z_id + latents.z_lip[part] + latents.alpha[part, None] * latents.z_exp
            with torch.inference_mode():
                frames = self.talker.render(torch.from_numpy(z)[None], reference, feats)[0]
            drawn: NDArray[np.uint8] = (frames.permute(0, 2, 3, 1).clamp(0, 1) * 255 + 0.5).to(torch.uint8).numpy()
            yield drawn

    def neutralize(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A neutral portrait of the same person: ANT's frame for a silent voice. (S,S,3) uint8 at the model's size."""
        silence = np.zeros(RATE, np.float32)
        quiet = Model(self.talker, name=self.name, emotional=False)
        latents = quiet.explain(image, silence)
        middle = len(latents.z_lip) // 2
        one = Explanation(
            latents.z_id, latents.z_lip[middle : middle + 1], latents.alpha[:1], latents.z_exp,
            latents.a[:1], latents.e[:1], latents.emotion_probability,
        )  # fmt: skip
        portrait: NDArray[np.uint8] = next(self.draw(image, one))[0]
        return portrait

    # ---- parts

    def _margin(self) -> int:
        config = self.talker.config
        margin: int = config.reach * config.layers + 12
        return margin  # 12 frames: the four 5-wide time convolutions, strides included

    def _window(self, z_id: Tensor, mel: Tensor, start: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """z_lip, a, alpha, hidden of z_exp and e of frames [start, start + WINDOW), computed with margins."""
        total = len(mel) // MEL_PER_FRAME
        low, high = max(0, start - self._margin()), min(total, start + WINDOW + self._margin())
        piece = mel[low * MEL_PER_FRAME : high * MEL_PER_FRAME][None]
        inner = slice(start - low, min(start + WINDOW, total) - low)
        talker = self.talker
        a = talker.E_A(piece)
        e = talker.E_E(piece) if self.emotional else None
        y_a, y_e = talker.fusion(z_id, a, e)
        z_lip, _ = talker.lip(y_a)
        if y_e is None or e is None:
            none = torch.zeros_like(a)
            return z_lip[0, inner], a[0, inner], none[0, inner, :1], none[0, inner], none[0, inner]
        hidden = talker.expression.features(y_e)
        return z_lip[0, inner], a[0, inner], talker.intensity(y_a)[0, inner], hidden[0, inner], e[0, inner]

    def _override(self, z_exp: Tensor, alpha: Tensor, emotion: str | None) -> tuple[Tensor, Tensor]:
        if emotion is None:
            return z_exp, alpha
        if emotion not in EMOTIONS:
            raise ConfigError(f"unknown emotion {emotion!r}", fix=f"use one of {', '.join(EMOTIONS)}")
        if self.prototypes is None:
            raise ConfigError(f"{self.name} has no emotion prototypes", fix="use the weights 'eap'")
        return self.prototypes[EMOTIONS.index(emotion)].float(), alpha

    def _tensor(self, image: NDArray[np.uint8]) -> Tensor:
        """(H,W,3) uint8 -> (1,3,S,S): centre square, area-like resize (antialiased bilinear)."""
        if image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 16:
            raise DataError(f"image of shape {image.shape}", fix="give RGB of at least 16 x 16 pixels")
        side = min(image.shape[:2])
        top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
        square = np.ascontiguousarray(image[top : top + side, left : left + side])
        x = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255
        if side != self.size:
            x = F.interpolate(x, size=(self.size, self.size), mode="bilinear", antialias=True, align_corners=False)
        return x.contiguous(memory_format=torch.channels_last)


def checked_audio(audio: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """The audio as float32 and its number of whole video frames (at least one); refuses NaN and near-empty audio."""
    audio = np.asarray(audio, np.float32)
    if audio.ndim != 1:
        raise DataError(f"audio of shape {audio.shape}", fix="give one channel: (samples,)")
    if not np.isfinite(audio).all():
        raise DataError("audio holds NaN or infinite samples", fix="clean the audio file")
    frames = len(audio) * FPS // RATE
    if frames < 1:
        raise DataError(
            f"audio of {len(audio) / RATE:.3f} s is shorter than one video frame", fix="give at least 0.04 s"
        )
    return audio, frames
