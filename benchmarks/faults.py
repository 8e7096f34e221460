"""Telling faults of the machine, which end a run cleanly, from faults of a clip, which become a row."""

from __future__ import annotations

import errno

from eap.errors import EapError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class NoRoom(EapError):  # noqa: N818 - says what happened
    """There is too little space for what is planned: said before any work is done."""

    exit_code = 3


class DiskFull(EapError):  # noqa: N818 - says what happened
    """The disk is full: the run stops, and the same command goes on from there."""

    exit_code = 3


def is_disk_full(error: BaseException) -> bool:
    """Whether an exception, or one that it was raised from, says that the disk (or the quota) is full."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        if isinstance(link, DiskFull) or (isinstance(link, OSError) and link.errno in _FULL):
            return True
        seen.add(id(link))
        link = link.__cause__ or link.__context__
    return False


def reason_of(error: Exception) -> str:
    """One line for the row of a clip that failed."""
    if isinstance(error, EapError):
        return error.message
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300]
