"""What the page says about a metric: title, group, direction, decimals, one plain sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from eap.errors import ConfigError
from metrics.registry import MetricSpec, Pooling, get_metric

GROUPS: Final = (
    "Image", "Identity", "Lips and face", "Emotion", "Neutralization", "Intensity", "Naturalness", "Other",
)  # fmt: skip


@dataclass(frozen=True)
class MetricFacts:
    """How one metric is shown. `target` is the ideal of a metric that is neither better high nor better low."""

    name: str
    title: str
    group: str
    unit: str
    higher_is_better: bool | None
    target: float | None
    pooling: Pooling
    help: str
    source: str = ""
    """The reference implementation or definition that the metric equals."""
    of_some: bool = False
    """Whether it means something for some methods only: a neutral face's for a method that is to be neutral, ..."""

    @property
    def arrow(self) -> str:
        """Direction of better as a sign: up, down, towards a value, or nothing."""
        if self.target is not None:
            return f"→ {self.target:g}"
        return {True: "↑", False: "↓"}.get(self.higher_is_better, "") if self.higher_is_better is not None else ""

    @property
    def ranked(self) -> bool:
        """Whether the metric says which of two values is better."""
        return self.target is not None or self.higher_is_better is not None

    def loss(self, value: float) -> float:
        """Smaller is better, whatever the direction (nan stays nan)."""
        if self.target is not None:
            return abs(value - self.target)
        return -value if self.higher_is_better else value

    def gain(self, a: float, b: float) -> float:
        """How much better `a` is than `b` in the metric's own unit (positive: better)."""
        return self.loss(b) - self.loss(a)


# The page's order within a group, which is the paper's; metrics that are not named here follow as the run names them.
_ORDER: Final = (
    "psnr", "ssim", "lpips", "fid", "csim", "m_lmd", "f_lmd", "lse_c", "lse_d", "av_offset", "emotion_accuracy",
    "reference_leakage", "neutral_probability", "neutral_residual", "valence_pcc", "arousal_pcc", "valence_ccc",
    "arousal_ccc", "intensity_pcc", "intensity_ccc", "intensity_range", "saturation_index",
)  # fmt: skip
_SHORT: Final = {"reference_leakage": "Leakage", "intensity_range": "Range", "saturation_index": "Saturation"}
"""Titles that would make a column wider than its numbers."""


def collect(values: pd.DataFrame, named: Sequence[str]) -> dict[str, MetricFacts]:
    """Facts of every metric the run names or measured, in the page's order (group, then as known, then the run's)."""
    measured = [str(m) for m in values["metric"]]
    facts = {name: _facts(name, values) for name in dict.fromkeys([*named, *measured])}

    def place(name: str) -> tuple[int, int]:
        return GROUPS.index(facts[name].group), _ORDER.index(name) if name in _ORDER else len(_ORDER)

    return {name: facts[name] for name in sorted(facts, key=place)}


def _facts(name: str, values: pd.DataFrame) -> MetricFacts:
    declared = _declared(name)
    rows = values[values["metric"] == name]
    units = [str(u) for u in rows["unit"].dropna()]
    directions = [bool(d) for d in rows["higher_is_better"].dropna()]
    targets = [float(t) for t in rows["target"].dropna()]
    target = targets[0] if targets else None
    return MetricFacts(
        name=name,
        title=_SHORT.get(name, declared.title if declared else name),
        group=declared.group if declared and declared.group in GROUPS else "Other",
        unit=units[0] if units else "",
        higher_is_better=directions[0] if directions and target is None else None,
        target=target,
        # The run's own signature goes before what this version declares.
        pooling=_pooling(rows["signature"].astype(str), declared),
        help=declared.help if declared else "",
        source=declared.source if declared else "",
        of_some=name == "reference_leakage" or (declared is not None and declared.neutral_only),
    )


def _pooling(signatures: pd.Series, declared: MetricSpec | None) -> Pooling:
    if signatures.str.contains("pool:clip-median").any():
        return "median"
    return "proportion" if declared is not None and declared.pooling == "proportion" else "mean"


def _declared(name: str) -> MetricSpec | None:
    """What this version declares of a metric; None for a metric of another version or of someone else."""
    try:
        return get_metric(name).spec
    except ConfigError:
        return None


def decimals(values: list[float]) -> int:
    """Digits after the point that suit a column: three below 10, two below 100, one above."""
    top = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    if top >= 100:
        return 1
    return 2 if top >= 10 else 3


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """A number as the page prints it: typographic minus, a dash for nothing."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if float(text) == 0:
        text = f"{0:.{digits}f}"
    return text.replace("-", "−")
