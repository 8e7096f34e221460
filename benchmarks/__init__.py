"""Who is measured on what: suites, methods, the runner and its run directory, the command line.

``benchmarks.run("mead")`` is ``eap-bench run --suite mead`` from Python. Heavy imports happen on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.runner import RunOutcome, RunSettings, run

__all__ = ["RunOutcome", "RunSettings", "run"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from benchmarks import runner

        return getattr(runner, name)
    raise AttributeError(f"module 'benchmarks' has no attribute {name!r}")
