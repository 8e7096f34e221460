"""A/A noise, the floors that follow from it, and simulated checks: quick forms of docs/evidence/gate.json."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.evidence.gate_simulation import Noise, detection, false_alarms, harmed, worse
from benchmarks.noise import SeriesNoise, floors_toml, measure_noise, propose, round_up
from benchmarks.regression.config import Floor, GateConfig, read_floors
from benchmarks.regression.snapshot import Series, Snapshot, snapshot_of_run
from eap.errors import MeasureError
from metrics.results import Signature
from metrics.rundir import ClipInfo
from tests.benchmarks.regression.fake_runs import METRICS, Fake, worsen, write


def jitter(metric: str, method: str, track: str, clip: ClipInfo, value: float) -> float:
    """A/A noise: a hundredth of the metric's spread, drawn anew."""
    if metric in ("fid", "emotion_accuracy"):
        return value
    rng = np.random.default_rng([99, *clip.id.encode(), *metric.encode(), *method.encode(), *track.encode()])
    return value + 0.02 * METRICS[metric][1] * rng.normal()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return snapshot_of_run(write(tmp_path_factory.mktemp("base") / "run"))


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The same thing, measured with noise."""
    return snapshot_of_run(write(tmp_path_factory.mktemp("again") / "run", Fake(change=jitter)))


@pytest.fixture(scope="module")
def config(base: Snapshot, again: Snapshot) -> GateConfig:
    return GateConfig(floors=propose(measure_noise(base, [("given", again)])))


def row(**fields: object) -> SeriesNoise:
    known: dict[str, object] = {
        "source": "given", "metric": "psnr", "method": "eap", "track": "neutral", "mean": -0.1, "error": 0.02,
        "largest": 0.5, "n": 24, "binary": False, "fixed": False,
    }  # fmt: skip
    return SeriesNoise(**(known | fields))  # type: ignore[arg-type]


def test_noise_is_the_pooled_difference_and_its_error_over_identities(base: Snapshot, tmp_path: Path) -> None:
    """Identity means 0, 0, 0, 0, 0, 0.6: mean .1, standard error .6 sqrt(1/6) / sqrt(6) = .1."""

    def one(metric: str, method: str, track: str, clip: ClipInfo, value: float) -> float:
        return value + 0.6 if (metric, method, clip.identity) == ("m_lmd", "eap", "M2003") else value

    other = snapshot_of_run(write(tmp_path / "other", Fake(change=one)))
    rows = measure_noise(base, [("given", other)])
    found = next(item for item in rows if (item.metric, item.method, item.track) == ("m_lmd", "eap", "neutral"))
    assert (found.mean, found.error, found.largest) == pytest.approx((0.1, 0.1, 0.6), abs=1e-6)
    assert found.n == 24
    assert {item.metric for item in rows} == {"psnr", "m_lmd", "emotion_accuracy", "saturation_index"}


def test_the_floor_is_mean_plus_four_errors_of_the_worst_row() -> None:
    # .1 + 4 x .02 = .18; the other row reaches .05 + 4 x .01 = .09.
    assert propose([row(), row(method="ant", mean=0.05, error=0.01)]) == {"psnr": Floor(absolute=0.18, relative=0.01)}


def test_two_flips_are_the_least_of_a_metric_of_zeros_and_ones() -> None:
    floors = propose([row(metric="emotion_accuracy", mean=0.0, error=0.0, binary=True)])
    assert 1 / 24 < (floors["emotion_accuracy"].absolute or 0.0) < 2 / 24


@pytest.mark.parametrize("fields", [{"source": "seed"}, {"source": "re-encode", "fixed": True}])
def test_what_is_no_noise_of_the_gate_sets_no_floor(fields: dict[str, object]) -> None:
    assert propose([row(**fields, mean=9.0), row()]) == propose([row()])


@pytest.mark.parametrize(("value", "up"), [(0.1234, 0.13), (0.12, 0.12), (0.0, 0.0), (987.0, 990.0), (1.01e-5, 1.1e-5)])
def test_rounding_is_upwards_to_two_digits(value: float, up: float) -> None:
    assert round_up(value) == pytest.approx(up, rel=1e-12)
    assert round_up(value) >= value


def test_floors_are_written_as_they_are_read(tmp_path: Path) -> None:
    floors = {"psnr": Floor(absolute=0.18, relative=0.01), "fid": Floor(absolute=1e-05, relative=0.0)}
    (tmp_path / "f.toml").write_text(floors_toml(floors, ["made by a test"]))
    found = read_floors(tmp_path / "f.toml")
    assert {name: found[name] for name in floors} == floors
    assert "default" in found


def test_runs_with_nothing_in_common(base: Snapshot, tmp_path: Path) -> None:
    other = snapshot_of_run(write(tmp_path / "o", Fake(metrics=("fid",))))
    with pytest.raises(MeasureError, match="nothing in common"):
        measure_noise(base, [("given", other)])


def test_simulated_aa_checks_pass(base: Snapshot, again: Snapshot, config: GateConfig) -> None:
    figures = false_alarms(Noise.between(base, again, again), config, 40, seed=1)
    assert figures["false_alarm_per_check"]["share"] <= 0.01
    assert figures["comparisons_per_check"] == 16


def test_without_floors_the_same_simulation_does_alarm(base: Snapshot, again: Snapshot) -> None:
    """The simulation can fail: floors of nothing let chance through."""
    none = GateConfig(floors={name: Floor(absolute=0.0, relative=0.0) for name in METRICS})
    assert false_alarms(Noise.between(base, again, again), none, 6, seed=1)["false_alarm_per_check"]["share"] > 0.2


def test_twice_the_floor_is_caught_and_less_than_the_floor_is_not(
    base: Snapshot, again: Snapshot, config: GateConfig
) -> None:
    noise = Noise.between(base, again, again)
    keys = [("psnr", "eap", "neutral"), ("m_lmd", "eap", "emotional"), ("saturation_index", "eap", "neutral")]
    assert detection(noise, config, keys, 2.0, 4, seed=1)["caught"]["share"] >= 0.95
    assert detection(noise, config, keys, 0.3, 4, seed=1)["caught"]["share"] == 0.0


def test_what_cannot_lose_is_named(base: Snapshot, again: Snapshot) -> None:
    key = ("emotion_accuracy", "eap", "neutral")
    wide = GateConfig(floors={"emotion_accuracy": Floor(absolute=0.9, relative=0.0)})
    assert detection(Noise.between(base, again, again), wide, [key], 1.1, 4, seed=1)["cannot_be_planted"] == [
        "emotion_accuracy/eap/neutral"
    ]


@pytest.mark.parametrize(
    ("better", "target", "value", "expected"),
    [
        (True, None, 5.0, 4.5),
        (False, None, 5.0, 5.5),
        (None, 1.0, 0.7, 0.2),
        (None, 1.0, 1.2, 1.7),
        (None, 1.0, 1.0, 1.5),
    ],
)
def test_planted_damage_is_worse(better: bool | None, target: float | None, value: float, expected: float) -> None:
    series = Series("m", Signature("m"), "eap", "neutral", 0, 0, 1, 1, 1, "", better, target=target)
    assert worse(series, value, 0.5) == pytest.approx(expected)


def test_harm_leaves_other_series_and_missing_values_alone(base: Snapshot, tmp_path: Path) -> None:
    key = ("psnr", "eap", "neutral")
    holed = snapshot_of_run(write(tmp_path / "h", Fake(failed=("M2000_angry",))))
    moved = harmed(holed, {key: dict.fromkeys((clip.id for clip in holed.clips), 1.0)})
    assert moved.series[key].clips[0] is None
    assert moved.values(key)["M2001_sad"] == pytest.approx(base.values(key)["M2001_sad"] - 1.0)
    assert all(moved.series[other] is holed.series[other] for other in holed.series if other != key)


def test_p_values_of_a_planted_loss_differ_by_pairing(base: Snapshot, tmp_path: Path, config: GateConfig) -> None:
    from benchmarks.regression.compare import compare

    run = snapshot_of_run(write(tmp_path / "w", Fake(change=worsen("psnr", -0.5, spread=0.2))))
    (item,) = [i for i in compare(run, base, config, metrics=("psnr",)) if i.key == ("psnr", "eap", "neutral")]
    assert item.p_paired < 0.01 < 0.2 < item.p_unpaired
    assert math.isfinite(item.p_holm)
