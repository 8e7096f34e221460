"""Two tiers, fixed in the design before the first rater: who is paid, and whose answers are used. Nothing is dropped
silently: every rater, every measure and every threshold stands in the cleaning report."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from user_study.design import Design, Tier
from user_study.records import Tables
from user_study.statistics.traces import resample

if TYPE_CHECKING:
    import pandas as pd

Traces = dict[tuple[str, int], "pd.DataFrame"]
MEASURES = {
    "traps": ("traps_at_least", "traps followed"),
    "gold": ("gold_at_least", "gold answered as known"),
    "repeats": ("repeats_at_least", "repeats answered alike"),
    "trials": ("trials_at_least", "trials answered"),
    "same_answer": ("same_answer_at_most", "share of the commonest answer"),
    "seconds": ("seconds_at_least", "median seconds to an answer"),
    "stalled": ("stalled_at_most", "share of stalled trials"),
    "rater_correlation": ("rater_correlation_at_least", "correlation with all other raters"),
}
"""Measure -> (threshold in a tier, words)."""
LEAST_ANSWERS = 5
"""With fewer answers to a question its commonest one says nothing."""
LEAST_SHARED = 5
_NEVER = ("withdrawn", "blocked")


@dataclass(frozen=True)
class Checked:
    """One rater's measures (None: nothing to measure it on) and verdicts."""

    rater: str
    state: str
    model: str
    answers: int
    measures: dict[str, float | None]
    paid: bool
    used: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Cleaning:
    """The cleaning report: every rater, and how many each rule met."""

    raters: tuple[Checked, ...]
    rules: tuple[tuple[str, str, str, int, int], ...]
    """(tier, measure in words, threshold, raters who miss it, raters it could not be measured on)."""

    @property
    def used(self) -> frozenset[str]:
        """Pseudonyms of the raters whose answers are used."""
        return frozenset(r.rater for r in self.raters if r.used)

    def frame(self) -> pd.DataFrame:
        """One row per rater."""
        import pandas as pd

        rows = [
            {"rater": r.rater, "state": r.state, "model": r.model, "answers": r.answers, "paid": r.paid, "used": r.used,
             **r.measures, "reasons": "; ".join(r.reasons)}
            for r in self.raters
        ]  # fmt: skip
        names = ["rater", "state", "model", "answers", "paid", "used", *MEASURES, "reasons"]
        return pd.DataFrame(rows, columns=names)


def screen(design: Design, tables: Tables) -> Cleaning:
    """Measure every rater and judge by the design's two tiers. A rater who is not paid is not used either."""
    answers = tables.answers
    by_rater = {str(name): part for name, part in answers.groupby("rater", sort=False)}
    alone = _correlations(answers)
    traces: Traces = {
        (str(r), int(str(p))): part for (r, p), part in tables.traces.groupby(["rater", "position"], sort=False)
    }
    checked = []
    for row in tables.raters.to_dict("records"):
        name, planned = str(row["rater"]), int(row["trials_planned"])
        mine = by_rater.get(name, answers.iloc[:0])
        measures = _measures(design, mine, traces, int(row["trials_done"]) / planned if planned else None)
        measures["rater_correlation"] = alone.get(name)
        checked.append(_judge(design, name, str(row["state"]), str(row["model"]), len(mine), measures))
    return Cleaning(tuple(checked), rules(design, checked))


def _judge(
    design: Design, rater: str, state: str, model: str, answers: int, measures: dict[str, float | None]
) -> Checked:
    if state in _NEVER:
        return Checked(rater, state, model, answers, measures, False, False, (state,))
    unpaid = _misses(design.screening.paid, measures)
    unused = _misses(design.screening.used, measures)
    if not answers:
        unused = [*unused, "no answers"]
    reasons = tuple([f"not paid: {why}" for why in unpaid] + [f"not used: {why}" for why in unused])
    return Checked(rater, state, model, answers, measures, not unpaid, not unpaid and not unused, reasons)


def _misses(tier: Tier, measures: dict[str, float | None]) -> list[str]:
    found = []
    for name, (threshold, words) in MEASURES.items():
        limit, value = getattr(tier, threshold), measures[name]
        if limit is not None and value is not None and _misses_one(threshold, value, limit):
            found.append(f"{words} {value:.3g}, {_limit(threshold, limit)}")
    return found


def _misses_one(threshold: str, value: float, limit: float) -> bool:
    return value > limit if threshold.endswith("at_most") else value < limit


def _limit(threshold: str, limit: float) -> str:
    return f"{'at most' if threshold.endswith('at_most') else 'at least'} {limit:g}"


def rules(design: Design, checked: list[Checked]) -> tuple[tuple[str, str, str, int, int], ...]:
    """Every rule of the design: tier, measure, limit, how many of these raters miss it, on how many it says nothing."""
    rows = []
    judged = [c for c in checked if c.state not in _NEVER]
    for tier_name, tier in (("paid", design.screening.paid), ("used", design.screening.used)):
        for name, (threshold, words) in MEASURES.items():
            limit = getattr(tier, threshold)
            if limit is None:
                continue
            values = [c.measures[name] for c in judged]
            missed = sum(v is not None and _misses_one(threshold, v, limit) for v in values)
            rows.append((tier_name, words, _limit(threshold, limit), missed, sum(v is None for v in values)))
    return tuple(rows)


