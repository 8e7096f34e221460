"""One streaming pass over a clip: decode a block of frames, show it to the evaluators, forget it.

Pixels are never kept; what grows with the clip are the features themselves (some hundred numbers per frame) and its
sound. Results are kept in the cache folder under the hash of media bytes, evaluator weights and code version.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eap.errors import MeasureError, MediaError
from eap.files import atomic_write, cache_dir, sha256_file
from metrics.features.clip import ClipFeatures, Floats
from metrics.registry import EVALUATOR_NEEDS, Need

if TYPE_CHECKING:
    from metrics.evaluators import EvaluatorSet

VERSION = "1"
"""Raised whenever the same file and weights would give other features."""
CHUNK = 64
WINDOW = 5
RATE = 16000
SAMPLES_PER_FRAME = 640
MEL_PER_FRAME = 4
DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


def extract(
    path: Path | str,
    evaluators: EvaluatorSet | None,
    needs: frozenset[Need] = EVALUATOR_NEEDS,
    *,
    sound: Path | None = None,
    fps: float = 25.0,
    cache: bool = True,
    chunk: int = CHUNK,
) -> ClipFeatures:
    """Features of one video file, from the cache where they are known.

    `sound` is a file to take the sound from instead. Without evaluators only length, size and whether there is sound;
    the answer does not depend on `chunk`, the frames decoded at once. Raises MediaError when the file cannot be read.
    """
    path = Path(path)
    wanted = frozenset(needs & evaluators.provides) if evaluators is not None else frozenset[Need]()
    key = feature_key(path, evaluators, wanted, fps, sound)
    if cache and (found := load_features(key)) is not None:
        return found
    features = _extract(path, sound or path, key, evaluators, wanted, fps, chunk)
    if cache:
        _store(_cache_path(key), features)
    return features


def feature_key(
    path: Path, evaluators: EvaluatorSet | None, needs: frozenset[Need], fps: float, sound: Path | None = None
) -> str:
    """Hash of the media's bytes, the evaluators' weights, what is asked for and the version of this code.

    Raises MediaError when the file cannot be read.
    """
    labels = {need: evaluators.label(need) for need in sorted(needs)} if evaluators is not None else {}
    weights = evaluators.weights() if evaluators is not None and needs else {}
    media = [hash_media(path), hash_media(sound) if sound is not None else ""]
    return digest({"media": media, "labels": labels, "weights": weights, "fps": fps, "version": VERSION})


def hash_media(path: Path) -> str:
    """sha256 of a file. Raises MediaError when it cannot be read."""
    try:
        return sha256_file(path)
    except OSError as error:
        fix = "check the path" if isinstance(error, FileNotFoundError) else "check that it is a readable file"
        raise MediaError(f"{path}: {error.strerror or error}", fix=fix) from error


def digest(described: Mapping[str, Any]) -> str:
    """sha256 of JSON data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


