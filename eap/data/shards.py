"""Training clips as WebDataset shards: tar files that other tools stream, and that are read here at random.

    root/000000.tar     <key>.json, <key>.mel.npy, <key>.landmarks.npy, <key>.affect.npy, <key>.head.npy and
                        <key>.0000.jpg, <key>.0001.jpg, ... of every clip (key: six digits, unique)
    root/index.json     {"format", "size", "fps", "clips"}, as of an array set
    root/places.npy     int64 (clips, 5): shard, and where the data of mel, landmarks, affect and head begin
    root/pictures.npy   int64 (F, 2): where each frame's JPEG begins in its shard, and its bytes

Frames are JPEG (quality 95, full colour), about a tenth of an array set's size and not bit-equal to it; the rest is.
`ArraySet.open` opens a folder of shards too.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eap.constants import FPS, MEL_PER_FRAME, N_LANDMARKS, N_MELS
from eap.data.arrays import ArraySet, ClipArrays, ClipEntry, ClipTruth, locate
from eap.errors import DataError
from eap.files import atomic_write, write_json

FORMAT: Final = "eap-shards-1"
QUALITY: Final = 95
_COLUMNS: Final = ("mel", "landmarks", "affect", "head")
_TYPES: Final = {"mel": "<f2", "landmarks": "<f4", "affect": "<f4", "head": "<f4"}
_ROWS: Final = {"mel": (MEL_PER_FRAME, N_MELS), "landmarks": (1, N_LANDMARKS * 2), "affect": (1, 3), "head": (1, 3)}
_REBUILD: Final = "delete the folder of shards and make it again"


@dataclass(frozen=True)
class ShardPlan:
    """One tar file: its number, and the ids of its clips with the number of the first."""

    number: int
    first: int
    ids: tuple[str, ...]

    @property
    def file(self) -> str:
        """`000003.tar`."""
        return f"{self.number:06d}.tar"

    def is_written(self, root: Path) -> bool:
        """Whether the shard is there (they are written whole) and holds these clips."""
        path = root / self.file
        return path.is_file() and tuple(entry["id"] for entry, _ in _entries(path)) == self.ids


def plan_shards(ids: Sequence[str], per_shard: int) -> list[ShardPlan]:
    """Which clips go into which shard: shuffled by a hash, so that a stream of one shard is a mixture of people."""
    if per_shard < 1:
        raise ValueError(f"{per_shard} clips in a shard")
    mixed = sorted(ids, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return [
        ShardPlan(number, first, tuple(mixed[first : first + per_shard]))
        for number, first in enumerate(range(0, len(mixed), per_shard))
    ]


def write_shard(root: Path, shard: ShardPlan, clips: Iterable[ClipArrays]) -> int:
    """Write one tar, whole or not at all; returns how many clips it holds. The same clips give the same bytes."""
    count = 0
    try:
        with atomic_write(root / shard.file) as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
            for number, clip in enumerate(clips, start=shard.first):
                _add_clip(tar, f"{number:06d}", clip)
                count += 1
    except OSError as error:
        raise DataError(f"{root / shard.file}: {error.strerror or error}", fix="free disk space, run again") from error
    return count


def _add_clip(tar: tarfile.TarFile, key: str, clip: ClipArrays) -> None:
    import cv2

    described = {
        "id": clip.id, "identity": clip.identity, "emotion": clip.emotion, "level": clip.level,
        "sentence": clip.sentence, "view": clip.view, "wild": clip.wild, "length": len(clip.frames),
        "size": clip.frames.shape[1],
    }  # fmt: skip
    _add(tar, f"{key}.json", json.dumps(described).encode())
    for name in _COLUMNS:
        held = io.BytesIO()
        np.save(held, np.ascontiguousarray(getattr(clip, name), dtype=_TYPES[name]))
        _add(tar, f"{key}.{name}.npy", held.getvalue())
    options = [
        cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]  # fmt: skip
    for index, frame in enumerate(clip.frames):
        _, data = cv2.imencode(".jpg", frame[..., ::-1], options)
        _add(tar, f"{key}.{index:04d}.jpg", data.tobytes())


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _entries(path: Path) -> list[tuple[dict[str, Any], dict[str, tuple[int, int]]]]:
    """(description, file name after the key -> (offset, bytes)) of every clip of a shard, in order."""
    found: dict[str, tuple[dict[str, Any], dict[str, tuple[int, int]]]] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                key, _, rest = member.name.partition(".")
                described, places = found.setdefault(key, ({}, {}))
                places[rest] = (member.offset_data, member.size)
                if rest == "json" and (stream := tar.extractfile(member)) is not None:
                    described |= json.loads(stream.read())
    except (tarfile.TarError, ValueError, OSError) as error:
        raise DataError(f"{path}: damaged shard ({error})", fix=_REBUILD) from error
    if any("id" not in described for described, _ in found.values()):
        raise DataError(f"{path}: a clip of it has no description", fix=_REBUILD)
    return list(found.values())


def write_index(root: Path, size: int) -> None:
    """Look through all shards of a folder once and write where everything lies. Raises DataError for damaged ones."""
    shards = sorted(root.glob("*.tar"))
    clips: list[ClipEntry] = []
    places: list[list[int]] = []
    pictures: list[tuple[int, int]] = []
    for number, path in enumerate(shards):
        with path.open("rb") as stream:
            for described, found in _entries(path):
                fields = dict(described)
                if fields.pop("size") != size:
                    raise DataError(f"{path}: holds frames of another size than {size}", fix=_REBUILD)
                clips.append(ClipEntry(start=len(pictures), **fields))
                places.append([number, *(_data_start(stream, found[f"{name}.npy"][0]) for name in _COLUMNS)])
                pictures += [found[f"{index:04d}.jpg"] for index in range(int(fields["length"]))]
    _save(root / "places.npy", np.array(places, np.int64).reshape(-1, 5))
    _save(root / "pictures.npy", np.array(pictures, np.int64).reshape(-1, 2))
    described = {"format": FORMAT, "size": size, "fps": float(FPS), "clips": [asdict(clip) for clip in clips]}
    write_json(root / "index.json", described | {"shards": [path.name for path in shards]})


def _data_start(stream: Any, member: int) -> int:
    """Where the numbers begin behind the header of a .npy file that begins at ``member``."""
    stream.seek(member)
    np.lib.format.read_magic(stream)
    np.lib.format.read_array_header_1_0(stream)
    return int(stream.tell())


def _save(path: Path, array: NDArray[np.int64]) -> None:
    with atomic_write(path) as stream:
        np.save(stream, array)


class ShardSet(ArraySet):
    """Shards behind the interface of `ArraySet`: a clip's frames are decoded when they are asked for."""

    def __init__(self, root: Path, size: int, clips: list[ClipEntry], shards: Sequence[str]) -> None:
        self.root, self.size, self.fps, self.clips = root, size, float(FPS), clips
        self.n_frames = max((entry.start + entry.length for entry in clips), default=0)
        self._shards = [root / name for name in shards]
        self._maps: dict[int, NDArray[np.uint8]] = {}
        try:
            self._places = np.load(root / "places.npy", allow_pickle=False)
            self._pictures = np.load(
                root / "pictures.npy", mmap_mode="r" if self.n_frames else None, allow_pickle=False
            )
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{root}: its places.npy or pictures.npy is missing or damaged", fix=_REBUILD) from error
        if len(self._places) != len(clips) or len(self._pictures) != self.n_frames:
            raise DataError(f"{root}: index.json and places.npy do not belong together", fix=_REBUILD)
        self._numbers = {entry.id: number for number, entry in enumerate(clips)}

    @classmethod
    def from_index(cls, root: Path, described: dict[str, Any]) -> ShardSet:
        """From the parsed `index.json`. Raises KeyError, TypeError or DataError for a damaged one."""
        clips = [ClipEntry(**fields) for fields in described["clips"]]
        missing = [name for name in described["shards"] if not (root / name).is_file()]
        if missing:
            raise DataError(f"{root / missing[0]}: missing", fix="copy all shards, or make them again")
        return cls(root, int(described["size"]), clips, list(described["shards"]))

    def frames(self, entry: ClipEntry, idx: int | slice | Sequence[int] | NDArray[np.integer]) -> NDArray[np.uint8]:
        """See `ArraySet.frames`."""
        where = locate(entry, idx)
        if isinstance(where, int):
            return self._picture(entry, where)
        rows = np.arange(where.start, where.stop) if isinstance(where, slice) else np.asarray(where)
        made = np.empty((len(rows), self.size, self.size, 3), np.uint8)
        for place, row in enumerate(rows):
            made[place] = self._picture(entry, int(row))
        return made

    def mel(self, entry: ClipEntry, t0: int, t1: int) -> NDArray[np.float32]:
        """See `ArraySet.mel`."""
        if not 0 <= t0 <= t1 <= entry.length:
            raise IndexError(f"{entry.id}: frames [{t0}, {t1}) asked, it has {entry.length}")
        rows = self._column(entry, "mel").reshape(entry.length, MEL_PER_FRAME, N_MELS)[t0:t1]
        return rows.reshape(-1, N_MELS).astype(np.float32)

    def truth(self, entry: ClipEntry, idx: slice | Sequence[int] | NDArray[np.integer] = slice(None)) -> ClipTruth:
        """See `ArraySet.truth`."""
        where = locate(entry, idx)
        if isinstance(where, slice):
            own: slice | NDArray[np.intp] = slice(where.start - entry.start, where.stop - entry.start)
        else:
            own = np.asarray(where, np.intp) - entry.start
        return ClipTruth(
            self._column(entry, "landmarks").reshape(-1, N_LANDMARKS, 2)[own].copy(),
            self._column(entry, "affect").reshape(-1, 3)[own].copy(),
            self._column(entry, "head").reshape(-1, 3)[own].copy(),
        )

    def _number(self, entry: ClipEntry) -> int:
        return self._numbers[entry.id]

    def _mapped(self, entry: ClipEntry) -> NDArray[np.uint8]:
        shard = int(self._places[self._number(entry), 0])
        if shard not in self._maps:
            self._maps[shard] = np.memmap(self._shards[shard], np.uint8, mode="r").view(np.ndarray)
        return self._maps[shard]

    def _column(self, entry: ClipEntry, name: str) -> NDArray[Any]:
        rows, width = _ROWS[name]
        start = int(self._places[self._number(entry), 1 + _COLUMNS.index(name)])
        kind = np.dtype(_TYPES[name])
        data = self._mapped(entry)[start : start + entry.length * rows * width * kind.itemsize]
        return np.frombuffer(data.tobytes(), kind)

    def _picture(self, entry: ClipEntry, row: int) -> NDArray[np.uint8]:
        import cv2

        start, size = (int(value) for value in self._pictures[row])
        picture = cv2.imdecode(self._mapped(entry)[start : start + size], cv2.IMREAD_COLOR)
        if picture is None or picture.shape != (self.size, self.size, 3):
            raise DataError(f"{entry.id}: frame {row - entry.start} of its shard is damaged", fix=_REBUILD)
        return np.ascontiguousarray(picture[..., ::-1])
