"""The verdict: the state of every comparison, and the one function that turns them into a sentence and an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from benchmarks.regression.snapshot import Key

OK, REGRESSED, USAGE, NOT_MEASURED = 0, 1, 2, 3
"""Exit codes. Usage errors leave before there is anything to judge, as `eap.errors.EapError` with code 2."""


class State(StrEnum):
    """What one metric of one method on one track did between baseline and run."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    INCONCLUSIVE = "inconclusive"
    NOT_COMPARABLE = "not comparable"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Waiver:
    """A failing comparison that is let through for a while: what, why, until when (that day included)."""

    metric: str
    method: str | None
    track: str | None
    reason: str
    expires: date

    def covers(self, key: Key) -> bool:
        """Whether it names this comparison."""
        metric, method, track = key
        return self.metric == metric and self.method in (None, method) and self.track in (None, track)

    def __str__(self) -> str:
        where = "/".join(filter(None, (self.method, self.track)))
        return f"{self.metric}{f' of {where}' if where else ''} until {self.expires.isoformat()}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of one method on one track. ``worse`` is signed: positive is worse, in the metric's own unit.

    For a metric with a target, ``worse`` is the growth of the distance to it.
    """

    metric: str
    method: str
    track: str
    state: State
    gated: bool
    """Whether it counts; informational comparisons are shown and never fail."""
    baseline: float
    run: float
    unit: str = ""
    worse: float = float("nan")
    worse_low: float = float("nan")
    worse_high: float = float("nan")
    floor: float = float("nan")
    """What ``worse`` must exceed: the larger of the absolute floor and the relative one."""
    n_pairs: int = 0
    n_identities: int = 0
    n_lost: int = 0
    """Clips with a number in the baseline and none in the run."""
    p_paired: float = float("nan")
    """t-test of the identities' mean differences."""
    p_unpaired: float = float("nan")
    """Welch's test of the same identity means taken as two unrelated samples: what ignoring the pairs would say."""
    p_holm: float = float("nan")
    """``p_paired`` adjusted over all gated comparisons."""
    signature: str = ""
    why: str = ""
    fix: str = ""
    waiver: Waiver | None = None

    @property
    def key(self) -> Key:
        """Metric, method, track."""
        return self.metric, self.method, self.track

    @property
    def where(self) -> str:
        """In words: ``psnr of eap/neutral``."""
        return f"{self.metric} of {self.method}/{self.track}"

    @property
    def counts(self) -> bool:
        """Whether its state decides the exit code."""
        return self.gated and self.waiver is None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why run and baseline cannot be compared at all, or one of them cannot be read."""

    state: State
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The overall state, the exit code and the line that is printed first."""

    state: State
    code: int
    line: str

    @property
    def passed(self) -> bool:
        """Whether the gate is open."""
        return self.code == OK


def judge(comparisons: Sequence[Comparison], problems: Sequence[Problem] = (), *, strict: bool = False) -> Outcome:
    """The overall verdict, its exit code and its line: the only place where they are made.

    Regressed wins over what could not be measured, for it is a fact however much else is unknown. ``strict`` treats
    inconclusive comparisons as not measured. Nothing to judge is not measured either.
    """
    counting = [item for item in comparisons if item.counts]
    found = {state: sum(item.state is state for item in counting) for state in State}
    shown = ", ".join(f"{count} {state}" for state, count in found.items() if count)
    regressed, total = found[State.REGRESSED], len(counting)
    if regressed:
        worst = "; ".join(item.where for item in counting if item.state is State.REGRESSED)
        return Outcome(State.REGRESSED, REGRESSED, f"regressed: {regressed} of {total} comparisons ({_cut(worst)})")
    if problems:
        return Outcome(problems[0].state, NOT_MEASURED, f"{problems[0].state}: {problems[0].what}")
    for state in (State.NOT_COMPARABLE, State.MISSING):
        if found[state]:
            names = "; ".join(item.where for item in counting if item.state is state)
            return Outcome(state, NOT_MEASURED, f"{state}: {found[state]} of {total} comparisons ({_cut(names)})")
    waived = sum(item.gated and item.waiver is not None for item in comparisons)
    if not counting and not waived:
        return Outcome(State.MISSING, NOT_MEASURED, "missing: there is nothing to compare")
    if strict and found[State.INCONCLUSIVE]:
        line = f"inconclusive: {found[State.INCONCLUSIVE]} of {total} comparisons, and inconclusive is set to fail"
        return Outcome(State.INCONCLUSIVE, NOT_MEASURED, line)
    best = State.IMPROVED if found[State.IMPROVED] else State.UNCHANGED
    let_through = f"{waived} waived" if waived else ""
    return Outcome(best, OK, f"ok: {', '.join(filter(None, (shown, let_through)))}")


def _cut(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else text[: limit - 3].rsplit("; ", 1)[0] + "; ..."


@dataclass(frozen=True)
class Side:
    """One of the two that were compared, as the outputs name it."""

    source: str
    suite: str = ""
    protocol: str = ""
    commit: str = ""
    finished: str = ""
    command: str = ""
    clips: int = 0
    clip_hash: str = ""


@dataclass(frozen=True)
class Verdict:
    """Everything that any output shows."""

    run: Side
    baseline: Side
    comparisons: tuple[Comparison, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    """Facts that change nothing: other commit, other weights, clips gained."""
    expired: tuple[Waiver, ...] = ()
    unused: tuple[Waiver, ...] = ()
    strict: bool = False
    confidence: float = 0.95
    made: str = ""
    """When, ISO 8601, UTC."""

    @property
    def outcome(self) -> Outcome:
        """State, exit code and line."""
        return judge(self.comparisons, self.problems, strict=self.strict)

    @property
    def waived(self) -> tuple[Comparison, ...]:
        """Failing comparisons that a waiver lets through."""
        return tuple(item for item in self.comparisons if item.waiver is not None)

    def of(self, *states: State, gated: bool | None = None) -> tuple[Comparison, ...]:
        """The comparisons in these states (and, if given, gated or not)."""
        return tuple(item for item in self.comparisons if item.state in states and gated in (None, item.gated))
