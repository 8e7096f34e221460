"""From the tables of a study to its results, as the design file fixed them before the first rater.

Only answers of role `trial` by raters of the tier `used` are rated; everything else is counted and shown. Each question
is analysed on each reference track by itself. Nothing here draws or prints: see `analysis_tables`, `analysis_plots`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from eap.constants import EMOTIONS
from eap.errors import MeasureError
from metrics.rundir import MethodInfo
from reports.source import Role, role
from user_study.design import Design, parse_design
from user_study.questions import UNSURE, AcrQuestion, EmotionQuestion, PreferenceQuestion
from user_study.records import Tables
from user_study.screening import Cleaning, screen
from user_study.statistics import rater_model
from user_study.statistics.agreement import Components, components, krippendorff_alpha
from user_study.statistics.bradley_terry import Strengths, bradley_terry
from user_study.statistics.comparisons import Friedman, Pair, friedman, pairs, tie_groups
from user_study.statistics.confusion import Confusion, confusion
from user_study.statistics.crossed import Answers, Codes, Estimate, codes, mean, nothing, proportion
from user_study.statistics.dawid_skene import dawid_skene, majority_credit, majority_shares
from user_study.statistics.gains import Gain, headline
from user_study.statistics.traces import Trace, TraceResult, agreement, resample

if TYPE_CHECKING:
    import pandas as pd

Reference = Literal["intensity_true", "intensity"]
LEAST_PER_CLIP = 2.0
"""With fewer answers per clip raters cannot be compared: the models then fit whatever they are given (our choice)."""
REFERENCES: tuple[Reference, ...] = ("intensity_true", "intensity")


@dataclass(frozen=True)
class Outcome:
    """One rating question on one track: a number per method (`plain`), the same for a panel cleaned by model
    (`adjusted`: Annex E's quality; of an emotion question the share of clips whose consensus is right)."""

    question: str
    kind: Literal["acr", "emotion"]
    track: str
    points: int
    """Points of the scale; 1 for an accuracy."""
    plain: Mapping[str, Estimate]
    adjusted: Mapping[str, Estimate]
    unscreened: Mapping[str, Estimate]
    """As `plain`, but with the answers of all raters: what the screening did."""
    pairs: tuple[Pair, ...]
    groups: tuple[tuple[str, ...], ...]
    friedman: Friedman
    alpha: Mapping[str, Estimate]
    components: Components
    gain: Gain | None
    confusion: Mapping[str, Confusion]
    majority: Mapping[str, float]
    """Of an emotion question: share of clips whose majority names the driving emotion."""
    model_note: str
    confirmatory: bool


@dataclass(frozen=True)
class Duel:
    """One preference question on one track."""

    question: str
    track: str
    methods: tuple[str, ...]
    strengths: Strengths
    plain: Mapping[str, Estimate]
    """Share of a method's comparisons it won (ties half), over raters and clips."""
    counts: np.ndarray
    """(M, M): how often the row was preferred to the column; ties count half on both sides."""
    ties: int
    left: Estimate
    """Share of answers for the clip on the left: .5 but for a habit of the raters."""
    confirmatory: bool


@dataclass(frozen=True)
class Course:
    """One trace question on one track against one reference."""

    question: str
    track: str
    reference: Reference
    result: TraceResult
    confirmatory: bool


@dataclass(frozen=True)
class Result:
    """A study's results."""

    design: Design
    methods: tuple[str, ...]
    titles: Mapping[str, str]
    tracks: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    duels: tuple[Duel, ...]
    courses: tuple[Course, ...]
    cleaning: Cleaning
    answers_given: int
    answers_used: int
    simulated: bool
    stalled: float
    """Share of used answers during which playback stalled."""

    def title(self, method: str) -> str:
        """What a method is called."""
        return self.titles.get(method) or method

    def role(self, method: str) -> Role:
        """Ceiling, method, ablation or floor, by its name."""
        return role(MethodInfo(name=method, title=method, kind="method"))

    @property
    def competing(self) -> tuple[str, ...]:
        """Methods that are ranked: all but the ground truth."""
        return tuple(m for m in self.methods if self.role(m) != "ceiling")


_ORDER: dict[Role, int] = {"ceiling": 0, "method": 1, "ablation": 2, "floor": 3}


def analyse(tables: Tables, titles: Mapping[str, str] | None = None) -> Result:
    """Screen, then compute everything the design asks. Raises MeasureError when no rating is left to analyse."""
    design = parse_design(tables.design_text)
    cleaning = screen(design, tables)
    trial = tables.answers[tables.answers["role"] == "trial"]
    gone = {r.rater for r in cleaning.raters if r.state in ("withdrawn", "blocked")}
    trial = trial[~trial["rater"].isin(gone)]
    used = trial[trial["rater"].isin(cleaning.used)]
    if trial.empty:
        raise MeasureError("the study has no ratings yet", fix="wait for raters, or try it with `study simulate`")
    if used.empty:
        raise MeasureError(
            f"none of the {len(cleaning.raters)} raters passes the screening of the design",
            fix="look at the cleaning report; the rules of a running study must not be changed",
        )
    names = {str(m) for m in [*tables.stimuli["method"], *trial["method"], *trial["method_b"]] if m}
    kinds = {m: role(MethodInfo(name=m, title=m, kind="method")) for m in names}
    methods = tuple(sorted(names, key=lambda m: (_ORDER[kinds[m]], m != "eap", m)))
    tracks = tuple(sorted({str(t) for t in trial["track"]}))
    primary = set(design.analysis.primary) or {q.name for q in design.questions}
    outcomes, duels, courses = [], [], []
    for question in design.questions:
        for track in tracks:
            mine, all_ = (t[(t["question"] == question.name) & (t["track"] == track)] for t in (used, trial))
            if all_.empty:
                continue
            first = question.name in primary
            if question.kind == "preference":
                duels.append(_duel(question, track, mine, methods, first))
            elif question.kind == "trace":
                series = [(tables.traces, tables.intensity, name) for name in REFERENCES]
                draws = design.analysis.resamples
                courses += [
                    c for s in series if (c := _course(question.name, track, mine, *s, first, draws)) is not None
                ]
            else:
                outcomes.append(_outcome(design, question, track, mine, all_, methods, kinds, first))
    stalled = float((used["stalls"] > 0).mean())
    return Result(
        design, methods, dict(titles or {}), tracks, tuple(outcomes), tuple(duels), tuple(courses), cleaning,
        len(trial), len(used), bool((tables.raters["model"] != "").any()), stalled,
    )  # fmt: skip


def _outcome(
    design: Design,
    question: AcrQuestion | EmotionQuestion,
    track: str,
    mine: pd.DataFrame,
    everyone: pd.DataFrame,
    methods: Sequence[str],
    kinds: Mapping[str, Role],
    confirmatory: bool,
) -> Outcome:
    emotion = question.kind == "emotion"
    present = [m for m in methods if m in set(mine["method"])]
    groups = _groups(mine, _values(mine, emotion), present)
    points = 1 if isinstance(question, EmotionQuestion) else question.points
    limits = (1.0, float(points))
    plain = {m: proportion(g) if emotion else mean(g, limits=limits) for m, g in groups.items()}
    before = _groups(everyone, _values(everyone, emotion), present)
    unscreened = {m: proportion(g) if emotion else mean(g, limits=limits) for m, g in before.items()}
    found = pairs(groups)
    competing = [m for m in present if kinds[m] != "ceiling"]
    order = sorted(competing, key=lambda m: (-plain[m].value, m))
    joint = Answers(_values(mine, emotion), codes(mine["rater"]), codes(mine["stimulus"]))
    focus = design.analysis.focus if design.analysis.focus in competing else ""
    if isinstance(question, EmotionQuestion):
        labels, adjusted, majority, note = _consensus(question, mine, present)
        alpha = {"nominal": krippendorff_alpha(labels, "nominal", resamples=design.analysis.resamples)}
        tables = {m: _confusion(question, mine[mine["method"] == m]) for m in present}
    else:
        adjusted, note = _annex_e(mine, groups, limits)
        majority, tables = {}, {}
        alpha = {
            "ordinal": krippendorff_alpha(joint, "ordinal", resamples=design.analysis.resamples),
            "interval": krippendorff_alpha(joint, "interval", resamples=design.analysis.resamples),
        }
    return Outcome(
        question.name, question.kind, track, points, plain, adjusted, unscreened, found, tie_groups(order, found),
        friedman(groups), alpha, components(joint), headline(question.name, groups, competing, focus), tables, majority,
        note, confirmatory,
    )  # fmt: skip


def _values(answers: pd.DataFrame, emotion: bool) -> np.ndarray:
    """Ratings as they are; of an emotion question 1 for the driving emotion, 0 for another or "unsure"."""
    if emotion:
        return np.asarray(answers["answer"] == answers["emotion"], np.float64)
    return np.asarray(answers["value"], np.float64)


def _groups(answers: pd.DataFrame, values: np.ndarray, methods: Sequence[str]) -> dict[str, Answers]:
    """Answers per method that share their codes of raters and clips."""
    everything = Answers(values, codes(answers["rater"]), codes(answers["clip"]))
    return {m: everything.where(np.asarray(answers["method"] == m)) for m in methods}


def _annex_e(
    mine: pd.DataFrame, groups: Mapping[str, Answers], limits: tuple[float, float]
) -> tuple[dict[str, Estimate], str]:
    everything = Answers(np.asarray(mine["value"], np.float64), codes(mine["rater"]), codes(mine["clip"]))
    stimulus = codes(mine["stimulus"])
    if why := _unshared(everything.rater, stimulus, "the rater model"):
        return dict.fromkeys(groups, nothing(why)), why
    model = rater_model.fit(everything, stimulus)
    weights = model.weights(everything)
    keep = {m: np.asarray(mine["method"] == m) for m in groups}
    found = {m: rater_model.adjusted_mean(groups[m], weights[k], stimulus[k], limits) for m, k in keep.items()}
    return found, model.note


def _unshared(rater: Codes, stimulus: Codes, what: str) -> str:
    """Why a model that compares raters on the same clips has nothing to go by, or nothing."""
    if len(np.unique(rater)) < 3:
        return f"{what} needs three raters at the least"
    per_clip = len(stimulus) / len(np.unique(stimulus))
    if per_clip < LEAST_PER_CLIP:
        return f"{what} needs {LEAST_PER_CLIP:g} answers per clip, there are {per_clip:.1f}: more raters or fewer clips"
    return ""


def _consensus(
    question: EmotionQuestion, mine: pd.DataFrame, methods: Sequence[str]
) -> tuple[Answers, dict[str, Estimate], dict[str, float], str]:
    """All labels as answers; per method the share of clips whose Dawid-Skene consensus (and majority) is right."""
    names = question.options
    said = np.array([names.index(a) for a in mine["answer"]], np.int64)
    stimulus, rater = codes(mine["stimulus"]), codes(mine["rater"])
    labels = Answers(said.astype(np.float64), rater, stimulus)
    known = mine.drop_duplicates("stimulus").sort_values("stimulus")
    driving = np.array([EMOTIONS.index(e) if e in EMOTIONS else -1 for e in known["emotion"]], np.int64)
    if why := _unshared(rater, stimulus, "the consensus"):
        return labels, dict.fromkeys(methods, nothing(why)), dict.fromkeys(methods, float("nan")), why
    model = dawid_skene(rater, stimulus, said, len(EMOTIONS), len(names))
    right = (model.label == driving).astype(np.float64)
    credit = majority_credit(majority_shares(stimulus, said, len(EMOTIONS)), np.maximum(driving, 0))
    found, majority = {}, {}
    for method in methods:
        keep = np.asarray(known["method"] == method) & (driving >= 0)
        majority[method] = float(credit[keep].mean()) if keep.any() else float("nan")
        found[method] = _share_of_clips(right[keep], len(np.unique(rater)))
    note = "" if model.converged else f"Dawid-Skene did not settle in {model.steps} steps"
    return labels, found, majority, note


def _share_of_clips(right: np.ndarray, raters: int) -> Estimate:
    """A share of clips with Wilson's interval: the consensus has one value a clip, its raters are used up."""
    from scipy.stats import binomtest

    n = len(right)
    if n == 0:
        return nothing("no clip of a known emotion")
    value = float(right.mean())
    span = binomtest(int(right.sum()), n).proportion_ci(method="wilson")
    se = float(np.sqrt(value * (1 - value) / n))
    return Estimate(
        value, float(span.low), float(span.high), se, float(n), n, raters, n, "over clips, given the raters"
    )


def _confusion(question: EmotionQuestion, mine: pd.DataFrame) -> Confusion:
    known = mine[mine["emotion"].isin(EMOTIONS)]
    names = (*EMOTIONS, UNSURE) if question.unsure else EMOTIONS
    shown = np.array([EMOTIONS.index(e) for e in known["emotion"]], np.int64)
    return confusion(shown, np.array([names.index(a) for a in known["answer"]], np.int64), EMOTIONS, names)


def _duel(
    question: PreferenceQuestion, track: str, mine: pd.DataFrame, methods: Sequence[str], confirmatory: bool
) -> Duel:
    seen = set(mine["method"]) | set(mine["method_b"])
    names = tuple(m for m in methods if m in seen)
    index = {m: i for i, m in enumerate(names)}
    first: Codes = np.array([index[m] for m in mine["method"]], np.int64)
    second: Codes = np.array([index[m] for m in mine["method_b"]], np.int64)
    answers = Answers(np.asarray(mine["value"], np.float64), codes(mine["rater"]), codes(mine["clip"]))
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, (first, second), answers.value)
    np.add.at(counts, (second, first), 1 - answers.value)
    plain = {}
    for name, i in index.items():
        won = np.where(first == i, answers.value, 1 - answers.value)
        keep = (first == i) | (second == i)
        plain[name] = mean(Answers(won, answers.rater, answers.clip).where(keep), limits=(0.0, 1.0))
    ties = int((answers.value == 0.5).sum())
    left = mean(answers, limits=(0.0, 1.0))
    strengths = bradley_terry(first, second, answers, len(names))
    return Duel(question.name, track, names, strengths, plain, counts, ties, left, confirmatory)


