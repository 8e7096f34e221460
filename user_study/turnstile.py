"""A fair lock between the worker processes of one SQLite study: who waits is next.

SQLite waits by looking ever more seldom, and a busy process has the lock again before the other looks: under load one
worker starves for seconds and its raters are asked to try again. Here whoever is next in line holds `turn` while it
waits for `write`, so a process that has just written stands behind it. The locks are the kernel's (flock): a process
that is killed lets go of them.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOK_EVERY = 0.001
"""Seconds."""


class Turnstile:
    """The lock of one database file; two empty files beside it carry it."""

    def __init__(self, database: Path, patience: float) -> None:
        self._paths = [database.with_name(f"{database.name}.{name}") for name in ("turn", "write")]
        self._files: list[int] = []
        self._patience = patience

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock. Raises TimeoutError after `patience` seconds, OSError where the files cannot be made.

        For one thread of a process alone.
        """
        if not self._files:
            self._files = [os.open(path, os.O_RDWR | os.O_CREAT, 0o600) for path in self._paths]
        turn, write = self._files
        until = time.monotonic() + self._patience
        _take(turn, until)
        try:
            _take(write, until)
        finally:
            fcntl.flock(turn, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(write, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files:
            os.close(file)
        self._files = []


def _take(file: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise TimeoutError("another process of this study does not let go of the database") from None
            time.sleep(LOOK_EVERY)
