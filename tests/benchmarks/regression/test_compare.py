"""States of single comparisons: hand-worked cases, floors, direction, pairing, what cannot be compared."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.regression.compare import cost, decide, p_values
from benchmarks.regression.config import Floor, GateConfig
from benchmarks.regression.snapshot import Series
from benchmarks.regression.verdict import Comparison, State, Verdict
from metrics.results import Signature
from metrics.rundir import ClipInfo, MethodInfo
from tests.benchmarks.regression.fake_runs import Change, Fake, worsen, write

CONFIG = GateConfig(floors={name: Floor(absolute=0.2, relative=0.005) for name in ("psnr", "m_lmd")})


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("base") / "run")


def judged(base: Path, folder: Path, change: Change, config: GateConfig = CONFIG) -> Verdict:
    from benchmarks.regression.check import check

    return check(write(folder / "new", Fake(change=change)), base, config)


def of(verdict: Verdict, metric: str, method: str = "eap", track: str = "neutral") -> Comparison:
    return next(item for item in verdict.comparisons if item.key == (metric, method, track))


@pytest.mark.parametrize(
    ("worse", "low", "high", "state"),
    [
        (0.5, 0.1, 0.9, State.REGRESSED),
        (0.5, -0.1, 1.1, State.INCONCLUSIVE),
        (0.15, 0.1, 0.19, State.UNCHANGED),  # real, and smaller than the floor of 0.2
        (0.15, 0.1, 0.3, State.INCONCLUSIVE),  # real, and perhaps larger than the floor
        (0.0, -0.1, 0.1, State.UNCHANGED),
        (0.0, -0.1, 0.3, State.INCONCLUSIVE),
        (-0.5, -0.9, -0.1, State.IMPROVED),
        (-0.5, -1.1, 0.1, State.INCONCLUSIVE),
        (0.5, math.nan, math.nan, State.INCONCLUSIVE),
        (0.2, 0.2, 0.2, State.UNCHANGED),  # at the floor is not above it
    ],
)
def test_the_state_follows_from_interval_and_floor(worse: float, low: float, high: float, state: State) -> None:
    assert decide(worse, low, high, 0.2) is state


def _one_clip(by: float) -> Change:
    """One clip moves by so much, all others by next to nothing."""

    def change(metric: str, method: str, track: str, clip: ClipInfo, value: float) -> float:
        if (metric, method) != ("psnr", "eap"):
            return value
        dust = 1e-6 * np.random.default_rng([*clip.id.encode()]).normal()
        return value - by if clip.id == "M2001_happy" else value + float(dust)

    return change


def test_one_clip_that_moves_a_little_leaves_a_metric_unchanged(base: Path, tmp_path: Path) -> None:
    """As with other threads or another batch size."""
    item = of(judged(base, tmp_path, _one_clip(0.1)), "psnr")
    # One identity's mean is off by .1 / 4: mean .025 / 6, and as much is its standard error.
    half = stats.t.ppf(0.975, 5) * 0.025 / 6
    assert (item.worse_low, item.worse_high) == pytest.approx((0.025 / 6 - half, 0.025 / 6 + half), abs=1e-5)
    assert item.state is State.UNCHANGED
    large = of(judged(base, tmp_path / "b", _one_clip(4.0)), "psnr")
    assert large.state is State.INCONCLUSIVE  # a mean of .17 that is one person's alone; the floor is .2


def test_the_interval_excludes_0_where_the_paired_p_is_small(base: Path, tmp_path: Path) -> None:
    for number, spread in enumerate((0.1, 0.5, 1.0, 1.5, 2.0, 3.0)):
        item = of(judged(base, tmp_path / str(number), worsen("psnr", -0.5, spread=spread)), "psnr")
        assert (item.p_paired < 0.05) == (item.worse_low > 0 or item.worse_high < 0)


@pytest.mark.parametrize(("metric", "by"), [("psnr", -0.5), ("m_lmd", 0.5)])
def test_worse_knows_the_direction_of_the_metric(base: Path, tmp_path: Path, metric: str, by: float) -> None:
    verdict = judged(base, tmp_path, worsen(metric, by))
    item = of(verdict, metric)
    assert item.state is State.REGRESSED
    assert item.worse == pytest.approx(0.5, abs=1e-5)
    assert (item.n_pairs, item.n_identities) == (24, 6)
    assert {other.state for other in verdict.comparisons if other.metric != metric} == {State.UNCHANGED}
    assert of(judged(base, tmp_path / "b", worsen(metric, -by)), metric).state is State.IMPROVED


def test_a_target_is_approached_from_both_sides(base: Path, tmp_path: Path) -> None:
    """Saturation 0.6 with target 1: less is worse, and 1.5 is as far away as 0.5."""
    flatter = of(judged(base, tmp_path / "a", worsen("saturation_index", -0.2)), "saturation_index")
    assert flatter.state is State.REGRESSED
    assert flatter.worse == pytest.approx(0.2, abs=1e-5)
    nearer = of(judged(base, tmp_path / "b", worsen("saturation_index", 0.2)), "saturation_index")
    assert nearer.state is State.IMPROVED
    name = Signature("saturation_index")
    series = Series("saturation_index", name, "eap", "neutral", 0.5, 0, 1, 1, 1, "ratio", None, target=1.0)
    assert cost(series, 0.5) == cost(series, 1.5) == 0.5


def test_both_floors_must_be_exceeded(base: Path, tmp_path: Path) -> None:
    """A loss of 0.5 dB of about 24 dB: 2 %."""
    change = worsen("psnr", -0.5)
    for floor, state in (
        (Floor(absolute=0.4, relative=0.01), State.REGRESSED),
        (Floor(absolute=0.6, relative=0.01), State.UNCHANGED),
        (Floor(absolute=0.4, relative=0.03), State.UNCHANGED),
    ):
        verdict = judged(base, tmp_path, change, GateConfig(floors={"psnr": floor}))
        assert of(verdict, "psnr").state is state


def test_an_effect_that_identities_disagree_on_is_inconclusive(base: Path, tmp_path: Path) -> None:
    item = of(judged(base, tmp_path, worsen("psnr", -0.5, spread=3.0)), "psnr")
    assert item.state is State.INCONCLUSIVE
    assert item.worse_low < 0 < item.worse_high


def test_pairing_sees_what_unpaired_comparison_misses(base: Path, tmp_path: Path) -> None:
    """Identities differ by 1.5 dB; a loss of 0.5 dB in each is plain when paired and nothing when not."""
    item = of(judged(base, tmp_path, worsen("psnr", -0.5, spread=0.3)), "psnr")
    assert item.state is State.REGRESSED
    assert item.p_paired < 0.01
    assert item.p_unpaired > 0.2


def test_p_values_are_scipys_on_identity_means() -> None:
    old = {"a1": 1.0, "a2": 2.0, "b1": 4.0, "c1": 7.0}
    new = {"a1": 2.0, "a2": 2.0, "b1": 5.5, "c1": 7.5}
    people = {"a1": "a", "a2": "a", "b1": "b", "c1": "c"}
    # Identity means 1.5, 4, 7 and 2, 5.5, 7.5: differences 0.5, 1.5, 0.5; t = .8333 / (.5774 / sqrt 3) = 2.5.
    paired, unpaired = p_values(old, new, people)
    assert paired == pytest.approx(2 * stats.t.sf(2.5, 2))
    assert unpaired == pytest.approx(stats.ttest_ind([2, 5.5, 7.5], [1.5, 4, 7], equal_var=False).pvalue)
    assert paired == pytest.approx(stats.ttest_1samp([0.5, 1.5, 0.5], 0.0).pvalue)
    assert p_values(old, old, people) == (1.0, 1.0)
    assert p_values(old, {clip: value + 1 for clip, value in old.items()}, people)[0] == 0.0
    assert all(np.isnan(p_values({"a1": 1.0}, {"a1": 2.0}, people)))


def test_order_of_clips_changes_nothing(base: Path, tmp_path: Path) -> None:
    import pandas as pd

    new = write(tmp_path / "new", Fake(change=worsen("psnr", -0.5, spread=0.3)))
    from benchmarks.regression.check import check

    before = check(new, base, CONFIG)
    path = new / "clip_values.parquet"
    pd.read_parquet(path).sample(frac=1, random_state=1).to_parquet(path, index=False)
    after = check(new, base, CONFIG)
    assert [repr(item) for item in after.comparisons] == [repr(item) for item in before.comparisons]


def test_a_row_without_a_model_that_improves_is_not_comparable(base: Path, tmp_path: Path) -> None:
    verdict = judged(base, tmp_path, worsen("psnr", 0.5, method="ground-truth"))
    item = of(verdict, "psnr", "ground-truth")
    assert (item.state, item.gated) == (State.NOT_COMPARABLE, True)
    assert "what measures has changed" in item.why
    assert "baseline accept --run" in item.fix
    worse = of(judged(base, tmp_path / "b", worsen("psnr", -0.5, method="ground-truth")), "psnr", "ground-truth")
    assert worse.state is State.REGRESSED


def test_lost_clips_are_missing_and_a_regression_among_the_others_still_shows(base: Path, tmp_path: Path) -> None:
    def lose(by: float) -> Change:
        def change(metric: str, method: str, track: str, clip: ClipInfo, value: float) -> float:
            if method != "eap" or metric != "psnr":
                return value
            return math.nan if clip.id in ("M2000_angry", "M2003_sad") else value - by

        return change

    item = of(judged(base, tmp_path / "a", lose(0.0)), "psnr")
    assert (item.state, item.n_lost, item.n_pairs) == (State.MISSING, 2, 22)
    assert "2 of 24 clips have no number in the run (no face in frame 3)" in item.why
    assert "--retry-failed" in item.fix
    item = of(judged(base, tmp_path / "b", lose(0.5)), "psnr")
    assert (item.state, item.n_lost) == (State.REGRESSED, 2)


def test_no_number_at_all_is_missing(base: Path, tmp_path: Path) -> None:
    def empty(metric: str, method: str, track: str, clip: ClipInfo, value: float) -> float:
        return math.nan if (metric, method) == ("m_lmd", "eap") else value

    item = of(judged(base, tmp_path, empty), "m_lmd")
    assert (item.state, item.n_pairs, item.n_lost) == (State.MISSING, 0, 24)


def test_values_over_the_whole_set_are_informational(base: Path, tmp_path: Path) -> None:
    item = of(judged(base, tmp_path, worsen("fid", 20.0)), "fid")
    assert (item.state, item.gated) == (State.REGRESSED, False)
    assert "cannot be paired" in item.why
    # Two intervals of half width 5 taken as independent: 20 -+ sqrt(50).
    assert item.worse_low == pytest.approx(20 - math.sqrt(50))


def test_one_identity_decides_nothing_unless_nothing_differs(tmp_path: Path) -> None:
    from benchmarks.regression.check import check

    old = write(tmp_path / "old", Fake(identities=1))
    assert of(check(old, old, CONFIG), "psnr").state is State.UNCHANGED
    new = write(tmp_path / "new", Fake(identities=1, change=worsen("psnr", -2.0)))
    item = of(check(new, old, CONFIG), "psnr")
    assert item.state is State.INCONCLUSIVE
    assert "one identity" in item.why


def test_rows_and_metrics_of_one_side_only(tmp_path: Path, base: Path) -> None:
    from benchmarks.regression.check import check

    extra = MethodInfo(name="ant", title="ANT", kind="model")
    wide = write(tmp_path / "wide", Fake(methods=(*Fake().methods, extra)))
    gained = [item for item in check(wide, base, CONFIG).comparisons if item.method == "ant"]
    assert gained
    assert {(item.state, item.gated) for item in gained} == {(State.NOT_COMPARABLE, False)}
    lost = [item for item in check(base, wide, CONFIG).comparisons if item.method == "ant"]
    assert {(item.state, item.gated) for item in lost if item.metric != "fid"} == {(State.MISSING, True)}
    assert "the run has no method 'ant'" in lost[0].why
    narrow = write(tmp_path / "narrow", Fake(metrics=("psnr",)))
    assert of(check(narrow, base, CONFIG), "m_lmd").why == "the run has no metric 'm_lmd'"


def test_restricting_to_rows_and_metrics(base: Path) -> None:
    from benchmarks.regression.check import check

    verdict = check(base, base, CONFIG, methods=("eap",), metrics=("psnr", "fid"))
    assert {(item.metric, item.method) for item in verdict.comparisons} == {("psnr", "eap"), ("fid", "eap")}
    nothing = check(base, base, CONFIG, methods=("nobody",))
    assert (nothing.outcome.code, nothing.outcome.line) == (3, "missing: there is nothing to compare")


def test_holm_is_over_the_gated_comparisons(base: Path, tmp_path: Path) -> None:
    from metrics.statistics import holm

    verdict = judged(base, tmp_path, worsen("psnr", -0.5, spread=0.3))
    tested = [item for item in verdict.comparisons if item.gated and math.isfinite(item.p_paired)]
    assert [item.p_holm for item in tested] == list(holm([item.p_paired for item in tested]))
    assert all(math.isnan(item.p_holm) for item in verdict.comparisons if not item.gated)


def test_floor_of_a_nan_baseline_is_the_absolute_one() -> None:
    assert Floor(absolute=0.1, relative=0.5).size(math.nan) == 0.1
    assert Floor(absolute=0.1, relative=0.5).size(-4.0) == 2.0
    assert replace(GateConfig(), floors={"psnr": Floor(absolute=3.0)}).floor("psnr").relative is not None
