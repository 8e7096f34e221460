"""Trust checks: what a careful reader would ask before believing a table. Shown when they pass, too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sized
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from eap.errors import EapError
from reports.facts import MetricFacts, number
from reports.source import MAIN_METHOD, Run
from reports.tables import COMPETING, finite

CheckStatus = Literal["pass", "warn", "fail", "unknown"]

# A floor must lose where it lacks what the metric looks at; a still image may well have a fine PSNR.
FLOOR_LACKS: dict[str, tuple[str, ...]] = {
    "still-image": ("lse_c", "lse_d", "intensity_pcc", "intensity_ccc", "emotion_accuracy"),
    "mismatched-audio": ("lse_c", "lse_d"),
}
# The ceiling is the truth itself only for metrics that compare with the truth or judge the clip's own emotion.
NO_CEILING = ("lse_c", "lse_d", "av_offset", "reference_leakage")
FEW_IDENTITIES = 5


@dataclass(frozen=True)
class Check:
    """One question, its answer and, where there is more to say, one line per detail."""

    title: str
    status: CheckStatus
    text: str
    details: tuple[str, ...] = ()


def checks(run: Run, facts: dict[str, MetricFacts]) -> tuple[Check, ...]:
    """All trust checks in the page's order."""
    return (
        _complete(run),
        _failed(run),
        _scored(run, facts),
        _evaluators(run),
        _signatures(run, facts),
        _ceiling(run, facts),
        _floors(run, facts),
        _identities(run),
    )


def _complete(run: Run) -> Check:
    title = "The run is complete"
    expected = run.expected if run.expected is not None else len(run.methods) * len(run.tracks) * len(run.clips)
    absent = [] if run.info.finished else ["run.json has no finishing time: the run was cut short or is still going"]
    problems = (*absent, *run.missing)
    text = f"{len(run.records)} of {expected} (method, track, clip) rows are in the journal."
    if not run.records:
        return Check(title, "fail", text, problems)
    return Check(title, "fail" if problems or len(run.records) < expected else "pass", text, problems)


def _failed(run: Run) -> Check:
    failed = [r for r in run.records if r.status != "ok"]
    title = "Every clip was generated and measured"
    if not run.records:
        return Check(title, "unknown", "No clip was journalled.")
    if not failed:
        return Check(title, "pass", f"{len(run.records)} of {len(run.records)} rows succeeded.")
    reasons = Counter((r.method, r.reason or "no reason recorded") for r in failed)
    details = tuple(f"{run.label(method)}: {reason} (×{n})" for (method, reason), n in sorted(reasons.items()))
    return Check(
        title,
        "fail" if len(failed) == len(run.records) else "warn",
        f"{len(failed)} of {len(run.records)} rows failed.",
        details,
    )


def _scored(run: Run, facts: dict[str, MetricFacts]) -> Check:
    title = "Every number rests on all its clips"
    values = run.values
    if values.empty:
        return Check(title, "unknown", "No value was recorded.")
    details = []
    for row in values.itertuples(index=False):
        scored, expected = finite(row.n_scored), finite(row.n_expected)
        if scored is not None and expected is not None and scored < expected:
            name = facts[str(row.metric)].title
            details.append(
                f"{name}, {run.label(str(row.method))}, {row.track}: {scored:.0f} of {expected:.0f} clips scored"
            )
    text = f"{len(values) - len(details)} of {len(values)} numbers have every expected clip."
    unmeasured = [m.title for m in facts.values() if m.name not in set(values["metric"])]
    if unmeasured:
        details.append(f"announced by the run but never measured: {', '.join(unmeasured)}")
    details += _absent(run, facts)
    return Check(title, "warn" if details else "pass", text, tuple(details))


def _absent(run: Run, facts: dict[str, MetricFacts]) -> list[str]:
    """Numbers that a method or ablation lacks although others of its run have them."""
    known = {(str(m), str(method), str(t)) for m, method, t in zip(
        run.values["metric"], run.values["method"], run.values["track"], strict=True)}  # fmt: skip
    made = {(r.method, r.track) for r in run.records if r.status == "ok"}
    found: dict[tuple[str, str], list[str]] = {}
    for part in run.parts:
        names = [n for n in run.named(*COMPETING) if n.endswith(part)]
        for metric in (m for m in facts.values() if not m.of_some):
            for track in run.tracks:
                lacking = [n for n in names if (metric.name, n, track) not in known]
                if len(lacking) < len(names):
                    for name in (n for n in lacking if (n, track) in made):
                        found.setdefault((name, track), []).append(metric.title)
    return [f"{run.label(n)}, {t}: no value of {', '.join(titles)}" for (n, t), titles in found.items()]


def _evaluators(run: Run) -> Check:
    title = "The evaluators are not the networks the model was trained with"
    judged = _hashes(run.info.evaluators)
    if not judged:
        return Check(title, "unknown", "run.json names no evaluators, so this cannot be checked.")
    trained = _hashes(run.info.weights)
    teachers, note = _teachers(set(judged.values()))
    trained |= teachers
    shared = [f"{judge} = {other}" for judge, a in judged.items() for other, b in trained.items() if a == b]
    if shared:
        return Check(
            title, "fail", "The same weights judge and teach: these scores are not independent.", tuple(shared)
        )
    if not teachers and not any("teacher" in name for name in trained):
        return Check(title, "unknown", f"No hash is shared with the models' weights, but {note}.")
    text = f"{len(judged)} evaluators, {len(trained)} models and teachers: no hash in common."
    return Check(title, "pass", text, (note,) if teachers else ())