def _course(
    question: str,
    track: str,
    mine: pd.DataFrame,
    samples: pd.DataFrame,
    intensity: pd.DataFrame,
    reference: Reference,
    confirmatory: bool,
    resamples: int,
) -> Course | None:
    wanted = intensity[(intensity["name"] == reference) & (intensity["track"] == track)]
    courses = {str(s): part.sort_values("t") for s, part in wanted.groupby("stimulus")}
    if not courses:
        return None
    keys = set(zip(mine["rater"], mine["position"], strict=True))
    samples = samples[(samples["question"] == question) & (samples["role"] == "trial") & (samples["track"] == track)]
    found = []
    for (rater, position), part in samples.groupby(["rater", "position"], sort=True):
        stimulus = str(part["stimulus"].iloc[0])
        if (rater, position) not in keys or stimulus not in courses:
            continue
        times, r = (courses[stimulus][c].to_numpy(np.float64) for c in ("t", "value"))
        if len(times) < 2 or not np.isfinite(r).all():
            continue
        slider = resample(part["t"].to_numpy(np.float64), part["value"].to_numpy(np.float64), times)
        fps = 1.0 / float(np.median(np.diff(times)))
        first = part.iloc[0]
        found.append(Trace(str(rater), str(first["method"]), str(first["clip"]), slider, r, fps))
    return Course(question, track, reference, agreement(found, resamples=resamples), confirmatory) if found else None
