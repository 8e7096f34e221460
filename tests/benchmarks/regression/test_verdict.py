"""The exit-code matrix: every state, gated or not, waived or not, alone and together."""

from __future__ import annotations

import itertools
import math
from datetime import date

import pytest

from benchmarks.regression.compare import decide
from benchmarks.regression.verdict import Comparison, Problem, State, Waiver, judge

WAIVER = Waiver("psnr", None, None, "known", date(2030, 1, 1))
PROBLEM = Problem(State.NOT_COMPARABLE, "the run is of another suite", "run that suite")


def item(state: State, *, gated: bool = True, waived: bool = False) -> Comparison:
    return Comparison("psnr", "eap", "neutral", state, gated, 1.0, 2.0, waiver=WAIVER if waived else None)


MATRIX = {
    State.REGRESSED: 1,
    State.IMPROVED: 0,
    State.UNCHANGED: 0,
    State.INCONCLUSIVE: 0,
    State.NOT_COMPARABLE: 3,
    State.MISSING: 3,
}


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_code(state: State) -> None:
    outcome = judge([item(state), item(State.UNCHANGED)])
    assert outcome.code == MATRIX[state]
    assert outcome.passed == (outcome.code == 0)
    assert state.value in outcome.line


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(("gated", "waived"), [(False, False), (True, True)])
def test_informational_and_waived_never_fail(state: State, gated: bool, waived: bool) -> None:
    assert judge([item(state, gated=gated, waived=waived), item(State.UNCHANGED)]).code == 0


@pytest.mark.parametrize("state", State)
def test_strict_fails_inconclusive_and_only_it(state: State) -> None:
    expected = 3 if state is State.INCONCLUSIVE else MATRIX[state]
    assert judge([item(state), item(State.UNCHANGED)], strict=True).code == expected


@pytest.mark.parametrize(("first", "second"), [*itertools.product(State, State)])
@pytest.mark.parametrize("strict", [False, True])
def test_together_regressed_wins_then_unmeasured_then_ok(first: State, second: State, strict: bool) -> None:
    codes = {MATRIX[first], MATRIX[second]}
    if strict and State.INCONCLUSIVE in (first, second):
        codes.add(3)
    expected = 1 if 1 in codes else 3 if 3 in codes else 0
    assert judge([item(first), item(second)], strict=strict).code == expected
    assert judge([item(second), item(first)], strict=strict).code == expected


NUMBERS = [
    # worse, low, high, with a floor of 1 -> exit code, and the same with --strict
    ((2.0, 0.5, 3.5), 1, 1),
    ((2.0, -0.5, 4.5), 0, 3),  # large, but people disagree
    ((0.9, 0.5, 1.3), 0, 3),  # real, and perhaps beyond the floor
    ((0.9, 0.5, 0.99), 0, 0),  # real, and below it
    ((0.0, 0.0, 0.0), 0, 0),
    ((0.01, -0.02, 0.04), 0, 0),
    ((-2.0, -3.5, -0.5), 0, 0),
    ((-2.0, -4.5, 0.5), 0, 3),
    ((0.5, math.nan, math.nan), 0, 3),
]


@pytest.mark.parametrize(("numbers", "code", "strict"), NUMBERS)
def test_numbers_to_exit_code(numbers: tuple[float, float, float], code: int, strict: int) -> None:
    judged = item(decide(*numbers, floor=1.0))
    assert judge([judged]).code == code
    assert judge([judged], strict=True).code == strict


@pytest.mark.parametrize("state", State)
def test_a_problem_is_never_ok(state: State) -> None:
    assert judge([item(state)], [PROBLEM]).code == (1 if state is State.REGRESSED else 3)


def test_a_problem_gives_the_line() -> None:
    assert judge([], [PROBLEM]).line == "not comparable: the run is of another suite"


def test_nothing_to_judge_is_not_ok() -> None:
    assert judge([]).code == 3
    assert judge([item(State.UNCHANGED, gated=False)]).code == 3


def test_all_waived_is_ok_and_says_so() -> None:
    outcome = judge([item(State.REGRESSED, waived=True)])
    assert (outcome.code, outcome.line) == (0, "ok: 1 waived")


def test_the_line_counts_and_names() -> None:
    outcome = judge([item(State.REGRESSED), item(State.UNCHANGED), item(State.MISSING, gated=False)])
    assert outcome.line == "regressed: 1 of 2 comparisons (psnr of eap/neutral)"
    assert judge([item(State.IMPROVED), item(State.UNCHANGED)]).line == "ok: 1 improved, 1 unchanged"
    long = judge([item(State.REGRESSED) for _ in range(50)]).line
    assert len(long) < 220
    assert long.endswith("...)")


def test_a_waiver_covers_what_it_names() -> None:
    assert WAIVER.covers(("psnr", "eap", "neutral"))
    assert not WAIVER.covers(("ssim", "eap", "neutral"))
    narrow = Waiver("psnr", "eap", "emotional", "known", date(2030, 1, 1))
    assert not narrow.covers(("psnr", "eap", "neutral"))
    assert narrow.covers(("psnr", "eap", "emotional"))
    assert str(narrow) == "psnr of eap/emotional until 2030-01-01: known"
