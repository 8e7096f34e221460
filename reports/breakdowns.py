"""Tables that take the main comparison apart: by emotion, by the reference image's emotion, by identity; ablations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from metrics.intervals import Statistic
from metrics.results import NOT_APPLICABLE
from metrics.statistics import cluster_bootstrap
from reports.differences import by_method, paired
from reports.facts import MetricFacts, decimals, number
from reports.source import MAIN_METHOD, Run, role
from reports.tables import COMPETING, EMPTY, MOST_PARTS, Cell, Column, Row, RunTable, Table, finite

By = Literal["emotion", "source", "identity"]
_WORDS: dict[By, str] = {"emotion": "emotion of the voice", "source": "source emotion", "identity": "identity"}
MOST_IDENTITIES = 200
"""Rows of a table by identity; more are left to `clip_values.parquet`."""
ABLATION = (
    "fid", "csim", "m_lmd", "lse_d", "emotion_accuracy", "reference_leakage", "intensity_pcc", "intensity_ccc",
    "saturation_index",
)  # fmt: skip


@dataclass(frozen=True)
class _Part:
    """The clips of one emotion or identity for one method."""

    values: dict[str, float]
    """Clip -> finite value."""
    expected: int


def breakdown(run: Run, facts: MetricFacts, track: str, by: By) -> Table | None:
    """One metric per method for each emotion, source emotion or identity; None when there is nothing to take apart.

    Emotions are columns, with an interval under each number and ties marked by paired intervals. Identities are rows:
    one identity is one sample, so it has neither interval nor ties.
    """
    parts, cells, signature = _split(run, facts, track, by)
    most = MOST_IDENTITIES if by == "identity" else MOST_PARTS
    if not 2 <= len(parts) <= most:
        return None
    methods = [m for m in run.methods if any((m.name, p) in cells for p in parts)]
    digits = decimals([v for part in cells.values() for v in part.values.values()])
    drawn = {key: _cell(run, facts, part, digits, signature, by) for key, part in cells.items()}
    for part in parts:
        competing = [m.name for m in methods if role(m) in COMPETING]
        clips = {c for name in competing if (name, part) in cells for c in cells[name, part].values}
        _rank(run, facts, track, {n: (n, part) for n in competing}, drawn, clips, ties=by != "identity")
    title = f"{facts.title} by {_WORDS[by]}, {track} reference"
    caption = _caption(facts, track, by)
    key = f"{by}-{facts.name}-{track}"
    grid = [[drawn.get((m.name, p), EMPTY) for p in parts] for m in methods]
    if by == "identity":
        columns = tuple(Column(m.name, m.title or m.name, facts.arrow, signatures=(signature,)) for m in methods)
        rows = tuple(Row(p, p, "part", tuple(line[i] for line in grid)) for i, p in enumerate(parts))
        return RunTable(key, title, caption, columns, rows, of_track=track, of_metric=facts.name, first="Identity")
    columns = tuple(Column(p, p, facts.arrow, signatures=(signature,)) for p in parts)
    rows = tuple(Row(m.name, m.title or m.name, role(m), tuple(line)) for m, line in zip(methods, grid, strict=True))
    return RunTable(key, title, caption, columns, rows, of_track=track, of_metric=facts.name)


def _split(run: Run, facts: MetricFacts, track: str, by: By) -> tuple[list[str], dict[tuple[str, str], _Part], str]:
    """Names of the parts, (method, part) -> its clips, and the signature of the numbers."""
    table = run.by_metric.get((facts.name, track))
    if table is None:
        return [], {}, ""
    table = table[~table["reason"].fillna("").astype(str).str.startswith(NOT_APPLICABLE)]
    if by == "source":
        sources = {clip: emotion for (where, clip), emotion in run.source_emotions.items() if where == track}
        table = table.assign(part=table["clip"].astype(str).map(sources)).dropna(subset=["part"])
    else:
        table = table.assign(part=table[by].astype(str))
    numbers = by_method(run, facts.name, track)
    found: dict[tuple[str, str], _Part] = {}
    for (method, part), clips in table.groupby(["method", "part"])["clip"]:
        known = numbers.get(str(method), {})
        names = [str(c) for c in clips]
        found[str(method), str(part)] = _Part({c: known[c] for c in names if c in known}, len(names))
    if not any(part.values for part in found.values()):
        return [], {}, ""
    signatures = sorted({str(s) for s in table["signature"].dropna()})
    return sorted({part for _, part in found}), found, " ; ".join(signatures)


def _cell(run: Run, facts: MetricFacts, part: _Part, digits: int, signature: str, by: By) -> Cell:
    clips = sorted(part.values)
    numbers = [part.values[c] for c in clips]
    interval = cluster_bootstrap(numbers, [run.identities[c] for c in clips], statistic=_statistic(facts, numbers))
    low, high = finite(interval.low), finite(interval.high)
    value = finite(interval.estimate)
    ends = (low, high) if low is not None and high is not None and by != "identity" else None
    return Cell(
        value, number(value, digits), ends, len(clips), part.expected, digits=digits, signature=signature,
        note="" if by == "identity" else interval.note,
    )  # fmt: skip


def _statistic(facts: MetricFacts, numbers: Sequence[float]) -> Statistic:
    if facts.pooling == "proportion" and not set(numbers) <= {0.0, 1.0}:
        return "mean"
    return facts.pooling


def _rank(
    run: Run,
    facts: MetricFacts,
    track: str,
    names: dict[str, tuple[str, str]],
    drawn: dict[tuple[str, str], Cell],
    clips: set[str],
    *,
    ties: bool,
) -> None:
    """Mark the best of one part in `drawn`, and what its paired intervals do not separate from it."""
    known = {name: drawn[key] for name, key in names.items() if key in drawn and drawn[key].value is not None}
    if not facts.ranked or len(known) < 2 or any(" ; " in c.signature for c in known.values()):
        return
    best = min(known, key=lambda name: facts.loss(known[name].value or 0.0))
    drawn[names[best]] = replace(known[best], best=True)
    for name in known:
        if not ties or name == best:
            continue
        difference = paired(run, facts, track, best, name, clips)
        if difference is None or not difference.separated:
            drawn[names[name]] = replace(known[name], tied_with_best=True)


def _caption(facts: MetricFacts, track: str, by: By) -> str:
    what = f"{facts.pooling.capitalize()} over clips of {facts.title} {facts.arrow} by {_WORDS[by]}".replace("  ", " ")
    source = " (the emotion that the reference image shows)" if by == "source" else ""
    if by == "identity":
        return f"{what}, {track} reference image; clips scored / expected. Bold: best; one identity has no interval."
    return (
        f"{what}{source}, {track} reference image. Under each number: 95 % interval over identities and clips scored / "
        "expected. Bold: best of the methods and ablations; “=”: not separated from the best by the paired interval."
    )


def ablation(run: Run, facts: dict[str, MetricFacts], track: str) -> Table | None:
    """EAP, its ablations and EAP's gain over each with a paired interval; None without EAP or ablations."""
    lacking = run.named("ablation")
    values = run.values[run.values["track"] == track]
    known = set(values.loc[values["method"].isin([MAIN_METHOD, *lacking]), "metric"])
    metrics = [m for m in facts.values() if m.name in known and m.name in ABLATION and m.ranked]
    if MAIN_METHOD not in run.named("method") or not lacking or not metrics:
        return None
    digits = {
        m.name: decimals([v for v in map(finite, _of(values, m.name)["value"]) if v is not None]) for m in metrics
    }
    columns = tuple(
        Column(m.name, m.title, m.arrow, m.unit, m.group, m.help, tuple(sorted(set(_of(values, m.name)["signature"]))))
        for m in metrics
    )
    rows = [
        Row(name, run.label(name), "method" if name == MAIN_METHOD else "ablation",
            tuple(_pooled(values, m, name, digits[m.name]) for m in metrics))
        for name in (MAIN_METHOD, *lacking)
    ]  # fmt: skip
    for name in lacking:
        gains = tuple(_gain(run, m, track, name, digits[m.name]) for m in metrics)
        title = f"Gain over {run.label(name)}"
        rows.append(Row(f"gain-over-{name}", title, "difference", gains))
    caption = (
        f"{run.label(MAIN_METHOD)} and the same model with one idea taken away, {track} reference image. Gain: mean "
        "over clips of how much better the full model is (positive: better, whatever the metric’s direction), with its "
        "paired 95 % interval over identities; bold when the interval excludes 0. A metric without values per clip has "
        "none."
    )
    return RunTable(f"ablation-{track}", f"Ablation, {track} reference image", caption, columns, tuple(rows),
                    of_track=track)  # fmt: skip


