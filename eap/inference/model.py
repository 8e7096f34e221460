"""A trained talker ready to use: image and voice in, talking face out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eap.bundle.store import find_entry, load_weights
from eap.constants import EMOTIONS, FPS, RATE
from eap.errors import ConfigError, EapError, WeightsError
from eap.inference.clip import HeardClip, hear_clip, write_clip
from eap.inference.control import Control
from eap.inference.framing import Portrait, portrait_of
from eap.inference.listening import EmotionReader, Heard, Listener
from eap.inference.painting import BATCH, Painter
from eap.inference.reading import IntensityReader
from eap.inference.results import Explanation, Generated, Written
from eap.inference.sound import SAMPLES, Voice, voice_of
from eap.inference.streaming import LOOKAHEAD, STEP, Stream
from eap.model import ModelConfig, Talker

Image = NDArray[np.uint8]
ImageLike = Image | str | Path | Portrait
AudioLike = NDArray[np.floating] | str | Path

LONGEST = 1920
"""Full-frame videos of larger pictures are made at this many pixels on the longer side."""
PLAIN = Control()


def load(name: str = "eap", folder: Path | None = None) -> Model:
    """A bundled model: ``eap`` (also ``bundled``), ``ant``, ``ant-wild``, ``no-neutralization``, ``no-intensity``.

    ``folder``: a bundle other than the package's own. Raises WeightsError.
    """
    return Model.from_bundle("eap" if name == "bundled" else name, folder)


class Model:
    """A trained talker ready to use.

    Images are arrays (H,W,3) uint8, paths of image files, or a `Portrait` that was looked at before; voices are float
    arrays (n,), mono in [-1, 1] at ``rate`` Hz, or paths of audio files or of videos with sound. Options that the
    methods share:

    control: what takes the place of what the voice says, see `Control`. crop: find the face and frame it; None does so
    for files and takes arrays as they are, as crops already made. face: which one, 1 is the largest. full_frame: the
    made face is put back into the picture, instead of a square of the model's size. All raise MediaError and DataError
    for images and voices that cannot be used, ConfigError for a control that the weights cannot follow.
    """

    def __init__(
        self,
        talker: Talker,
        *,
        name: str,
        emotional: bool,
        prototypes: Tensor | None = None,
        folder: Path | None = None,
    ) -> None:
        self.talker = talker.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.name, self.emotional, self.prototypes, self.folder = name, emotional, prototypes, folder
        self.size = talker.config.size
        self._reader: IntensityReader | None = None

    @classmethod
    def from_bundle(cls, name: str, folder: Path | None = None) -> Model:
        """Load bundled weights.

        Raises WeightsError before any tensor is used: unknown name, no talker, damaged or foreign file (sha256),
        settings or tensors that this version's model does not have, NaN.
        """
        meta = find_entry(name, folder).meta
        if meta.role != "model" or meta.architecture != Talker.__name__:
            raise WeightsError(f"{name}: not the weights of a talking-face model", fix="see eap-bench weights list")
        state = load_weights(name, folder)
        if bad := next((key for key, value in state.items() if not bool(value.isfinite().all())), None):
            raise WeightsError(f"weights '{name}': {bad} holds NaN or infinity", fix=_REBUILD)
        prototypes = state.pop("prototypes", None)
        try:
            talker = Talker(ModelConfig.from_dict(dict(meta.config["model"])))
            emotional = bool(meta.config["emotional"])
            talker.load_state_dict(state)
        except (RuntimeError, KeyError, TypeError, ValueError, EapError) as error:
            # A page of tensor names helps nobody; what differs is the version.
            raise WeightsError(
                f"weights '{name}' do not fit the model of this version ({type(error).__name__})", fix=_REBUILD
            ) from error
        if prototypes is not None and prototypes.shape != (len(EMOTIONS), talker.config.latent):
            raise WeightsError(f"weights '{name}': prototypes of shape {tuple(prototypes.shape)}", fix=_REBUILD)
        return cls(talker, name=name, emotional=emotional, prototypes=prototypes, folder=folder)

    def generate(
        self,
        image: ImageLike,
        audio: AudioLike,
        *,
        control: Control = PLAIN,
        rate: int = RATE,
        crop: bool | None = None,
        face: int = 1,
        full_frame: bool = False,
    ) -> Generated:
        """A talking face in memory, one frame for each whole 1/25 s of the voice. For long voices see `write`."""
        portrait = self._portrait(image, crop, face, full_frame)
        audio_16k = voice_of(audio, rate).whole()
        painter = Painter(self.talker, portrait.crop)
        latents = self._explain(painter, Voice(samples=audio_16k), control)
        frames = np.concatenate(list(self._draw(painter, latents)))
        if full_frame:
            frames = np.stack([portrait.paste(frame) for frame in frames])
        return Generated(frames, float(FPS), audio_16k[: SAMPLES * len(frames)], RATE, latents)

    def write(
        self,
        out: str | Path,
        image: ImageLike,
        audio: AudioLike,
        *,
        control: Control = PLAIN,
        rate: int = RATE,
        crop: bool | None = None,
        face: int = 1,
        full_frame: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Written:
        """`generate` straight into a file, in memory that does not grow with the length of the voice.

        The voice is listened to twice: for the latents, and while frames are drawn, as the file's sound (at its own
        rate where MP4 can hold that). ``progress`` is told frames done and frames in all. The file appears whole or not
        at all.
        """
        portrait = self._portrait(image, crop, face, full_frame)
        voice = voice_of(audio, rate)
        painter = Painter(self.talker, portrait.crop)
        self._check_control(control)
        clip = hear_clip(self.talker, painter.z_id, voice, emotional=self.emotional)
        z_exp = self._z_exp(control, clip)
        clip = replace(clip, alpha=control.alpha(clip.alpha, 0))
        return write_clip(Path(out), clip, z_exp, painter, portrait if full_frame else None, voice, progress)

    def explain(
        self,
        image: ImageLike,
        audio: AudioLike,
        *,
        control: Control = PLAIN,
        rate: int = RATE,
        crop: bool | None = None,
        face: int = 1,
        r_hat: bool = True,
    ) -> Explanation:
        """The terms of Eq. 1 of a clip, and r_hat(t) = psi(F(frame)) of the frames drawn from them (Eq. 7).

        ``r_hat=False`` leaves the last out, and with it the drawing. Raises WeightsError where it is wanted and the
        bundle lacks the teacher F or psi.
        """
        painter = Painter(self.talker, self._portrait(image, crop, face, False).crop)
        latents = self._explain(painter, voice_of(audio, rate), control)
        if not r_hat:
            return latents
        if self._reader is None:
            self._reader = IntensityReader.from_bundle(self.folder)
        read = [self._reader.read(frames) for frames in self._draw(painter, latents)]
        return replace(latents, r_hat=np.concatenate(read))

    def draw(self, image: ImageLike, latents: Explanation) -> Iterator[Image]:
        """Frames of given latents in chunks of at most 16: (n,S,S,3) uint8. The image is taken as it is."""
        return self._draw(Painter(self.talker, portrait_of(image, crop=False).crop), latents)

    def stream(
        self,
        image: ImageLike,
        *,
        control: Control = PLAIN,
        rate: int = RATE,
        crop: bool | None = None,
        face: int = 1,
        full_frame: bool = False,
        lookahead: int | None = LOOKAHEAD,
    ) -> Stream:
        """Voice in as it comes, frames out: see `Stream`. ``lookahead``: frames of sound that a frame waits for."""
        self._check_control(control)
        if lookahead is not None and lookahead < 0:
            raise ConfigError(f"lookahead {lookahead} is below 0", fix="give frames of sound to wait for, or None")
        portrait = self._portrait(image, crop, face, full_frame)
        fixed = self._prototype(control.emotion) if control.emotion is not None else None
        painter = Painter(self.talker, portrait.crop)
        # A frame at a time is dear, and whoever waits for all that the model can use need not hurry.
        step = STEP if lookahead is None else 1
        listener = Listener(self.talker, painter.z_id, emotional=self.emotional, step=step, ahead=lookahead)
        return Stream(painter, listener, control, fixed, portrait if full_frame else None, rate)

    def neutralize(
        self, image: ImageLike, *, crop: bool | None = None, face: int = 1, full_frame: bool = False
    ) -> Image:
        """A neutral portrait of the same person: the frame that a silent voice gives without the emotional path.

        (S,S,3) uint8 at the model's size, or the whole picture with ``full_frame``.
        """
        portrait = portrait_of(image, crop=crop, which=face)
        painter = Painter(self.talker, portrait.crop)
        listener = Listener(self.talker, painter.z_id, emotional=False, step=FPS)
        heard = [*listener.push(np.zeros(RATE, np.float32)), *listener.close()]
        shape = torch.cat([part.lip_shape for part in heard])
        middle = len(shape) // 2
        made = painter.paint(
            painter.lips(shape[middle : middle + 1]), torch.zeros(1), torch.zeros_like(painter.z_id[0])
        )
        return portrait.paste(made[0]) if full_frame else made[0]

    # ---- parts

    def _portrait(self, image: ImageLike, crop: bool | None, face: int, full_frame: bool) -> Portrait:
        return portrait_of(image, crop=crop, which=face, longest=LONGEST if full_frame else None)

    def _explain(self, painter: Painter, voice: Voice, control: Control) -> Explanation:
        self._check_control(control)
        parts: list[Heard] = []
        reader = EmotionReader(self.talker)

        def keep(heard: Heard) -> None:
            parts.append(heard)
            if self.emotional:
                reader.add(heard)

        clip = hear_clip(self.talker, painter.z_id, voice, emotional=self.emotional, keep=keep)
        probability = reader.probability() if self.emotional else torch.zeros(len(EMOTIONS))
        z_lip, a, e = (torch.cat([getattr(part, name) for part in parts]) for name in ("z_lip", "a", "e"))
        return Explanation(
            z_id=_array(painter.z_id[0]),
            z_lip=_array(z_lip),
            lip_shape=clip.lip_shape,
            alpha=control.alpha(clip.alpha, 0),
            z_exp=_array(self._z_exp(control, clip)),
            a=_array(a),
            e=_array(e),
            emotion_probability=_array(probability),
        )

    def _draw(self, painter: Painter, latents: Explanation) -> Iterator[Image]:
        z_exp = torch.from_numpy(latents.z_exp)
        for start in range(0, len(latents.z_lip), BATCH):
            part = slice(start, start + BATCH)
            z_lip, alpha = torch.from_numpy(latents.z_lip[part]), torch.from_numpy(latents.alpha[part])
            yield painter.paint(z_lip, alpha, z_exp, torch.from_numpy(latents.z_id))

    def _z_exp(self, control: Control, clip: HeardClip) -> Tensor:
        return clip.z_exp if control.emotion is None else self._prototype(control.emotion)

    def _prototype(self, emotion: str) -> Tensor:
        if self.prototypes is None:
            raise ConfigError(f"{self.name} has no emotion prototypes", fix="use the weights 'eap'")
        return self.prototypes[EMOTIONS.index(emotion)].float()

    def _check_control(self, control: Control) -> None:
        if control.overrides and not self.emotional:
            raise ConfigError(f"the weights '{self.name}' show no emotion to control", fix="use the weights 'eap'")


_REBUILD = "restore the bundle, or rebuild it with 'eap-bench train'"


def _array(x: Tensor) -> NDArray[np.float32]:
    out: NDArray[np.float32] = x.float().numpy()
    return out
