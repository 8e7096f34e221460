"""The gate's simulated checks, on an invented run whose clips all have the same noise."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.evidence.gate_simulation import Noise, coverage, detection, false_alarms
from benchmarks.regression.config import Floor, GateConfig
from benchmarks.regression.snapshot import Key, snapshot_of_run
from metrics.rundir import ClipInfo
from tests.benchmarks.regression.fake_runs import Fake, write

KEY: Key = ("psnr", "eap", "neutral")


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Noise:
    """PSNR of the row `eap` wobbles by .02 dB a clip, nothing else moves."""

    def wobble(metric: str, method: str, track: str, clip: ClipInfo, value: float) -> float:
        dice = np.random.default_rng([*clip.id.encode()])
        return value + 0.02 * dice.normal() * ((metric, method) == ("psnr", "eap"))

    folder = tmp_path_factory.mktemp("runs")
    metrics = ("psnr", "m_lmd")
    base = snapshot_of_run(write(folder / "base", Fake(metrics=metrics)))
    other = snapshot_of_run(write(folder / "other", Fake(metrics=metrics, change=wobble)))
    return Noise.between(base, other, base)


def _config(floor: float) -> GateConfig:
    return GateConfig(floors={"psnr": Floor(absolute=floor, relative=0.0)})


def test_noise_below_the_floors_gives_no_alarm_and_above_it_does(noise: Noise) -> None:
    assert false_alarms(noise, _config(0.2), 20, seed=1)["false_alarm_per_check"]["share"] == 0.0
    assert false_alarms(noise, _config(1e-9), 20, seed=1)["false_alarm_per_check"]["share"] > 0.0


def test_losses_of_two_floors_are_caught_and_of_half_a_floor_called_unchanged(noise: Noise) -> None:
    caught = detection(noise, _config(0.2), [KEY], 2.0, draws=5, seed=2)
    assert (caught["caught"]["share"], caught["called_unchanged"]["share"]) == (1.0, 0.0)
    small = detection(noise, _config(0.2), [KEY], 0.5, draws=5, seed=2)
    assert (small["caught"]["share"], small["called_unchanged"]["share"]) == (0.0, 1.0)
    assert small["series_below_95_percent"] == {"psnr/eap/neutral": 0.0}


def test_the_gates_interval_holds_the_truth_as_often_as_it_says_where_every_clip_moves() -> None:
    row = coverage(6, sets=300)["every clip moves"]
    assert 0.91 <= row["gate"]["share"] <= 0.98  # +- 2.8 standard errors of 300 sets about .95
    assert row["gate"]["median_width"] < row["tables"]["median_width"]