def _measures(design: Design, mine: pd.DataFrame, traces: Traces, trials: float | None) -> dict[str, float | None]:
    trial = mine[mine["role"] == "trial"]
    common = [
        max(Counter(part["answer"]).values()) / len(part)
        for name, part in trial.groupby("question")
        if len(part) >= LEAST_ANSWERS and design.question(str(name)).kind != "trace"
    ]
    seconds = trial["seconds"].dropna()
    return {
        "traps": _share(mine, "trap"),
        "gold": _share(mine, "gold"),
        "repeats": _repeats(design, mine, traces),
        "trials": trials,
        "same_answer": max(common, default=None),
        "seconds": float(seconds.median()) if len(seconds) else None,
        "stalled": float((trial["stalls"] > 0).mean()) if len(trial) else None,
        "rater_correlation": None,
    }


def _share(mine: pd.DataFrame, role: str) -> float | None:
    correct = mine.loc[mine["role"] == role, "correct"].dropna()
    return float(correct.astype(float).mean()) if len(correct) else None


def _repeats(design: Design, mine: pd.DataFrame, traces: Traces) -> float | None:
    again = mine[mine["role"] == "repeat"]
    first = {(int(p), str(q)): i for i, p, q in zip(mine.index, mine["position"], mine["question"], strict=True)}
    alike = []
    for row in again.to_dict("records"):
        index = first.get((int(row["repeat_of"]), str(row["question"])))
        if index is None:
            continue
        before = mine.loc[index]
        if row["kind"] == "acr":
            asked = design.question(str(row["question"]))
            slack = 2 if getattr(asked, "points", 5) == 10 else 1
            alike.append(abs(float(row["value"]) - float(before["value"])) <= slack)
        elif row["kind"] == "trace":
            alike.append(_go_together(traces, str(row["rater"]), int(row["position"]), int(row["repeat_of"])))
        else:
            alike.append(bool(row["answer"] == before["answer"]))
    return float(np.mean(alike)) if alike else None


def _go_together(traces: Traces, rater: str, again: int, before: int) -> bool:
    a, b = traces.get((rater, again)), traces.get((rater, before))
    if a is None or b is None:
        return False
    times = np.arange(0.0, min(float(a["t"].max()), float(b["t"].max())), 0.04)
    x, y = (resample(t["t"].to_numpy(float), t["value"].to_numpy(float), times) for t in (a, b))
    if len(times) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return False
    return bool(np.corrcoef(x, y)[0, 1] > 0)


def _correlations(answers: pd.DataFrame) -> dict[str, float]:
    """Each rater's correlation with the mean of all others on the same stimuli and questions (ratings alone)."""
    acr = answers[(answers["role"] == "trial") & (answers["kind"] == "acr") & answers["value"].notna()]
    if acr.empty:
        return {}
    what = acr["question"] + "\x1f" + acr["stimulus"]
    total = acr.groupby(what)["value"].transform("sum")
    count = acr.groupby(what)["value"].transform("count")
    others = ((total - acr["value"]) / (count - 1).where(count > 1)).rename("others")
    found = {}
    for name, part in acr.assign(others=others).dropna(subset=["others"]).groupby("rater"):
        x, y = part["value"].to_numpy(float), part["others"].to_numpy(float)
        if len(part) >= LEAST_SHARED and np.ptp(y) > 0:
            value = float(np.corrcoef(x, y)[0, 1]) if np.ptp(x) > 0 else 0.0
            if math.isfinite(value):
                found[str(name)] = value
    return found


def report_lines(cleaning: Cleaning) -> list[str]:
    """The cleaning report as Markdown lines."""
    states = Counter(r.state for r in cleaning.raters)
    lines = [
        "# Cleaning report",
        "",
        f"{len(cleaning.raters)} raters ({', '.join(f'{n} {s}' for s, n in sorted(states.items())) or 'none'}); "
        f"{sum(r.paid for r in cleaning.raters)} paid, {sum(r.used for r in cleaning.raters)} used. "
        "The rules were fixed in the design file before the first rater.",
        "",
        "| tier | measure | rule | raters who miss it | not measurable on |",
        "|---|---|---|---:|---:|",
        *(f"| {tier} | {words} | {limit} | {missed} | {none} |" for tier, words, limit, missed, none in cleaning.rules),
        "",
        "| rater | state | paid | used | why not |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.rater} | {r.state} | {'yes' if r.paid else 'no'} | {'yes' if r.used else 'no'} | "
        f"{'; '.join(r.reasons).replace('|', '/')} |"
        for r in cleaning.raters
        if r.reasons
    ]
    return [*lines, ""]