def _hashes(record: dict[str, str]) -> dict[str, str]:
    """Name -> hash, lower case; weights stored in two files carry two hashes joined by `+`."""
    return {
        f"{name} ({i})" if i else name: part.lower()
        for name, joined in record.items()
        for i, part in enumerate(joined.split("+"))
        if part
    }


def _teachers(judged: set[str]) -> tuple[dict[str, str], str]:
    """Teachers of the installed bundle, if the run's evaluators are that bundle's; and what to say about them."""
    from eap.bundle.store import read_manifest

    try:
        entries = read_manifest().values()
    except EapError:
        return {}, "the installed bundle's manifest cannot be read"
    judges = [e for e in entries if e.meta.role == "evaluator"]
    if not judged <= {e.sha256.lower() for e in judges}:
        return {}, "the run's evaluators are not those of the installed bundle, so its teachers are not known here"
    teachers = [e for e in entries if e.meta.role == "teacher"]
    used = {e.meta.architecture for e in judges if e.sha256.lower() in judged}
    alike = sorted(e.name for e in teachers if e.meta.architecture in used)
    note = f"same architecture as an evaluator: {', '.join(alike)}" if alike else "their architectures differ, too"
    return {e.name: e.sha256.lower() for e in teachers}, note


def _signatures(run: Run, facts: dict[str, MetricFacts]) -> Check:
    title = "Numbers in one column were measured in one way"
    if run.values.empty:
        return Check(title, "unknown", "No value was recorded.")
    kinds = run.values.groupby("metric")["signature"].agg(lambda s: sorted({str(v) for v in s}))
    mixed = [f"{facts[str(m)].title}: {' | '.join(s)}" for m, s in kinds.items() if len(s) > 1]
    if mixed:
        return Check(
            title, "fail", "Some metrics carry more than one signature; these columns are not ranked.", tuple(mixed)
        )
    return Check(title, "pass", f"One signature for each of {len(kinds)} metrics.")


def _measured(values: pd.DataFrame, metric: str, track: str) -> dict[str, float]:
    rows = values[(values["metric"] == metric) & (values["track"] == track)]
    pairs = zip(rows["method"].astype(str), map(finite, rows["value"]), strict=True)
    return {method: value for method, value in pairs if value is not None}


def _ceiling(run: Run, facts: dict[str, MetricFacts]) -> Check:
    title = "The ground truth is the ceiling"
    tested, broken = 0, []
    for metric in facts.values():
        if not metric.ranked or metric.name in NO_CEILING:
            continue
        for track in run.tracks:
            known = _measured(run.values, metric.name, track)
            top = next((known[c] for c in run.named("ceiling") if c in known), None)
            rivals = {name: known[name] for name in run.named(*COMPETING) if name in known}
            if top is None or not rivals:
                continue
            tested += 1
            broken += [
                f"{metric.title}, {track}: {run.label(name)} {number(value)} beats the ground truth's {number(top)}"
                for name, value in rivals.items()
                if metric.gain(value, top) > 1e-9
            ]
    if not tested:
        return Check(title, "unknown", "No re-encoded ground truth row to compare with.")
    note = "" if not broken else " A method above the truth means that the metric can be gamed here; read it with care."
    return Check(
        title, "warn" if broken else "pass", f"Compared on {tested} metric and track pairs.{note}", tuple(broken)
    )


def _floors(run: Run, facts: dict[str, MetricFacts]) -> Check:
    title = f"The floors are below {run.label(run.main) if len(run.parts) == 1 else 'EAP of their run'}"
    tested, broken = 0, []
    for part in run.parts:
        ours = MAIN_METHOD + part
        for floor, lacks in FLOOR_LACKS.items():
            for metric in (m for m in facts.values() if m.name in lacks):
                for track in run.tracks:
                    known = _measured(run.values, metric.name, track)
                    if ours not in known or floor + part not in known:
                        continue
                    tested += 1
                    if metric.gain(known[ours], known[floor + part]) <= 0:
                        values = f"{number(known[floor + part])} against {number(known[ours])}"
                        words = f"{run.label(floor + part)} is not below {run.label(ours)} ({values})"
                        broken.append(f"{metric.title}, {track}: {words}")
    if not tested:
        return Check(title, "unknown", f"No floor row shares a metric with {run.label(run.main) or MAIN_METHOD}.")
    text = f"Compared on {tested} pairs where the floor lacks what the metric looks at."
    return Check(title, "warn" if broken else "pass", text, tuple(broken))


def _count(found: Sized, one: str, many: str) -> str:
    return f"{len(found)} {one if len(found) == 1 else many}"


def _identities(run: Run) -> Check:
    title = "Enough identities for the intervals"
    names = {c.identity for c in run.clips if c.identity}
    counts = f"{_count(names, 'identity', 'identities')}, {_count(run.clips, 'clip', 'clips')}"
    text = f"{counts}; intervals resample whole identities."
    if not names:
        return Check(title, "unknown", "run.json names no identities.")
    if len(names) < FEW_IDENTITIES:
        return Check(title, "warn", text + " With so few, intervals come out too narrow.")
    return Check(title, "pass", text)
