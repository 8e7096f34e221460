"""Measures of emotional talking faces: each with a signature, an interval and a count of what was scored.

``metrics.score(generated, reference)`` measures a file or a folder against another; ``metrics.load_run(directory)``
reads a finished run. Heavy imports happen on first use. Knows nothing of EAP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metrics.registry import MetricSpec, all_metrics, get_metric
    from metrics.results import ClipValue, ResultTable, Signature, Value
    from metrics.rundir import RunResults, load_run
    from metrics.scoring import score

__all__ = [
    "ClipValue",
    "MetricSpec",
    "ResultTable",
    "RunResults",
    "Signature",
    "Value",
    "all_metrics",
    "get_metric",
    "load_run",
    "score",
]

_HOMES = {
    "metrics.results": ("ClipValue", "ResultTable", "Signature", "Value"),
    "metrics.registry": ("MetricSpec", "all_metrics", "get_metric"),
    "metrics.rundir": ("RunResults", "load_run"),
    "metrics.scoring": ("score",),
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    for module, names in _HOMES.items():
        if name in names:
            found: object = getattr(import_module(module), name)
            return found
    raise AttributeError(f"module 'metrics' has no attribute {name!r}")
