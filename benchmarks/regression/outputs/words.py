"""Figures and sentences that every output shares."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.regression.verdict import Comparison, State, Verdict

ORDER = (
    State.REGRESSED,
    State.NOT_COMPARABLE,
    State.MISSING,
    State.INCONCLUSIVE,
    State.IMPROVED,
    State.UNCHANGED,
)
"""What wants attention first."""


def number(value: float) -> str:
    """Four significant digits, ``-`` for none."""
    if not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    return f"{value:.4g}" if 1e-4 <= abs(value) < 1e6 else f"{value:.2e}"


def probability(value: float) -> str:
    """A p value: three decimals, ``<.001`` below."""
    if not math.isfinite(value):
        return "-"
    return "<.001" if value < 0.001 else f"{value:.3f}".lstrip("0") if value < 1 else "1"


def change(item: Comparison) -> str:
    """``+0.62 [0.41, 0.83]``: by how much worse (+) or better (-)."""
    if not math.isfinite(item.worse):
        return "-"
    sign = "+" if item.worse > 0 else ""
    bounds = (
        f"[{number(item.worse_low)}, {number(item.worse_high)}]" if math.isfinite(item.worse_low) else "[no interval]"
    )
    return f"{sign}{number(item.worse)} {bounds}"


def standing(item: Comparison) -> str:
    """The state, and whether it counts."""
    if item.waiver is not None:
        return f"{item.state} (waived)"
    return item.state.value if item.gated else f"{item.state} (informational)"


def remark(item: Comparison) -> str:
    """Why, and what to do."""
    parts = [item.why, item.fix]
    if item.waiver is not None:
        parts.append(f"waived until {item.waiver.expires.isoformat()}: {item.waiver.reason}")
    if item.n_lost and item.state is State.REGRESSED:
        parts.append(f"{item.n_lost} clips of the baseline have no number in the run")
    return "; ".join(part for part in parts if part)


def ordered(items: Sequence[Comparison]) -> list[Comparison]:
    """Those that count first, each by what wants attention; within a state as they came."""
    return sorted(items, key=lambda item: (not item.gated, item.waiver is not None, ORDER.index(item.state)))


def sides(verdict: Verdict) -> list[str]:
    """One line for the run, one for the baseline."""
    lines = []
    for word, side in (("run", verdict.run), ("baseline", verdict.baseline)):
        facts = [f"suite {side.suite}" if side.suite else "", f"commit {side.commit[:12]}" if side.commit else ""]
        facts += [f"{side.clips} clips" if side.clips else "", side.finished]
        lines.append(f"{word}: {side.source}" + (f" ({', '.join(f for f in facts if f)})" if side.suite else ""))
    return lines


def counts(verdict: Verdict) -> str:
    """``2 regressed, 40 unchanged; 3 informational, 1 waived``."""
    gated = [f"{len(verdict.of(state, gated=True))} {state}" for state in ORDER if verdict.of(state, gated=True)]
    other = [f"{sum(not item.gated for item in verdict.comparisons)} informational", f"{len(verdict.waived)} waived"]
    return "; ".join(filter(None, (", ".join(gated), ", ".join(text for text in other if not text.startswith("0 ")))))


def footnotes(verdict: Verdict) -> list[str]:
    """Notes, and waivers that no longer do anything."""
    return [
        *verdict.notes,
        *(f"waiver expired, it has no effect: {waiver}" for waiver in verdict.expired),
        *(f"waiver not needed, take it out: {waiver}" for waiver in verdict.unused),
    ]


LEGEND = (
    "worse: + is worse, in the metric's unit (for a metric with a target: distance to it), mean over paired clips, "
    "{level:g} % interval over identities; it counts when the interval excludes 0 and it exceeds the floor."
)
