"""A run directory as its writer sees it: created or reopened, locked, matched against what the run is of.

The format is ``metrics.rundir``'s; this adds ``config.json`` (the run's fingerprint) and ``.lock``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eap.errors import ConfigError, DataError
from eap.files import write_json
from metrics.rundir import ClipRecord, RunFiles, RunInfo

Key = tuple[str, str, str]


class RunStore:
    """One run directory, held exclusively while it is open (use as a context manager)."""

    def __init__(self, root: Path, fingerprint: str, config: Mapping[str, Any]) -> None:
        self.files = RunFiles(root)
        self._fingerprint = fingerprint
        self._config = dict(config)
        self._lock: int | None = None
        self._records: dict[Key, ClipRecord] = {}

    @property
    def root(self) -> Path:
        """The directory."""
        return self.files.root

    def __enter__(self) -> RunStore:
        path = self.root / "config.json"
        if not path.exists() and self.root.exists() and (not self.root.is_dir() or any(self._strangers())):
            raise ConfigError(f"{self.root} holds something else than a run", fix="choose another --out")
        self.root.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._match(path)
            self._records = {record.key: record for record in self.files.open_journal()}
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def records(self) -> dict[Key, ClipRecord]:
        """What the journal holds, by (method, track, clip)."""
        return self._records

    def append(self, record: ClipRecord) -> None:
        """Journal one clip: on the disk when this returns."""
        self.files.append(record)
        self._records[record.key] = record

    def forget(self, keys: Iterable[Key]) -> None:
        """Treat these clips as not done; their next record wins over the one in the journal."""
        for key in keys:
            self._records.pop(key, None)

    def finished_info(self) -> RunInfo | None:
        """run.json of a finished run, or None."""
        if not self.files.info_path.is_file() or not (self.root / "values.parquet").is_file():
            return None
        try:
            info = self.files.read_info()
        except DataError:
            return None
        return info if info.finished else None

    def _strangers(self) -> Iterable[Path]:
        return (entry for entry in self.root.iterdir() if entry.name != ".lock")

    def _take_lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # a platform without flock: two runs in one directory are then the user's care
            return
        handle = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise ConfigError(
                f"{self.root}: another run is writing here", fix="wait for it to end, or choose another --out"
            ) from error
        self._lock = handle

    def _match(self, path: Path) -> None:
        if not path.is_file():
            write_json(path, {"fingerprint": self._fingerprint, "config": self._config})
            return
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            fingerprint, config = before["fingerprint"], before["config"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: not readable as a run's configuration", fix="choose another --out") from error
        if fingerprint != self._fingerprint:
            changed = [key for key in self._config if config.get(key) != json.loads(json.dumps(self._config[key]))]
            raise ConfigError(
                f"{self.root} holds another run (different: {', '.join(changed) or 'unknown'})",
                fix="choose another --out, or remove that directory",
            )
