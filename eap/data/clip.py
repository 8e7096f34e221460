"""Clip and Manifest: what a dataset is, whatever folder layout it came from."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

from eap.constants import EMOTIONS
from eap.errors import DataError
from eap.files import atomic_write

_FORMAT = "eap-manifest-1"
_PATHS = ("video", "audio", "truth", "twin")


@dataclass(frozen=True)
class Clip:
    """One recording of one identity.

    emotion: MEAD spelling or None where unknown. level: 1-3 or None. sentence: the layout's own number or name.
    video: file with the face (and perhaps the sound). audio: separate sound file or None. truth: `.truth.npz` of the
    embedded world or None. twin: video of the same sentence, frame by frame, without emotion, or None.
    """

    id: str
    identity: str
    emotion: str | None
    level: int | None
    view: str
    sentence: str
    video: Path
    audio: Path | None = None
    truth: Path | None = None
    twin: Path | None = None

    def __post_init__(self) -> None:
        if self.emotion is not None and self.emotion not in EMOTIONS:
            raise DataError(f"{self.id}: unknown emotion {self.emotion!r}", fix=f"use one of {', '.join(EMOTIONS)}")

    @property
    def sound(self) -> Path:
        """The file to read this clip's speech from: `audio`, or the video itself."""
        return self.video if self.audio is None else self.audio


def clip_id(identity: str, view: str, emotion: str, level: int, sentence: str) -> str:
    """`M003_front_angry_3_012`."""
    return f"{identity}_{view}_{emotion}_{level}_{sentence}"


@dataclass(frozen=True)
class Rejected:
    """A file a reader does not use, and why, in one line.

    expected: left out by the layout's own rule from every copy of the dataset, so that this folder is not at fault.
    """

    path: Path
    reason: str
    expected: bool = False


@dataclass(frozen=True)
class Manifest:
    """The usable clips of a dataset under `root`, and every file that could not be used. Clip ids are unique."""

    root: Path
    clips: tuple[Clip, ...]
    rejected: tuple[Rejected, ...] = ()

    def __post_init__(self) -> None:
        seen: dict[str, Clip] = {}
        for clip in self.clips:
            if clip.id in seen:
                raise DataError(
                    f"{self.root}: two clips are called {clip.id}: {seen[clip.id].video} and {clip.video}",
                    fix="rename or move one of them",
                )
            seen[clip.id] = clip

    def __len__(self) -> int:
        return len(self.clips)

    def __iter__(self) -> Iterator[Clip]:
        return iter(self.clips)

    @property
    def identities(self) -> tuple[str, ...]:
        """Sorted names of all identities."""
        return tuple(sorted({clip.identity for clip in self.clips}))

    def get(self, clip: str) -> Clip:
        """The clip with this id. Raises DataError when there is none."""
        for candidate in self.clips:
            if candidate.id == clip:
                return candidate
        raise DataError(f"{self.root}: no clip {clip}", fix="list the ids with .clips")

    def filter(
        self,
        *,
        identities: Collection[str] | None = None,
        emotions: Collection[str] | None = None,
        levels: Collection[int] | None = None,
        views: Collection[str] | None = None,
        sentences: Collection[str] | None = None,
        where: Callable[[Clip], bool] | None = None,
    ) -> Manifest:
        """The manifest of those clips that satisfy every condition given; `rejected` is kept as it is."""

        def wanted(clip: Clip) -> bool:
            return (
                (identities is None or clip.identity in identities)
                and (emotions is None or clip.emotion in emotions)
                and (levels is None or clip.level in levels)
                and (views is None or clip.view in views)
                and (sentences is None or clip.sentence in sentences)
                and (where is None or where(clip))
            )

        return replace(self, clips=tuple(clip for clip in self.clips if wanted(clip)))

    def to_parquet(self, path: str | Path) -> None:
        """Write the manifest, paths relative to `root`, whole or not at all."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns: dict[str, pa.Array] = {}
        for field in fields(Clip):
            kind = pa.int64() if field.name == "level" else pa.string()
            values = [getattr(clip, field.name) for clip in self.clips]
            if field.name in _PATHS:
                values = [None if value is None else _relative(value, self.root) for value in values]
            columns[field.name] = pa.array(values, kind)
        rejected = [
            {"path": _relative(item.path, self.root), "reason": item.reason, "expected": item.expected}
            for item in self.rejected
        ]
        described = {"format": _FORMAT, "root": str(self.root), "rejected": rejected}
        table = pa.table(columns).replace_schema_metadata({b"eap": json.dumps(described).encode()})
        with atomic_write(Path(path)) as handle:
            pq.write_table(table, handle)

    @classmethod
    def from_parquet(cls, path: str | Path, root: str | Path | None = None) -> Manifest:
        """Read a manifest; `root` says where the files lie now, when they moved. Raises DataError naming the file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = Path(path)
        try:
            table = pq.read_table(path)
            described = json.loads((table.schema.metadata or {})[b"eap"])
            if described["format"] != _FORMAT:
                raise KeyError(described["format"])
        except (OSError, KeyError, ValueError, pa.ArrowException) as error:
            raise DataError(f"{path}: not a manifest of clips", fix="write one with Manifest.to_parquet") from error
        base = Path(described["root"] if root is None else root)
        clips = tuple(Clip(**{**row, **_absolute(row, base)}) for row in table.to_pylist())
        rejected = tuple(
            Rejected(base / item["path"], item["reason"], item.get("expected", False)) for item in described["rejected"]
        )
        return cls(base, clips, rejected)


def _relative(path: Path, root: Path) -> str:
    """POSIX path from `root` where it lies under it, else the path itself."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _absolute(row: dict[str, str | int | None], base: Path) -> dict[str, Path | None]:
    """The path columns of one row as paths under `base` (an absolute path stays what it is)."""
    return {name: None if row[name] is None else base / str(row[name]) for name in _PATHS}
