"""One streaming pass over a clip: decode a block of frames, show it to the evaluators, forget it.

Pixels are never kept; what grows with the clip are the features themselves (some hundred numbers per frame) and its
sound. Results are kept in the cache folder under the hash of media bytes, evaluator weights and code version.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eap.errors import MeasureError, MediaError
from eap.files import atomic_write, cache_dir, sha256_file
from metrics.features.clip import ClipFeatures, Floats
from metrics.features.sync import SAMPLES_PER_FRAME, Listener, listen_to_crops
from metrics.registry import EVALUATOR_NEEDS, Need, Unmeasurable

if TYPE_CHECKING:
    from metrics.evaluators import EvaluatorSet

VERSION = "2"
"""Raised whenever the same file and weights would give other features."""
CHUNK = 64
RATE = 16000
LOUDNESS = "rms640"
"""How loudness is measured: root mean square of the 640 samples of a frame."""
_FROM_SOUND: frozenset[Need] = frozenset({"loudness"})
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
    wanted = served(needs, evaluators)
    key = feature_key(path, evaluators, wanted, fps, sound)
    features = load_features(key) if cache else None
    if features is None:
        features = _extract(path, sound or path, key, evaluators, wanted, fps, chunk)
        if cache:
            _store(_cache_path(key), features)
    absent: dict[str, str] = {}
    if evaluators is not None:
        absent = {need: evaluators.why_not(need) for need in needs - wanted}
    return replace(features, missing={**features.missing, **absent}) if absent else features


def served(needs: frozenset[Need], evaluators: EvaluatorSet | None) -> frozenset[Need]:
    """The needs that can be met: by the evaluators, and from the sound; who finds faces counts them as well."""
    seen = frozenset[Need]() if evaluators is None else needs & evaluators.provides
    counted: frozenset[Need] = frozenset({"faces"})
    if seen and evaluators is not None:
        seen |= evaluators.provides & counted
    return seen | (needs & _FROM_SOUND)


def feature_key(
    path: Path, evaluators: EvaluatorSet | None, needs: frozenset[Need], fps: float, sound: Path | None = None
) -> str:
    """Hash of the media's bytes, the evaluators' weights, what is asked for and the version of this code.

    Raises MediaError when the file cannot be read.
    """
    judged = needs - _FROM_SOUND
    labels = {need: evaluators.label(need) for need in sorted(judged)} if evaluators is not None else {}
    labels |= dict.fromkeys(sorted(needs & _FROM_SOUND), LOUDNESS)
    weights = evaluators.weights() if evaluators is not None and judged else {}
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
    n_frames: int = 0
    size: tuple[int, int] = (0, 0)
    blocks: dict[Need, list[Floats]] = field(default_factory=dict)
    identity: NDArray[np.float64] | None = None

    def see(self, frames: NDArray[np.uint8]) -> None:
        """Take in the next block of frames (n, H, W, 3)."""
        judged = self.needs - {"sync", "loudness"}
        if self.evaluators is not None and self.needs - _FROM_SOUND:
            for need, array in self.evaluators.read(frames, judged).items():
                if need == "identity":
                    total = array.astype(np.float64).sum(axis=0)
                    self.identity = total if self.identity is None else self.identity + total
                else:
                    self.blocks.setdefault(need, []).append(array)
        self.n_frames += len(frames)
        self.size = (int(frames.shape[2]), int(frames.shape[1]))


def _extract(
    path: Path, sound: Path, key: str, evaluators: EvaluatorSet | None, needs: frozenset[Need], fps: float, chunk: int
) -> ClipFeatures:
    from eap.media import probe, read_frames

    has_audio = probe(sound).has_audio
    missing: dict[str, str] = {}
    audio = _sound(sound, has_audio, needs, missing)
    seen = _Pass(evaluators, needs)
    sync = _Sync(evaluators, audio, missing) if evaluators is not None and "sync" in needs else None
    for frames in read_frames(path, fps=fps, chunk=chunk):
        seen.see(frames)
        if sync is not None:
            sync.see(frames)
    lips, heard, remarks = sync.finish(path, fps, chunk) if sync is not None else (None, None, {})
    arrays: dict[str, Floats] = {need: np.concatenate(parts) for need, parts in seen.blocks.items()}
    if seen.identity is not None:
        arrays["identity"] = (seen.identity / max(float(np.linalg.norm(seen.identity)), 1e-12)).astype(np.float32)
    if audio is not None and "loudness" in needs:
        arrays["loudness"] = frame_loudness(audio, seen.n_frames)
    width, height = seen.size
    return ClipFeatures(
        key, seen.n_frames, width, height, fps, has_audio, sync_video=lips, sync_audio=heard, missing=missing,
        remarks=remarks, source_fps=float(probe(path).fps), **arrays,
    )  # fmt: skip


def _sound(path: Path, has_audio: bool, needs: frozenset[Need], missing: dict[str, str]) -> Floats | None:
    """The sound at 16 kHz where a need asks for it; else None and, in `missing`, why."""
    from eap.media import read_audio

    heard: frozenset[Need] = needs & {"sync", "loudness"}
    if not heard:
        return None
    reason = "no audio stream"
    if has_audio:
        try:
            return read_audio(path, RATE)
        except MediaError as error:
            reason = f"no usable audio ({error.message})"
    missing.update(dict.fromkeys(heard, reason))
    return None


def frame_loudness(audio: Floats, n_frames: int) -> Floats:
    """(n_frames,) dB of full scale of each frame's 640 samples; nan for frames the sound does not cover."""
    found = np.full(n_frames, np.nan, np.float32)
    n = min(n_frames, len(audio) // SAMPLES_PER_FRAME)
    power = np.square(audio[: n * SAMPLES_PER_FRAME].astype(np.float64)).reshape(n, SAMPLES_PER_FRAME).mean(axis=1)
    found[:n] = 10.0 * np.log10(power + 1e-10)
    return found


class _Sync:
    """Lips and sound of one clip: embedded as the frames go by, or planned now and embedded in a second pass."""

    def __init__(self, evaluators: EvaluatorSet, audio: Floats | None, missing: dict[str, str]) -> None:
        self._evaluators, self._audio, self._missing = evaluators, audio, missing
        self._planner = evaluators.planner() if audio is not None else None
        self._listener = Listener(evaluators, audio) if audio is not None and self._planner is None else None

    def see(self, frames: NDArray[np.uint8]) -> None:
        """The next frames."""
        if self._listener is not None:
            self._listener.see(frames)
        elif self._planner is not None and "sync" not in self._missing:
            try:
                self._planner.see(frames)
            except Unmeasurable as error:
                self._missing["sync"] = str(error)

    def finish(self, path: Path, fps: float, chunk: int) -> tuple[Floats | None, Floats | None, dict[str, str]]:
        """Embeddings of video and audio and what is to be remarked; the reason why there are none is in `missing`."""
        if "sync" in self._missing or self._audio is None:
            return None, None, {}
        try:
            if self._listener is not None:
                return *self._listener.embeddings(), {}
            if self._planner is None:
                return None, None, {}
            plan = self._planner.plan()
            remarks = {"sync": plan.remark} if plan.remark else {}
            return *listen_to_crops(path, self._evaluators, plan, self._audio, fps, chunk), remarks
        except Unmeasurable as error:
            self._missing["sync"] = str(error)
            return None, None, {}


def _cache_path(key: str) -> Path:
    return cache_dir() / "features" / key[:2] / f"{key}.npz"


_ARRAYS = ("landmarks", "emotion", "affect", "identity", "sync_video", "sync_audio", "features", "loudness", "faces")


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
    plain |= {"missing": dict(features.missing), "remarks": dict(features.remarks)}
    store_arrays(path, {"about": np.array(json.dumps(plain)), **arrays})


def store_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a cache entry, whole or not at all. Raises MeasureError when the disk is full or not writable."""
    try:
        with atomic_write(path) as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)
    except OSError as error:
        fix = "free some space or set EAP_CACHE to another folder"
        raise MeasureError(f"{path}: cannot write the feature cache ({error.strerror or error})", fix=fix) from error
