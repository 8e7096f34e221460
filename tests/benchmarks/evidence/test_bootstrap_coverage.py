"""The simulation behind docs/evidence/bootstrap_coverage.json, with 200 sets instead of 2,000."""

from __future__ import annotations

import pytest

from benchmarks.evidence.bootstrap_coverage import scenarios, simulate

BY_NAME = {scenario.name: scenario for scenario in scenarios()}


@pytest.mark.parametrize(
    "name",
    ["mean, normal (PSNR, LSE)", "proportion 0.5 (Acc_emo)", "median, unequal numbers", "difference of two methods"],
)
def test_ours_hold_the_truth_and_naive_ones_do_not(name: str) -> None:
    found = simulate(BY_NAME[name], 8, 200)
    assert 0.91 <= found["coverage"] <= 0.99  # +- 2.6 standard errors of 200 sets about .93 to .97
    assert found["naive"] < found["coverage"] - 0.05


def test_naive_intervals_of_a_mean_fall_below_85_percent() -> None:
    assert simulate(BY_NAME["mean, normal (PSNR, LSE)"], 12, 200)["naive"] < 0.85


def test_more_identities_make_narrower_intervals() -> None:
    widths = [simulate(BY_NAME["mean, skewed (LMD, RMSE)"], k, 100)["mean_width"] for k in (8, 12, 24)]
    assert widths == sorted(widths, reverse=True)
