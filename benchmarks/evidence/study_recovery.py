"""The user study's statistics on simulated raters whose truth is known: do intervals cover, do the models help?

Coverage: studies are drawn with effects of raters, clips and their interactions with the method, rounded to the scale;
the truth is the mean over both populations, by integration. Every kind of interval is asked in every study.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass

import numpy as np

from benchmarks.evidence.common import Figures, main, wilson
from user_study import power
from user_study.statistics.bradley_terry import bradley_terry
from user_study.statistics.crossed import Answers, Array, Codes, Estimate, difference, mean, proportion, relative_gain
from user_study.statistics.dawid_skene import dawid_skene, majority_credit, majority_shares
from user_study.statistics.rater_model import fit
from user_study.statistics.traces import Trace, agreement

METHODS = 4
NAIVE = "mos, 1.96 sd / sqrt(n)"
"""The usual interval, which takes every answer for a rater and a clip of its own."""


@dataclass(frozen=True)
class Case:
    """A study's size and where its answers' variance comes from (standard deviations, points of 1-5)."""

    name: str
    raters: int
    clips: int
    each: int
    rater: float
    clip: float
    rest: float
    rater_method: float = 0.2
    clip_method: float = 0.3

    @property
    def total(self) -> float:
        """Standard deviation of an answer."""
        parts = (self.rater, self.clip, self.rest, self.rater_method, self.clip_method)
        return math.sqrt(sum(part**2 for part in parts))


CASES = (
    Case("usual: 40 raters x 40 of 256 stimuli", 40, 64, 40, 0.45, 0.3, 0.75),
    Case("small: 16 raters x 32 of 64 stimuli", 16, 16, 32, 0.45, 0.3, 0.75),
    Case("raters differ much", 30, 48, 40, 0.9, 0.3, 0.6),
    Case("clips differ much", 30, 32, 40, 0.3, 0.8, 0.6, 0.15, 0.4),
)
LEVELS = np.array([2.2, 3.0, 3.5, 4.1])
PROBITS = np.array([-0.5, 0.0, 0.5, 1.0])


def draw(case: Case, rng: np.random.Generator) -> tuple[Array, Codes, Codes, Codes]:
    """(N,) latent answers without the method's level, with rater, clip and method of each."""
    stimuli, count = METHODS * case.clips, case.raters * case.each
    order = np.concatenate([rng.permutation(stimuli) for _ in range(-(-count // stimuli))])[:count]
    rater, method, clip = np.repeat(np.arange(case.raters), case.each), order // case.clips, order % case.clips
    latent = rng.normal(0, case.rater, case.raters)[rater] + rng.normal(0, case.clip, case.clips)[clip]
    latent += rng.normal(0, case.rater_method, (case.raters, METHODS))[rater, method]
    latent += rng.normal(0, case.clip_method, (case.clips, METHODS))[clip, method]
    return latent + rng.normal(0, case.rest, count), rater, clip, method


def true_means(case: Case) -> Array:
    """Mean of the rounded answer of each method, over raters, clips and noise."""
    from scipy.stats import norm

    edges = np.array([1.5, 2.5, 3.5, 4.5])
    return 1.0 + np.asarray(norm.sf((edges[None] - LEVELS[:, None]) / case.total).sum(axis=1), np.float64)


def coverage(case: Case, studies: int, seed: int) -> dict[str, list[bool]]:
    """Whether each interval of each study held the truth."""
    from scipy.stats import norm

    rng = np.random.default_rng(seed)
    means, shares = true_means(case), np.asarray(norm.cdf(PROBITS / case.total))
    hits: dict[str, list[bool]] = {"mos": [], "gain": [], "gain in percent": [], "accuracy": [], "accuracy gain": []}
    hits |= {NAIVE: []}
    for _ in range(studies):
        latent, rater, clip, method = draw(case, rng)
        value = np.clip(np.round(LEVELS[method] + latent), 1, 5)
        right = (PROBITS[method] + latent > 0).astype(np.float64)
        rated = [Answers(value[method == m], rater[method == m], clip[method == m]) for m in range(METHODS)]
        named = [Answers(right[method == m], rater[method == m], clip[method == m]) for m in range(METHODS)]
        hits["mos"].append(_holds(mean(rated[1], limits=(1.0, 5.0)), means[1]))
        hits["gain"].append(_holds(difference(rated[3], rated[0]), means[3] - means[0]))
        hits["gain in percent"].append(_holds(relative_gain(rated[3], rated[0]), means[3] / means[0] - 1))
        hits["accuracy"].append(_holds(proportion(named[2]), shares[2]))
        hits["accuracy gain"].append(_holds(difference(named[3], named[0]), shares[3] - shares[0]))
        half = 1.96 * rated[1].value.std(ddof=1) / math.sqrt(len(rated[1]))
        hits[NAIVE].append(bool(abs(rated[1].value.mean() - means[1]) <= half))
    return hits


def _holds(found: Estimate, truth: float) -> bool:
    return bool(found.low <= truth <= found.high)


def rater_model_gain(studies: int, seed: int) -> Figures:
    """Error of the clips' qualities, plain and by the rater model, with 10 % clickers."""
    found: Figures = {}
    for name, raters, clips, each in (("dense", 24, 60, 60), ("sparse", 30, 256, 40)):
        plain: list[float] = []
        model: list[float] = []
        letter: list[float] = []
        for study in range(studies):
            a, quality = _clicked(np.random.default_rng((seed, study)), raters, clips, each)
            mos = np.bincount(a.clip, a.value, clips) / np.bincount(a.clip, minlength=clips)
            for errors, guess in ((plain, mos), (model, fit(a).quality)):
                errors.append(float(np.sqrt(np.mean((guess - quality) ** 2))))
            if study < studies // 10:  # slow where it does not converge
                letter.append(float(np.sqrt(np.mean((fit(a, shrink=0.0).quality - quality) ** 2))))
        below = 1 - np.mean(model) / np.mean(plain)
        found[name] = {
            "raters": raters, "clips": clips, "answers_per_rater": each,
            "studies": studies, "rmse_mos": float(np.mean(plain)), "rmse_rater_model": float(np.mean(model)),
            "below_percent": 100 * float(below), "rmse_to_the_letter_first_tenth": float(np.mean(letter)),
        }  # fmt: skip
    return found


def _clicked(rng: np.random.Generator, raters: int, clips: int, each: int) -> tuple[Answers, Array]:
    quality, bias, own = rng.uniform(1.5, 4.5, clips), rng.normal(0, 0.4, raters), rng.uniform(0.4, 0.9, raters)
    order = np.concatenate([rng.permutation(clips) for _ in range(-(-raters * each // clips))])[: raters * each]
    rater = np.repeat(np.arange(raters), each)
    seen = np.clip(np.round(quality[order] + bias[rater] + own[rater] * rng.normal(size=len(rater))), 1, 5)
    clicker = rater < round(0.1 * raters)
    return Answers(np.where(clicker, rng.integers(1, 6, len(rater)), seen).astype(float), rater, order), quality


def consensus_gain(studies: int, seed: int) -> Figures:
    """Share of clips whose label is right: Dawid-Skene against the majority.

    20 raters; muddled: 3 of them take fear for surprise and back; and_clicked: 4 more click anything.
    """
    found: Figures = {}
    for name, blind, clicker in (("honest", 0, 0), ("muddled", 3, 0), ("muddled_and_clicked", 3, 4)):
        skene, majority = [], []
        for study in range(studies):
            rng = np.random.default_rng((seed, study))
            truth = np.tile(np.arange(8), 12)
            order = np.concatenate([rng.permutation(96) for _ in range(5)])
            rater = np.repeat(np.arange(20), 24)
            shown = truth[order]
            said = np.where(rng.random(480) < rng.uniform(0.5, 0.8, 20)[rater], shown, rng.integers(0, 9, 480))
            swap = (rater >= 4) & (rater < 4 + blind) & (rng.random(480) < 0.8)
            said = np.where(swap & (shown == 3), 7, np.where(swap & (shown == 7), 3, said))
            said = np.where(rater < clicker, rng.integers(0, 9, 480), said)
            skene.append(float(np.mean(dawid_skene(rater, order, said, 8, 9).label == truth)))
            majority.append(float(majority_credit(majority_shares(order, said, 8, 96), truth).mean()))
        found[name] = {
            "studies": studies, "dawid_skene": float(np.mean(skene)), "majority": float(np.mean(majority)),
            "at_least_as_right_in_percent_of_studies": 100 * float(np.mean(np.array(skene) >= np.array(majority))),
        }  # fmt: skip
    return found


def strengths_coverage(studies: int, seed: int) -> Figures:
    """Bradley-Terry with ties: 30 raters x 20 pairs of 48 clips; raters' own leanings beside the strengths."""
    rng = np.random.default_rng(seed)
    strength, nu = np.array([0.6, 0.2, -0.2, -0.6]), 0.5
    hits, n = [], 600
    # What a leaning crowd prefers on average is weaker than each rater's own: the truth is fitted once, without limit.
    truth = _strengths(*_duels(rng, strength, nu, 3000, 3000, 50)).value
    for _ in range(studies):
        found = _strengths(*_duels(rng, strength, nu, 30, 48, n // 30))
        hits.append(_holds(found, truth))
    return wilson(sum(hits), studies).figures()


def _duels(
    rng: np.random.Generator, strength: Array, nu: float, raters: int, clips: int, each: int
) -> tuple[Codes, Codes, Array, Codes, Codes]:
    n = raters * each
    rater, clip = np.repeat(np.arange(raters), each), rng.integers(0, clips, n)
    first = rng.integers(0, 4, n)
    second = (first + rng.integers(1, 4, n)) % 4
    own, shown = rng.normal(0, 0.4, (raters, 4)), rng.normal(0, 0.4, (clips, 4))
    level = strength[None] + own[rater] + shown[clip]
    gap = (level[np.arange(n), first] - level[np.arange(n), second]) / 2
    p = np.stack([np.exp(gap), np.full(n, nu), np.exp(-gap)])
    u = rng.random(n) * p.sum(axis=0)
    return first, second, np.where(u < p[0], 1.0, np.where(u < p[0] + p[1], 0.5, 0.0)), rater, clip


def _strengths(first: Codes, second: Codes, y: Array, rater: Codes, clip: Codes) -> Estimate:
    return bradley_terry(first, second, Answers(y, rater, clip), 4).strength[0]


def _course(t: Array, rng: np.random.Generator) -> Array:
    """Three slow waves over t (T,) in 0..1."""
    waves = [rng.normal(0, 0.3 / k) * np.sin(6.283 * k * t + rng.uniform(0, 6)) for k in (1, 2, 3)]
    return np.asarray(0.6 + np.sum(waves, axis=0), np.float64)


def trace_recovery(studies: int, seed: int) -> Figures:
    """Lag found again; agreement of noise (must be 0) with a lag from other clips and from the same clip."""
    from metrics.intensity import pcc

    lags, noise, greedy = [], [], []
    for study in range(studies):
        rng = np.random.default_rng((seed, study))
        t = np.linspace(0, 1, 100)
        courses = [_course(t, rng) for _ in range(8)]
        lag = rng.integers(10, 28, 10)
        real, false = [], []
        for i in range(10):
            for j, r in enumerate(courses):
                moved = 0.2 + 0.5 * np.concatenate([np.full(lag[i], r[0]), r])[:100] + rng.normal(0, 0.05, 100)
                slow = np.convolve(rng.normal(size=115), np.ones(16), "valid")
                real.append(Trace(f"r{i}", "m", f"c{j}", moved, r, 25.0))
                false.append(Trace(f"r{i}", "m", f"c{j}", slow, r, 25.0))
                if study < 5:
                    greedy.append(max(pcc(slow[k:], r[: 100 - k]) for k in range(38)))
        found = agreement(real)
        lags += [abs(seconds - lag[int(name[1:])] / 25) for name, seconds in found.lags]
        noise.append(agreement(false).methods[0].single_pcc.value)
    return {
        "studies": studies, "median_error_of_lag_s": float(np.median(lags)),
        "mean_pcc_of_noise_lag_from_other_clips": float(np.mean(noise)),
        "mean_pcc_of_noise_lag_from_the_same_clip": float(np.mean(greedy)),
    }  # fmt: skip


def planning(studies: int, seed: int) -> Figures:
    """Raters by formula, and the power simulated studies have with them."""
    found: Figures = {}
    for kind, gain in (("acr", 0.3), ("acr", 0.5), ("emotion", 0.1)):
        what: power.Kind = "emotion" if kind == "emotion" else "acr"
        plan = power.Plan(what, 5, 48, 40, power.TYPICAL[what], mean=0.5 if kind == "emotion" else 3.0)
        need = power.raters_for_gain(plan, gain, 0.8, simulate=studies, seed=seed)
        found[f"{kind}, gain {gain:g}"] = {
            "raters": need.raters, "power_formula": need.reached, "power_simulated": need.simulated,
            "simulated_se": need.simulated_se, "studies": studies,
        }  # fmt: skip
    plan = power.Plan("acr", 5, 48, 40, power.TYPICAL["acr"])
    width = power.raters_for_width(plan, 0.2, simulate=studies, seed=seed)
    found["acr, width 0.2"] = {"raters": width.raters, "formula": width.reached, "simulated": width.simulated}
    return found


def measure(args: argparse.Namespace) -> Figures:
    """Everything, with `args.studies` studies per case."""
    n, seed = args.studies, args.seed
    covered: Figures = {}
    for index, case in enumerate(CASES):
        hits = coverage(case, n, seed + index)
        covered[case.name] = {name: wilson(sum(values), n).figures() for name, values in hits.items()}
    ours = [f["share"] for case in covered.values() for name, f in case.items() if name != NAIVE]
    naive = [case[NAIVE]["share"] for case in covered.values()]
    strengths = strengths_coverage(n, seed)
    return {
        "studies": n,
        "coverage_of_95_percent_intervals": covered,
        "coverage_table": {case: {name: f["share"] for name, f in found.items()} for case, found in covered.items()},
        "coverage_range": {"least": min(*ours, strengths["share"]), "most": max(*ours, strengths["share"])},
        "coverage_range_naive": {"least": min(naive), "most": max(naive)},
        "coverage_bradley_terry": strengths,
        "rater_model_with_10_percent_clickers": rater_model_gain(max(n // 10, 20), seed),
        "emotion_consensus": consensus_gain(max(n // 20, 10), seed),
        "traces": trace_recovery(max(n // 200, 3), seed),
        "power": planning(max(n // 4, 50), seed),
    }


def options(parser: argparse.ArgumentParser) -> None:
    """How many studies, and the seed."""
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies per case of the coverage")
    parser.add_argument("--seed", type=int, default=20261122)


if __name__ == "__main__":
    main("study_recovery", __doc__, measure, options)
