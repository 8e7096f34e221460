"""Looking through a dataset folder without losing a file: links that turn in circles, folders nobody may open."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eap.data.clip import Clip, Manifest, Rejected
from eap.errors import DataError, MediaError

ARCHIVES = (".tar", ".zip", ".gz", ".tgz", ".7z", ".rar")
UNFINISHED = (".part", ".crdownload", ".aria2", ".tmp", ".download")


@dataclass(frozen=True)
class Walk:
    """Every regular file below a folder, sorted, and what could not be looked into. Hidden names are left alone."""

    files: tuple[Path, ...]
    rejected: tuple[Rejected, ...]


def walk(root: Path) -> Walk:
    """All files below `root`; linked folders are followed, but none into itself. Raises DataError without a folder."""
    if not root.is_dir():
        what = "is a file, a folder is wanted" if root.exists() else "no such folder"
        raise DataError(f"{root}: {what}", fix="name the folder that holds the dataset")
    files: list[Path] = []
    rejected: list[Rejected] = []
    _walk_into(root, (), files, rejected)
    return Walk(tuple(sorted(files)), tuple(rejected))


def _walk_into(folder: Path, above: tuple[tuple[int, int], ...], files: list[Path], rejected: list[Rejected]) -> None:
    found = folder.stat()
    here = (found.st_dev, found.st_ino)
    if here in above:
        rejected.append(Rejected(folder, "a link that leads back to a folder above it"))
        return
    try:
        entries = entries_of(folder)
    except OSError as error:
        rejected.append(Rejected(folder, f"folder cannot be opened ({error.strerror})"))
        return
    for entry in entries:
        if _is_folder(entry):
            _walk_into(entry, (*above, here), files, rejected)
        elif reason := blocked(entry):
            rejected.append(Rejected(entry, reason))
        else:
            files.append(entry)


def entries_of(folder: Path) -> list[Path]:
    """What lies in a folder, sorted, without hidden names. Raises OSError where it cannot be opened."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # a link to itself, or a folder above that may not be searched: `blocked` says which


def blocked(path: Path) -> str:
    """Why a file cannot be read at all (nothing is decoded), or an empty string."""
    try:
        found = path.stat()
    except OSError as error:
        return "a link to nothing" if path.is_symlink() else f"cannot be read ({error.strerror})"
    if stat.S_ISDIR(found.st_mode):
        opens = os.access(path, os.R_OK | os.X_OK)
        return "a folder where a file is wanted" if opens else "folder cannot be opened (no permission)"
    if not stat.S_ISREG(found.st_mode):
        return "not a regular file"
    return "" if os.access(path, os.R_OK) else "cannot be read (no permission)"


def unusable(path: Path, suffixes: Sequence[str], wanted: str) -> str:
    """Why a file is no `wanted` ("an .mp4 file"), by name and size; an empty string for one that may be."""
    kind = path.suffix.lower()
    if kind in ARCHIVES:
        return "an archive: unpack it"
    if kind in UNFINISHED:
        return "an unfinished download: fetch it again"
    if kind not in suffixes:
        return f"not {wanted}"
    size = path.stat().st_size
    if not size:
        return "empty (0 bytes)"
    if size < 200 and path.read_bytes().startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the file: run 'git lfs pull' in the dataset's checkout"
    return ""


def sound_of(video: Path, beside: Sequence[Path]) -> Path | str | None:
    """The first sound file of `beside` that is there, None where the video has sound of its own, or why neither is."""
    for path in beside:
        if path.exists():
            if reason := blocked(path):
                return f"its sound {path.name}: {reason}"
            return path if path.stat().st_size else f"its sound {path.name} is empty (0 bytes)"
    from eap.media import probe

    try:
        if probe(video).has_audio:
            return None
    except MediaError as error:
        return error.message.removeprefix(f"{video}: ")
    expected = f"{beside[0].name} is missing and " if beside else ""
    return f"no sound: {expected}the video has none"


class Gathered:
    """Clips by id and files that are not used, while a folder is read; the second clip of an id is not used."""

    def __init__(self, root: Path, rejected: Sequence[Rejected] = ()) -> None:
        self._root = root
        self._clips: dict[str, Clip] = {}
        self._rejected = list(rejected)

    def add(self, found: Clip | Rejected) -> None:
        """Take in one finding."""
        if isinstance(found, Rejected):
            self._rejected.append(found)
        elif found.id in self._clips:
            first = self._clips[found.id].video.relative_to(self._root)
            self._rejected.append(Rejected(found.video, f"same id ({found.id}) as {first}"))
        else:
            self._clips[found.id] = found

    def manifest(self, layout: str) -> Manifest:
        """All of it, sorted. Raises DataError when no clip was found; `layout` says what was looked for."""
        rejected = sorted(self._rejected, key=lambda item: item.path)
        if not self._clips:
            first = next(iter(rejected), None)
            detail = "" if first is None else f", the first: {_below(first.path, self._root)}: {first.reason}"
            count = f" among {len(rejected)} files{detail}" if rejected else ": the folder is empty"
            raise DataError(f"{self._root}: no usable clip{count}", fix=layout)
        return Manifest(self._root, tuple(self._clips[key] for key in sorted(self._clips)), tuple(rejected))


def _below(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def wrong_level(root: Path, given: str, right: Path, layout: str) -> DataError:
    """The error for a folder that lies too deep in a dataset, or too high above it."""
    return DataError(f"{root}: this is {given}", fix=f"give {right}; {layout}")
