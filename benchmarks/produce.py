"""Making one clip of one method: frames by the method's kind, audio, and both in a media file of the run directory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.external import find_result, run_command
from benchmarks.plan import Task
from benchmarks.references import reference_frame
from benchmarks.suites import Track
from eap import media
from eap.constants import FPS, RATE
from eap.data.clip import Clip
from eap.errors import DataError

Frames = npt.NDArray[np.uint8]
Audio = npt.NDArray[np.float32]

SAMPLES_PER_FRAME = RATE // FPS


class Talker(Protocol):
    """What the runner needs of a model: ``eap.load(name)`` gives one."""

    def generate(self, image: Any, audio: Any) -> Any:
        """Reference image and audio in; an object with ``frames``, ``fps``, ``audio``, ``rate`` out."""
        ...

    def neutralize(self, image: Any) -> Any:
        """A neutral portrait of the same person, a uint8 square of the model's size."""
        ...


@dataclass(frozen=True)
class Produced:
    """Files of one finished task."""

    media: Path
    truth: Path
    """The clip it is measured against: the dataset's own file, or a copy of it at the suite's size."""
    reference: Path | None = None


@dataclass(frozen=True)
class Places:
    """Where the files of a run lie."""

    root: Path
    size: int

    def media(self, method: str, track: str, clip: str) -> Path:
        """The method's clip."""
        return self.root / "media" / method / track / f"{clip}.mp4"

    def reference(self, track: str, clip: str) -> Path:
        """The reference image shown to every method on this track."""
        return self.root / "media" / "reference" / track / f"{clip}.png"

    def truth(self, clip: str) -> Path:
        """A copy of the dataset's clip at the suite's size."""
        return self.root / "media" / "truth" / f"{clip}.mp4"


def produce(task: Task, places: Places, load_model: Any) -> Produced:
    """Make the task's clip and write it; existing files are written anew (a kill may have left any of them).

    ``load_model``: name of weights -> ``Talker``; called once per name. Raises ``EapError`` with the reason.
    """
    if task.problem:
        raise DataError(task.problem)
    track = task.tracks[0]
    frames = clip_frames(task.clip.video, places.size)
    audio = fit_audio(media.read_audio((task.audio or task.clip).sound, RATE), len(frames))
    reference_path: Path | None = None
    if task.method.uses_reference:
        assert task.reference is not None
        image = reference_image(task.reference, track, places.size)
        reference_path = places.reference(track, task.clip.id)
        media.write_image(reference_path, image)
        if task.method.kind == "command":
            made = run_command(task.method, task.clip, track, reference_path, audio, places.root)
            frames = finished_frames(made, len(frames), places.size)
        else:
            frames = _talk(task, image, audio, len(frames), load_model)
    elif task.method.kind == "results":
        made = find_result(str(task.method.folder), task.clip)
        frames = finished_frames(made, len(frames), places.size)
    path = places.media(task.method.name, track, task.clip.id)
    media.write_video(path, frames, fps=float(FPS), audio=audio, rate=RATE)
    return Produced(path, truth_video(task.clip, places), reference_path)


def _talk(task: Task, image: Frames, audio: Audio, n_frames: int, load_model: Any) -> Frames:
    if task.method.kind == "still":
        return np.repeat(image[None], n_frames, axis=0)
    side = image.shape[0]
    if task.method.neutralized_by:
        image = load_model(task.method.neutralized_by).neutralize(image)
    talker: Talker = load_model(task.method.weights)
    generated = talker.generate(image, audio)
    frames = np.asarray(generated.frames)
    if frames.ndim != 4 or frames.dtype != np.uint8 or not len(frames):
        raise DataError(f"{task.method.name} gave frames of shape {frames.shape} and type {frames.dtype}")
    return frames if frames.shape[1:3] == (side, side) else np.stack([square(f, side) for f in frames])


def truth_video(clip: Clip, places: Places) -> Path:
    """The clip to measure against. Clips that are not squares of the suite's size get a near-lossless copy that is."""
    info = media.probe(clip.video)
    if (info.width, info.height) == (places.size, places.size) and round(info.fps) == FPS:
        return Path(clip.video)
    path = places.truth(clip.id)
    if not path.is_file():
        frames = clip_frames(clip.video, places.size)
        audio = fit_audio(media.read_audio(clip.sound, RATE), len(frames))
        media.write_video(path, frames, fps=float(FPS), audio=audio, rate=RATE, crf=8)
    return path


def finished_frames(path: Path, n_frames: int, size: int) -> Frames:
    """Another method's clip, checked before it counts: readable, and as long as the truth to within 0.2 s.

    Longer ones are cut, shorter ones end with their last frame held. Raises EapError with the reason otherwise.
    """
    frames = clip_frames(path, size)
    if abs(len(frames) - n_frames) > FPS // 5:
        raise DataError(f"{path}: {len(frames)} frames at {FPS} fps, the clip has {n_frames}", fix="make it again")
    held = np.repeat(frames[-1:], max(n_frames - len(frames), 0), axis=0)
    return np.concatenate([frames[:n_frames], held])


@lru_cache(maxsize=4)
def clip_frames(path: Path, size: int) -> Frames:
    """All frames (T, size, size, 3) of a clip at 25 fps. ``DataError`` if it has fewer than two."""
    parts = [np.stack([square(frame, size) for frame in chunk]) for chunk in media.read_frames(path, fps=float(FPS))]
    frames = np.concatenate(parts) if parts else np.zeros((0, size, size, 3), np.uint8)
    if len(frames) < 2:
        raise DataError(f"{path}: {len(frames)} frame(s), a talking clip needs two or more", fix="leave the file out")
    return frames


def reference_image(clip: Clip, track: Track, size: int) -> Frames:
    """The reference frame (size, size, 3) of a clip."""
    frames = clip_frames(clip.video, size)
    image: Frames = frames[reference_frame(clip, track, len(frames))]
    return image


def fit_audio(audio: Audio, n_frames: int) -> Audio:
    """Cut or zero-padded to exactly ``n_frames`` video frames, so that every method's clip has the truth's length."""
    wanted = n_frames * SAMPLES_PER_FRAME
    return np.pad(audio[:wanted], (0, max(wanted - len(audio), 0))).astype(np.float32)


def square(image: Frames, size: int) -> Frames:
    """The largest centred square, resized to ``size`` (area averaging downwards)."""
    height, width = image.shape[:2]
    if (height, width) == (size, size):
        return image
    import cv2

    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    crop = np.ascontiguousarray(image[top : top + side, left : left + side])
    how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(crop, (size, size), interpolation=how), np.uint8)
