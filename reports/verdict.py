"""The first thing on the page: do EAP's two ideas hold in this run? Sentences are made from the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reports.differences import Difference, paired
from reports.facts import MetricFacts, number
from reports.source import MAIN_METHOD, Run
from reports.tables import finite

Outcome = Literal["better", "worse", "unclear", "missing"]
Status = Literal["supported", "partly", "unclear", "contradicted", "missing"]


@dataclass(frozen=True)
class Claim:
    """An idea of the paper, the ablation that takes it away, and the metrics that show it."""

    key: str
    title: str
    question: str
    ablation: str
    track: str
    metrics: tuple[str, ...]


CLAIMS = (
    Claim(
        "neutralization",
        "Neutralization",
        "With an emotional reference image, does the voice decide the emotion, and not the picture?",
        "no-neutralization",
        "emotional",
        ("emotion_accuracy", "reference_leakage"),
    ),
    Claim(
        "intensity",
        "Intensity",
        "Does the intensity of the emotion follow the voice over time instead of saturating?",
        "no-intensity",
        "neutral",
        ("saturation_index", "intensity_pcc"),
    ),
)


@dataclass(frozen=True)
class Evidence:
    """One paired difference of a claim with its sentence.

    `bar` is (low, gain, high) in percent of the drawing, 50 being no difference.
    """

    title: str
    outcome: Outcome
    text: str
    difference: Difference | None = None
    bar: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Finding:
    """A claim with its evidence and its one-line answer."""

    claim: Claim
    status: Status
    headline: str
    evidence: tuple[Evidence, ...]
    track: str


def findings(run: Run, facts: dict[str, MetricFacts]) -> tuple[Finding, ...]:
    """Every claim answered from this run, or said to be unanswerable and why."""
    return tuple(_finding(run, facts, claim) for claim in CLAIMS)


def _finding(run: Run, facts: dict[str, MetricFacts], claim: Claim) -> Finding:
    # A run with one track only still answers, on the track it has, and names it.
    track = claim.track if claim.track in run.tracks or not run.tracks else run.tracks[0]
    evidence = tuple(_evidence(run, facts.get(metric), metric, claim, track) for metric in claim.metrics)
    status = _status([e.outcome for e in evidence])
    return Finding(claim, status, _headline(run, claim, status, track), evidence, track)


def _status(outcomes: list[Outcome]) -> Status:
    if all(o == "missing" for o in outcomes):
        return "missing"
    if "worse" in outcomes:
        return "contradicted"
    if all(o == "better" for o in outcomes):
        return "supported"
    return "partly" if "better" in outcomes else "unclear"


def _headline(run: Run, claim: Claim, status: Status, track: str) -> str:
    ours, other = run.label(MAIN_METHOD), run.label(claim.ablation)
    where = f"on the {track} track"
    return {
        "supported": f"{ours} is better than {other} {where}, and the intervals of the differences exclude 0.",
        "partly": f"{ours} is better than {other} {where} on part of the evidence; the rest does not separate them.",
        "unclear": f"{ours} and {other} cannot be separated {where}: no interval of a difference excludes 0.",
        "contradicted": f"{ours} is worse than {other} {where} on at least one measure, and that interval excludes 0.",
        "missing": f"This run cannot say: {ours} and {other} share no scored clip {where}.",
    }[status]


def _evidence(run: Run, facts: MetricFacts | None, metric: str, claim: Claim, track: str) -> Evidence:
    if facts is None:
        return Evidence(metric, "missing", f"{metric} was not measured in this run.")
    ours, other = run.label(MAIN_METHOD), run.label(claim.ablation)
    difference = paired(run, facts, track, MAIN_METHOD, claim.ablation)
    if difference is None:
        return Evidence(facts.title, "missing", _without_pairs(run, facts, track, claim.ablation))
    gain, (low, high) = difference.gain, (difference.low, difference.high)
    outcome: Outcome = ("better" if gain > 0 else "worse") if difference.separated else "unclear"
    what = "gain" if facts.target is None else f"closer to {facts.target:g} by"
    interval = (
        f"[{number(low, signed=True)}, {number(high, signed=True)}]"
        if low is not None
        else "without interval (one identity)"
    )
    ending = {
        "better": "better, and the interval excludes 0",
        "worse": "worse, and the interval excludes 0",
        "unclear": "no difference can be claimed: the interval includes 0"
        if low is not None
        else "no difference can be claimed: there is no interval",
    }[outcome]
    scope = f"{_count(difference.n_clips, 'clip')} of {_count(difference.n_identities, 'identity')}"
    pair = f"{ours} {number(difference.value_a)}, {other} {number(difference.value_b)}"
    text = f"{pair}; {what} {number(gain, signed=True)} {interval} over {scope}: {ending}."
    return Evidence(facts.title, outcome, text, difference, _bar(difference))


def _without_pairs(run: Run, facts: MetricFacts, track: str, ablation: str) -> str:
    rows = run.values[(run.values["metric"] == facts.name) & (run.values["track"] == track)]
    known = {str(m): v for m, v in zip(rows["method"], map(finite, rows["value"]), strict=True) if v is not None}
    names = (MAIN_METHOD, ablation)
    if all(name in known for name in names):
        pair = ", ".join(f"{run.label(n)} {number(known[n])}" for n in names)
        return f"{pair}; no value per clip was recorded, so the difference has no paired interval."
    absent = " and ".join(run.label(n) for n in names if n not in known)
    return f"no value for {absent}." if absent else "no value."


def _bar(difference: Difference) -> tuple[float, float, float] | None:
    if difference.low is None or difference.high is None:
        return None
    reach = max(abs(difference.low), abs(difference.high), 1e-9) * 1.15
    low, gain, high = (round(50 + 50 * x / reach, 2) for x in (difference.low, difference.gain, difference.high))
    return low, gain, high


def _count(n: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{n} {noun if n == 1 else plural}"