def _of(values: pd.DataFrame, metric: str) -> pd.DataFrame:
    return values[values["metric"] == metric]


def _pooled(values: pd.DataFrame, facts: MetricFacts, method: str, digits: int) -> Cell:
    rows = _of(values, facts.name)
    rows = rows[rows["method"] == method]
    if rows.empty:
        return EMPTY
    row = rows.iloc[-1]
    value, low, high = (finite(row[c]) for c in ("value", "ci_low", "ci_high"))
    counts = [finite(row[c]) for c in ("n_scored", "n_expected")]
    ends = (low, high) if value is not None and low is not None and high is not None else None
    scored, expected = (None if n is None else int(n) for n in counts)
    return Cell(value, number(value, digits), ends, scored, expected, digits=digits, signature=str(row["signature"]))


def _gain(run: Run, facts: MetricFacts, track: str, other: str, digits: int) -> Cell:
    found = paired(run, facts, track, MAIN_METHOD, other)
    if found is None:
        return EMPTY
    ends = (found.low, found.high) if found.low is not None and found.high is not None else None
    signatures = _of(run.values, facts.name)["signature"].dropna().astype(str)
    return Cell(
        found.gain, number(found.gain, digits, signed=True), ends, found.n_clips, found.n_clips,
        best=found.separated, digits=digits, signature=" ; ".join(sorted(set(signatures))),
    )  # fmt: skip
