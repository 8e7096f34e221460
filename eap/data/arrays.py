"""Training cache: the clips of a dataset as a few large arrays, memory-mapped. Numpy alone.

    root/index.json      {"format", "size", "fps", "clips": [ClipEntry, ...]}
    root/frames.npy      uint8   (F, S, S, 3)   RGB
    root/mel.npy         float16 (4F, 80)       eap.acoustics.log_mel
    root/landmarks.npy   float32 (F, 68, 2)     in units of S: 0..1
    root/affect.npy      float32 (F, 3)         alpha, valence, arousal (NaN where unknown)
    root/head.npy        float32 (F, 3)         radians: yaw, pitch, roll
    root/journal.jsonl   one line per finished clip, while writing and after

The writer appends a clip's rows to every array, then one line to the journal: a clip that is not in the journal does
not exist. After a kill the next writer cuts the arrays back to the journal and goes on. Readers need `index.json`,
which is replaced whole by `close`, so a reader never sees half a set, even while more clips are appended.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from eap.errors import DataError
from eap.files import write_json

FORMAT = 1
_HEADER_BYTES = 256  # every .npy header is padded to this, so that its shape can be rewritten in place
_REBUILD = "delete the folder and build it again"


@dataclass(frozen=True)
class ClipEntry:
    """Where a clip lies: frames [start, start + length). emotion: index into EMOTIONS, -1 where unknown."""

    id: str
    identity: str
    emotion: int
    level: int
    sentence: str
    view: str
    wild: bool
    start: int
    length: int


@dataclass(frozen=True, eq=False)
class ClipArrays:
    """One clip, as given to the writer: T frames of S x S pixels (shapes and units: see the module)."""

    id: str
    identity: str
    emotion: int
    level: int
    sentence: str
    view: str
    wild: bool
    frames: NDArray[np.uint8]
    mel: NDArray[np.floating]
    landmarks: NDArray[np.floating]
    affect: NDArray[np.floating]
    head: NDArray[np.floating]


class ClipTruth(NamedTuple):
    """Truth of the asked frames: landmarks (T, 68, 2) in 0..1, affect (T, 3) alpha valence arousal, head (T, 3) rad."""

    landmarks: NDArray[np.float32]
    affect: NDArray[np.float32]
    head: NDArray[np.float32]


@dataclass(frozen=True)
class _Column:
    """One array on disk: its file, type, rows per video frame and shape of one row."""

    name: str
    dtype: np.dtype[Any]
    rows: int
    row_shape: tuple[int, ...]

    @property
    def frame_bytes(self) -> int:
        return self.rows * self.dtype.itemsize * int(np.prod(self.row_shape))

    def header(self, frames: int) -> bytes:
        """A valid .npy version 1.0 header of `_HEADER_BYTES` bytes for `frames` video frames."""
        shape = (frames * self.rows, *self.row_shape)
        described = f"{{'descr': '{self.dtype.str}', 'fortran_order': False, 'shape': {shape}, }}"
        body = described.ljust(_HEADER_BYTES - 11) + "\n"
        return b"\x93NUMPY\x01\x00" + (_HEADER_BYTES - 10).to_bytes(2, "little") + body.encode("latin1")


def _columns(size: int) -> tuple[_Column, ...]:
    return (
        _Column("frames", np.dtype("u1"), 1, (size, size, 3)),
        _Column("mel", np.dtype("<f2"), 4, (80,)),
        _Column("landmarks", np.dtype("<f4"), 1, (68, 2)),
        _Column("affect", np.dtype("<f4"), 1, (3,)),
        _Column("head", np.dtype("<f4"), 1, (3,)),
    )


class ArrayWriter:
    """Appends clips to a training cache; resumable. Use as a context manager.

    `done` holds the ids that are already there: `add` skips them. A set that is complete may be opened again and
    extended. One writer at a time: a second one gets DataError. When a write fails (disk full) DataError names the
    file and the set stays as it was before that clip.
    """

    def __init__(self, root: str | Path, size: int, fps: float = 25.0) -> None:
        self.root = Path(root)
        self.size = size
        self.fps = fps
        self._columns = _columns(size)
        self._entries: list[ClipEntry] = []
        self.done: set[str] = set()
        self._files: dict[str, io.FileIO] = {}
        self._refuse_foreign_folder()
        self.root.mkdir(parents=True, exist_ok=True)
        self._journal: IO[bytes] = (self.root / "journal.jsonl").open("a+b")
        try:
            self._lock()
            self._resume()
        except BaseException:
            self._release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the set, or, after an error, leave it resumable without finishing it."""
        if kind is None:
            self.close()
        else:
            self._release()

    @property
    def n_frames(self) -> int:
        """Video frames written so far."""
        return self._entries[-1].start + self._entries[-1].length if self._entries else 0

    def add(self, clip: ClipArrays) -> bool:
        """Append one clip; False when its id is already there. Raises DataError on wrong shapes or a full disk."""
        if clip.id in self.done:
            return False
        blocks = self._blocks(clip)
        length = len(clip.frames)
        entry = ClipEntry(
            clip.id, clip.identity, int(clip.emotion), int(clip.level), clip.sentence, clip.view, bool(clip.wild),
            self.n_frames, length,
        )  # fmt: skip
        for column, block in blocks:
            self._append(column, block)
        line = json.dumps(asdict(entry)) + "\n"
        try:
            self._journal.write(line.encode())
            self._journal.flush()
        except OSError as error:
            raise DataError(f"{self.root / 'journal.jsonl'}: {error.strerror}", fix="free disk space") from error
        self._entries.append(entry)
        self.done.add(clip.id)
        return True

    def close(self) -> None:
        """Write the array headers and `index.json`, and release the folder. Harmless when called again."""
        if self._journal.closed:
            return
        try:
            for column in self._columns:
                handle = self._files[column.name]
                os.fsync(handle.fileno())
                os.pwrite(handle.fileno(), column.header(self.n_frames), 0)
                os.fsync(handle.fileno())
            clips = [asdict(entry) for entry in self._entries]
            described = {"format": FORMAT, "size": self.size, "fps": self.fps, "clips": clips}
            write_json(self.root / "index.json", described)
        except OSError as error:
            raise DataError(f"{self.root}: {error.strerror}", fix="free disk space and run again") from error
        finally:
            self._release()

    def _refuse_foreign_folder(self) -> None:
        """A folder that holds something else is left alone."""
        if self.root.exists() and not self.root.is_dir():
            raise DataError(f"{self.root}: is a file, not a folder", fix="choose another folder")
        if self.root.is_dir() and not (self.root / "journal.jsonl").exists() and any(self.root.iterdir()):
            raise DataError(f"{self.root}: holds other files, not a training cache", fix="choose an empty folder")

    def _lock(self) -> None:
        try:
            fcntl.flock(self._journal.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DataError(f"{self.root}: another process is writing it", fix="wait for it, or stop it") from error

    def _release(self) -> None:
        for handle in self._files.values():
            handle.close()
        self._journal.close()

    def _resume(self) -> None:
        """Read the journal, open the arrays, and cut both back to the last clip that is whole in all of them."""
        self._journal.seek(0)
        lines = self._journal.read().splitlines(keepends=True)
        described = {"format": FORMAT, "size": self.size, "fps": self.fps}
        kept = 0
        if lines and lines[0].endswith(b"\n"):
            found = _parse(lines[0])
            if found != described:
                raise DataError(f"{self.root}: holds {found}, asked for {described}", fix="choose another folder")
            kept = len(lines[0])
        for column in self._columns:
            path = self.root / f"{column.name}.npy"
            self._files[column.name] = io.FileIO(path, "r+" if path.exists() else "w+")
        available = min(
            (os.fstat(self._files[c.name].fileno()).st_size - _HEADER_BYTES) // c.frame_bytes for c in self._columns
        )
        for line in lines[1:] if kept else []:
            fields = _parse(line) if line.endswith(b"\n") else None
            if fields is None or fields["start"] + fields["length"] > available:
                break
            self._entries.append(ClipEntry(**fields))
            kept += len(line)
        self.done = {entry.id for entry in self._entries}
        self._journal.truncate(kept)
        if not kept:
            self._journal.write(json.dumps(described).encode() + b"\n")
            self._journal.flush()
        for column in self._columns:
            handle = self._files[column.name]
            if os.fstat(handle.fileno()).st_size < _HEADER_BYTES:
                os.pwrite(handle.fileno(), column.header(0), 0)
            handle.truncate(_HEADER_BYTES + self.n_frames * column.frame_bytes)
            handle.seek(0, os.SEEK_END)

    def _blocks(self, clip: ClipArrays) -> list[tuple[_Column, NDArray[Any]]]:
        """The clip's arrays in the types on disk, shapes checked."""
        length = len(clip.frames)
        if length == 0:
            raise DataError(f"{clip.id}: has no frames", fix="leave the clip out")
        blocks: list[tuple[_Column, NDArray[Any]]] = []
        for column in self._columns:
            given: NDArray[Any] = getattr(clip, column.name)
            shape = (length * column.rows, *column.row_shape)
            if given.shape != shape:
                raise DataError(f"{clip.id}: {column.name} has shape {given.shape}, expected {shape}", fix=_SHAPES)
            if column.name == "frames" and given.dtype != np.uint8:
                raise DataError(f"{clip.id}: frames are {given.dtype}, expected uint8", fix=_SHAPES)
            blocks.append((column, np.ascontiguousarray(given, dtype=column.dtype)))
        return blocks

    def _append(self, column: _Column, block: NDArray[Any]) -> None:
        """Write all bytes at the place the next clip belongs; a failed write leaves no trace the journal knows of."""
        handle = self._files[column.name]
        handle.seek(_HEADER_BYTES + self.n_frames * column.frame_bytes)
        data = block.reshape(-1).view(np.uint8).data
        try:
            while data:
                data = data[handle.write(data) or 0 :]
        except OSError as error:
            path = self.root / f"{column.name}.npy"
            raise DataError(f"{path}: {error.strerror}", fix="free disk space and run again") from error


_SHAPES = "give T frames, 4T mel rows, T landmarks, T affect and T head rows"


def _parse(line: bytes) -> dict[str, Any] | None:
    """The JSON object of one journal line, or None when it is damaged."""
    try:
        parsed = json.loads(line)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


class ArraySet:
    """A finished training cache, memory-mapped: opening costs milliseconds whatever its size. Safe to pickle
    (reopens by path) and to share between threads and forked workers."""

    def __init__(self, root: Path, size: int, fps: float, clips: list[ClipEntry]) -> None:
        self.root = root
        self.size = size
        self.fps = fps
        self.clips = clips
        self.n_frames = max((entry.start + entry.length for entry in clips), default=0)
        maps = {column.name: self._map(column) for column in _columns(size)}
        self._frames, self._mel = maps["frames"], maps["mel"]
        self._landmarks, self._affect, self._head = maps["landmarks"], maps["affect"], maps["head"]

    @classmethod
    def open(cls, root: str | Path) -> ArraySet:
        """Open the cache at `root`, or a folder of shards (`eap.data.shards`).

        Raises DataError when it is missing, unfinished or damaged.
        """
        root = Path(root)
        try:
            described = json.loads((root / "index.json").read_text())
            if described["format"] == "eap-shards-1":
                from eap.data.shards import ShardSet

                return ShardSet.from_index(root, described)
            if described["format"] != FORMAT:
                raise DataError(f"{root}: cache format {described['format']}, this reads {FORMAT}", fix=_REBUILD)
            clips = [ClipEntry(**fields) for fields in described["clips"]]
            return cls(root, int(described["size"]), float(described["fps"]), clips)
        except FileNotFoundError as error:
            if (root / "journal.jsonl").exists():
                raise DataError(
                    f"{root}: training cache is not finished", fix="run its build again: it resumes"
                ) from error
            raise DataError(f"{root}: no training cache here", fix="build it first") from error
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{root}/index.json: damaged", fix=_REBUILD) from error

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return ArraySet.open, (self.root,)

    def __len__(self) -> int:
        return len(self.clips)

    def __iter__(self) -> Iterator[ClipEntry]:
        return iter(self.clips)

    def frames(self, entry: ClipEntry, idx: int | slice | Sequence[int] | NDArray[np.integer]) -> NDArray[np.uint8]:
        """uint8 copy of the frames `idx` counted from the clip's start: (S, S, 3) for an int, else (n, S, S, 3).

        Raises IndexError outside 0..length-1 (a neighbour's frames are never returned).
        """
        picked: NDArray[np.uint8] = self._frames[locate(entry, idx)]
        return picked.copy() if isinstance(idx, int | slice) else picked

    def mel(self, entry: ClipEntry, t0: int, t1: int) -> NDArray[np.float32]:
        """(4 * (t1 - t0), 80) float32: the rows of video frames [t0, t1). Raises IndexError outside the clip."""
        if not 0 <= t0 <= t1 <= entry.length:
            raise IndexError(f"{entry.id}: frames [{t0}, {t1}) asked, it has {entry.length}")
        window = self._mel[4 * (entry.start + t0) : 4 * (entry.start + t1)]
        return window.astype(np.float32)

    def truth(self, entry: ClipEntry, idx: slice | Sequence[int] | NDArray[np.integer] = slice(None)) -> ClipTruth:
        """Truth of the frames `idx` (default: all) of one clip. Raises IndexError outside the clip."""
        where = locate(entry, idx)
        return ClipTruth(self._landmarks[where].copy(), self._affect[where].copy(), self._head[where].copy())

    def _map(self, column: _Column) -> NDArray[Any]:
        """The column as a plain array over a read-only map (numpy's memmap class makes every slice slower)."""
        path = self.root / f"{column.name}.npy"
        shape = (self.n_frames * column.rows, *column.row_shape)
        if self.n_frames == 0:
            return np.zeros(shape, column.dtype)
        try:
            mapped = np.memmap(path, dtype=column.dtype, mode="r", offset=_HEADER_BYTES, shape=shape)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: shorter than index.json says, or missing", fix=_REBUILD) from error
        return mapped.view(np.ndarray)


def locate(
    entry: ClipEntry, idx: int | slice | Sequence[int] | NDArray[np.integer]
) -> int | slice | NDArray[np.integer]:
    """`idx` of a clip as an index into the whole arrays; IndexError outside the clip."""
    if isinstance(idx, slice):
        start, stop, step = idx.indices(entry.length)
        if step != 1:
            return np.arange(start, stop, step) + entry.start
        return slice(entry.start + start, entry.start + max(start, stop))
    wanted = np.asarray(idx)
    if wanted.size and (int(wanted.min()) < 0 or int(wanted.max()) >= entry.length):
        raise IndexError(f"{entry.id}: frame {idx} asked, it has {entry.length}")
    return int(wanted) + entry.start if isinstance(idx, int) else wanted.astype(np.intp) + entry.start