@dataclass
class _Pass:
    """What is gathered while the frames go by."""

    evaluators: EvaluatorSet | None
    needs: frozenset[Need]
    mel: Floats | None
    """(4n, 80) of the sound, None where there is none."""
    n_frames: int = 0
    size: tuple[int, int] = (0, 0)
    blocks: dict[Need, list[Floats]] = field(default_factory=dict)
    identity: NDArray[np.float64] | None = None
    video: list[Floats] = field(default_factory=list)
    audio: list[Floats] = field(default_factory=list)
    tail: Floats | None = None
    """Lips of the last 4 frames: the windows that begin in them need the next block."""

    def see(self, frames: NDArray[np.uint8]) -> None:
        """Take in the next block of frames (n, H, W, 3)."""
        if self.evaluators is not None and self.needs:
            for need, array in self.evaluators.read(frames, self.needs - {"sync"}).items():
                if need == "identity":
                    total = array.astype(np.float64).sum(axis=0)
                    self.identity = total if self.identity is None else self.identity + total
                else:
                    self.blocks.setdefault(need, []).append(array)
            if "sync" in self.needs and self.mel is not None:
                self._listen(self.evaluators, frames, self.mel)
        self.n_frames += len(frames)
        self.size = (int(frames.shape[2]), int(frames.shape[1]))

    def _listen(self, evaluators: EvaluatorSet, frames: NDArray[np.uint8], mel: Floats) -> None:
        lips = evaluators.lips(frames)
        first = self.n_frames
        if self.tail is not None:
            lips = np.concatenate([self.tail, lips])
            first -= len(self.tail)
        heard = lips[: max(0, len(mel) // MEL_PER_FRAME - first)]
        if len(heard) >= WINDOW:
            rows = mel[MEL_PER_FRAME * first : MEL_PER_FRAME * (first + len(heard))]
            video, audio = evaluators.sync(np.ascontiguousarray(heard), rows)
            self.video.append(video)
            self.audio.append(audio)
        self.tail = lips[-(WINDOW - 1) :]


def _extract(
    path: Path, sound: Path, key: str, evaluators: EvaluatorSet | None, needs: frozenset[Need], fps: float, chunk: int
) -> ClipFeatures:
    from eap.media import probe, read_frames

    has_audio = probe(sound).has_audio
    missing: dict[str, str] = {}
    mel = _mel(sound, has_audio, missing) if "sync" in needs else None
    seen = _Pass(evaluators, needs, mel)
    for frames in read_frames(path, fps=fps, chunk=chunk):
        seen.see(frames)
    video, audio = _sync_embeddings(seen, needs, missing)
    arrays: dict[str, Floats] = {need: np.concatenate(parts) for need, parts in seen.blocks.items()}
    if seen.identity is not None:
        arrays["identity"] = (seen.identity / max(float(np.linalg.norm(seen.identity)), 1e-12)).astype(np.float32)
    width, height = seen.size
    return ClipFeatures(
        key, seen.n_frames, width, height, fps, has_audio, sync_video=video, sync_audio=audio, missing=missing, **arrays
    )


def _mel(path: Path, has_audio: bool, missing: dict[str, str]) -> Floats | None:
    """Mel rows of the whole frames that the sound covers."""
    from eap.acoustics import log_mel
    from eap.media import read_audio

    if not has_audio:
        missing["sync"] = "no audio stream"
        return None
    try:
        audio = read_audio(path, RATE)
    except MediaError as error:
        missing["sync"] = f"no usable audio ({error.message})"
        return None
    return log_mel(audio, len(audio) // SAMPLES_PER_FRAME)


def _sync_embeddings(
    seen: _Pass, needs: frozenset[Need], missing: dict[str, str]
) -> tuple[Floats | None, Floats | None]:
    """All windows but the last: syncnet_python scores min(frames, sound) - 5 of them."""
    if "sync" not in needs or "sync" in missing:
        return None, None
    video = np.concatenate(seen.video) if seen.video else np.zeros((0, 1), np.float32)
    if len(video) < 2:
        heard = 0 if seen.mel is None else len(seen.mel) // MEL_PER_FRAME
        missing["sync"] = f"too short: {seen.n_frames} frames, sound for {heard}; sync needs {WINDOW + 1}"
        return None, None
    return video[:-1], np.concatenate(seen.audio)[:-1]


def _cache_path(key: str) -> Path:
    return cache_dir() / "features" / key[:2] / f"{key}.npz"


_ARRAYS = ("landmarks", "emotion", "affect", "identity", "sync_video", "sync_audio", "features")


def load_features(key: str) -> ClipFeatures | None:
    """Features from the cache; None when they are not there or damaged."""
    path = _cache_path(key)
    try:
        with np.load(path, allow_pickle=False) as stored:
            plain = json.loads(str(stored["about"]))
            arrays = {name: stored[name] for name in _ARRAYS if name in stored.files}
        if plain.pop("key") != key:
            return None
        return ClipFeatures(key=key, **plain, **arrays)
    except DAMAGED:
        return None


def _store(path: Path, features: ClipFeatures) -> None:
    arrays = {name: array for name in _ARRAYS if (array := getattr(features, name)) is not None}
    plain = {item.name: getattr(features, item.name) for item in fields(features) if item.name not in _ARRAYS}
    plain["missing"] = dict(features.missing)
    store_arrays(path, {"about": np.array(json.dumps(plain)), **arrays})


def store_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a cache entry, whole or not at all. Raises MeasureError when the disk is full or not writable."""
    try:
        with atomic_write(path) as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)
    except OSError as error:
        fix = "free some space or set EAP_CACHE to another folder"
        raise MeasureError(f"{path}: cannot write the feature cache ({error.strerror or error})", fix=fix) from error
