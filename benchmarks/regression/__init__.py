"""The regression gate (DESIGN section 10): is this run worse than its baseline, metric by metric?

``benchmarks.regression.check(run, baseline)`` is ``eap-bench check`` from Python: it gives a `Verdict`, from which
every output (console, JSON, Markdown, JUnit, GitHub) and the exit code are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.regression.check import check
    from benchmarks.regression.verdict import Comparison, Problem, State, Verdict

__all__ = ["Comparison", "Problem", "State", "Verdict", "check"]

_HOMES = dict.fromkeys(("Comparison", "Problem", "State", "Verdict"), "verdict") | {"check": "check"}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"benchmarks.regression.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'benchmarks.regression' has no attribute {name!r}")
