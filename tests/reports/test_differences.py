from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from metrics.results import CLIP_VALUE_COLUMNS
from reports.differences import by_method, groups, paired
from reports.facts import MetricFacts
from reports.source import Run


def run_with(run: Run, rows: list[tuple[str, str, str, float]]) -> Run:
    """The run with clip values (method, identity, clip, value) of one metric `m` on track `t` and no others."""
    columns = {
        "metric": "m", "signature": "m|v1", "track": "t", "emotion": None, "level": None, "reason": "",
    }  # fmt: skip
    table = pd.DataFrame(rows, columns=["method", "identity", "clip", "value"]).assign(**columns)
    return replace(run, clip_values=table[list(CLIP_VALUE_COLUMNS)])


UP = MetricFacts("m", "M", "Other", "", True, None, "mean", "")
TO_ONE = MetricFacts("m", "M", "Other", "", None, 1.0, "median", "")


def test_hand_worked_difference(run: Run) -> None:
    # Differences a - b: identity p: +2, +2; identity q: +4. Mean 8/3; the unpaired clip z does not count.
    rows = [
        ("a", "p", "x", 3.0), ("b", "p", "x", 1.0), ("a", "p", "y", 4.0), ("b", "p", "y", 2.0), ("a", "q", "w", 9.0),
        ("b", "q", "w", 5.0), ("a", "q", "z", 100.0),
    ]  # fmt: skip
    difference = paired(run_with(run, rows), UP, "t", "a", "b")
    assert difference is not None
    assert difference.gain == pytest.approx(8 / 3)
    assert (difference.n_clips, difference.n_identities) == (3, 2)
    assert difference.value_a == pytest.approx(16 / 3)
    # Two identities are too few to separate anything: the interval of so small a sample is wide and holds 0.
    assert difference.low is not None and difference.high is not None
    assert difference.low < 0 < 8 / 3 < difference.high
    assert not difference.separated
    turned = paired(run_with(run, rows), UP, "t", "b", "a")
    assert turned is not None
    assert turned.gain == pytest.approx(-8 / 3)


def test_distance_from_the_target_counts_not_the_value(run: Run) -> None:
    # |1.1-1| = 0.1 against |0.4-1| = 0.6 and |1.8-1| = 0.8: closer by 0.5 and 0.7.
    rows = [("a", "p", "x", 1.1), ("b", "p", "x", 0.4), ("a", "q", "y", 1.1), ("b", "q", "y", 1.8)]
    difference = paired(run_with(run, rows), TO_ONE, "t", "a", "b")
    assert difference is not None
    assert difference.gain == pytest.approx(0.6)
    assert difference.value_b == pytest.approx(1.1)  # the median of the values themselves


def test_one_identity_has_no_interval_and_separates_nothing(run: Run) -> None:
    difference = paired(run_with(run, [("a", "p", "x", 3.0), ("b", "p", "x", 1.0)]), UP, "t", "a", "b")
    assert difference is not None
    assert difference.low is None
    assert not difference.separated


def test_no_shared_clip_gives_none(run: Run) -> None:
    assert paired(run_with(run, [("a", "p", "x", 3.0), ("b", "p", "y", 1.0)]), UP, "t", "a", "b") is None


def test_not_finite_values_are_not_scored(run: Run) -> None:
    rows = [("a", "p", "x", float("nan")), ("a", "p", "y", 1.0), ("a", "p", "z", float("inf"))]
    assert by_method(run_with(run, rows), "m", "t") == {"a": {"y": 1.0}}


def test_groups_put_equal_methods_together(run: Run) -> None:
    rows = [
        (method, identity, identity, value + shift)
        for identity, shift in (("p", 0.0), ("q", 0.1), ("r", 0.2))
        for method, value in (("a", 5.0), ("b", 5.0), ("c", 1.0))
    ]
    assert groups(run_with(run, rows), UP, "t", ("a", "b", "c")) == (("a", "b"), ("c",))
    assert groups(run_with(run, rows), UP, "t", ("a",)) == ()
