from __future__ import annotations

import math

import pandas as pd
import pytest

from metrics.results import VALUE_COLUMNS
from reports.facts import MetricFacts, collect, decimals, number


def fact(better: bool | None, target: float | None = None) -> MetricFacts:
    return MetricFacts("m", "M", "Other", "", better, target, "mean", "")


def test_gain_is_positive_when_better_whatever_the_direction() -> None:
    assert fact(True).gain(3, 1) == 2
    assert fact(False).gain(3, 1) == -2
    # Distances from 1: 0.2 and 0.5, so 1.2 is better than 0.5 by 0.3.
    assert fact(None, 1.0).gain(1.2, 0.5) == pytest.approx(0.3)


def test_arrows() -> None:
    assert [fact(True).arrow, fact(False).arrow, fact(None, 1.0).arrow, fact(None).arrow] == ["↑", "↓", "→ 1", ""]
    assert not fact(None).ranked


@pytest.mark.parametrize(
    ("values", "digits"), [([0.1, 9.9], 3), ([31.2, 5.0], 2), ([250.0], 1), ([math.nan], 3), ([], 3)]
)
def test_decimals(values: list[float], digits: int) -> None:
    assert decimals(values) == digits


def test_number_has_a_true_minus_and_no_negative_zero() -> None:
    assert number(-1.5, 1) == "−1.5"
    assert number(-0.0001, 2) == "0.00"
    assert number(0.25, 2, signed=True) == "+0.25"
    assert number(math.nan) == number(None) == "–"


def test_collect_orders_by_group_and_keeps_unknown_metrics() -> None:
    rows = [
        {"metric": "zeta", "higher_is_better": True, "unit": "u"},
        {"metric": "saturation_index", "higher_is_better": None, "target": 1.0, "signature": "s|pool:clip-median|v1"},
        {"metric": "psnr", "higher_is_better": True, "unit": "dB"},
    ]
    facts = collect(pd.DataFrame(rows, columns=list(VALUE_COLUMNS)), ["fid"])
    assert list(facts) == ["psnr", "fid", "saturation_index", "zeta"]
    assert facts["saturation_index"].target == 1.0
    assert facts["saturation_index"].pooling == "median"
    assert facts["psnr"].pooling == "mean"
    assert facts["zeta"].title == "zeta"
    assert not facts["fid"].ranked  # announced, never measured: no direction is known
