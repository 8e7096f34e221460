"""Which clips are done: one line each, appended and synced, so that a kill costs the clips in flight and no more."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from eap.data.clip import Clip
from eap.data.prepare import plan
from eap.data.prepare.clip import OutputError, Prepared
from eap.errors import DataError
from eap.files import write_json

RECORD = "preparation.json"
JOURNAL = "journal.jsonl"


def state_of(clip: Clip) -> str:
    """What changes when a clip's files do: their sizes and times. Empty for a file that cannot be looked at."""
    found = []
    for path in (clip.video, clip.sound):
        try:
            facts = path.stat()
        except OSError:
            return ""
        found.append(f"{facts.st_size}.{facts.st_mtime_ns}")
    return "|".join(found)


class Journal:
    """The prepared folder as its one writer holds it. Use as a context manager.

    ``record`` says how clips are prepared; a folder that was begun with another one is refused, as is one that holds
    other files, or that another process writes. Raises DataError then.
    """

    def __init__(self, out: Path, record: dict[str, Any]) -> None:
        self.out = out
        self.done: dict[str, tuple[str, Prepared]] = {}
        self._refuse(out, record)
        out.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = (out / JOURNAL).open("a+b")
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise DataError(f"{out}: another process is preparing it", fix="wait for it, or stop it") from error
        if not (out / RECORD).exists():
            write_json(out / RECORD, record)
        self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def kept(self, clip: Clip) -> Prepared | None:
        """What became of a clip before, when its source is the same and all its files are still there."""
        state, found = self.done.get(clip.id, ("", None))
        if found is None or not state or state != state_of(clip):
            return None
        files = [
            plan.file_of(self.out, kind, piece.path, suffix)
            for piece in found.pieces
            for kind, suffix in ((plan.CLIPS, ".mp4"), (plan.SOUND, ".wav"), (plan.LABELS, ".npz"))
        ]
        return found if all(file.is_file() for file in files) else None

    def add(self, state: str, found: Prepared) -> None:
        """Note one clip for good. Raises OutputError on a full disk."""
        line = json.dumps({"state": state, "clip": found.to_json()}) + "\n"
        try:
            self._file.write(line.encode())
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(f"{self.out / JOURNAL}: {error.strerror}", fix="free disk space, run again") from error
        self.done[found.clip] = (state, found)

    @staticmethod
    def _refuse(out: Path, record: dict[str, Any]) -> None:
        if out.exists() and not out.is_dir():
            raise DataError(f"{out}: is a file, not a folder", fix="choose another folder")
        begun = out.is_dir() and (out / RECORD).exists()
        if not begun:
            if out.is_dir() and any(path.name != JOURNAL for path in out.iterdir() if not path.name.startswith(".")):
                raise DataError(f"{out}: holds other files, not a preparation", fix="choose an empty folder")
            return
        found = read_record(out)
        other = sorted(key for key in record if found.get(key) != record[key])
        if other:
            was = ", ".join(f"{key} {json.dumps(found.get(key))}" for key in other)
            raise DataError(f"{out}: was begun with {was}", fix="choose another folder, or give the same options")

    def _read(self) -> None:
        """Lines up to the first that is damaged, which is cut away with what follows: its clips are done again."""
        self._file.seek(0)
        good = 0
        for line in self._file.read().splitlines(keepends=True):
            try:
                parsed = json.loads(line) if line.endswith(b"\n") else None
                found = Prepared.from_json(parsed["clip"]) if parsed else None
            except (ValueError, KeyError, TypeError):
                found = None
            if found is None or parsed is None:
                break
            self.done[found.clip] = (str(parsed["state"]), found)
            good += len(line)
        self._file.truncate(good)


def read_record(out: Path) -> dict[str, Any]:
    """How a folder was prepared. Raises DataError where it holds no preparation."""
    try:
        found = json.loads((out / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{out}: holds no preparation", fix="make one with 'eap-bench data prepare'") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{out / RECORD}: damaged", fix="prepare into another folder") from error
    if not isinstance(found, dict):
        raise DataError(f"{out / RECORD}: damaged", fix="prepare into another folder")
    return found
