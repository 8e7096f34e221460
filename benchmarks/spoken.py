"""The command line that is being run, for the files that say how their numbers were made."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextvars import ContextVar

_arguments: ContextVar[tuple[str, ...] | None] = ContextVar("arguments", default=None)


def set_arguments(arguments: Sequence[str]) -> None:
    """What `eap-bench` was called with; the console script says it once, at its start."""
    _arguments.set(tuple(arguments))


def command_line() -> str:
    """The line to type again, quoted for a shell; a caller from Python gets the arguments of its own script."""
    given = _arguments.get()
    return shlex.join(["eap-bench", *(sys.argv[1:] if given is None else given)])
