from __future__ import annotations

import math

import pytest

from eap.errors import ConfigError, MeasureError
from tests.user_study.imagined_study import simulation
from user_study.power import (
    TYPICAL,
    Kind,
    Plan,
    Spread,
    half_width,
    power_for_gain,
    raters_for_gain,
    raters_for_width,
    spread_of_pilot,
)

USUAL = Plan("acr", 5, 48, 40, TYPICAL["acr"])


def test_by_hand_only_noise_is_the_two_sample_t_test() -> None:
    """With noise alone a difference has variance 2 s^2 / (R k); many raters and clips make t a normal."""
    plan = Plan("acr", 2, 1000, 20, Spread(0, 0, 0, 0, 1.0))
    se = math.sqrt(2 / (1000 * 10))
    z = 0.05 / se
    expected = 0.5 * math.erfc((1.96 - z) / math.sqrt(2))
    assert power_for_gain(plan, 1000, 0.05) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(("kind", "gain"), [("acr", 0.4), ("emotion", 0.12)])
def test_formula_and_simulation_agree(kind: Kind, gain: float) -> None:
    plan = Plan(kind, 5, 48, 40, TYPICAL[kind], mean=0.5 if kind == "emotion" else 3.0)
    need = raters_for_gain(plan, gain, 0.8, simulate=250, seed=2)
    assert need.reached >= 0.8
    assert need.simulated is not None
    assert need.simulated_se is not None
    assert abs(need.simulated - need.reached) <= 3 * need.simulated_se + 0.02


def test_width_by_formula_and_simulation() -> None:
    need = raters_for_width(USUAL, 0.25, simulate=80)
    assert half_width(USUAL, need.raters) <= 0.25 < half_width(USUAL, need.raters - 1)
    assert need.simulated == pytest.approx(need.reached, rel=0.05)


def test_more_of_anything_is_more_power() -> None:
    base = power_for_gain(USUAL, 20, 0.3)
    assert power_for_gain(USUAL, 40, 0.3) > base
    assert power_for_gain(Plan("acr", 5, 96, 40, TYPICAL["acr"]), 20, 0.3) > base
    assert power_for_gain(Plan("acr", 5, 48, 80, TYPICAL["acr"]), 20, 0.3) > base
    assert power_for_gain(USUAL, 20, 0.4) > base
    assert power_for_gain(USUAL, 20, 3.0) == pytest.approx(1.0)


def test_no_crowd_is_large_enough_for_few_clips_and_it_says_so() -> None:
    with pytest.raises(MeasureError, match="however many raters"):
        raters_for_width(USUAL, 0.02)
    with pytest.raises(MeasureError, match="clips"):
        raters_for_gain(Plan("acr", 2, 3, 6, TYPICAL["acr"]), 0.2)


def test_impossible_plans_are_refused() -> None:
    with pytest.raises(ConfigError, match="only 20 stimuli"):
        Plan("acr", 2, 10, 21, TYPICAL["acr"])
    with pytest.raises(ConfigError):
        Plan("acr", 5, 10, 4, TYPICAL["acr"])
    with pytest.raises(ConfigError):
        raters_for_gain(USUAL, -1.0)
    with pytest.raises(ConfigError):
        raters_for_width(USUAL, 0.0)


def test_a_pilot_tells_its_spreads() -> None:
    tables = simulation(24, "honest=1").tables
    kind, spread, mean = spread_of_pilot(tables, "naturalness")
    assert kind == "acr"
    assert 0.4 < spread.rest < 0.95
    assert spread.rater < 0.7
    assert 2.5 < mean < 4
    assert spread_of_pilot(tables, "emotion")[0] == "emotion"
    with pytest.raises(MeasureError, match="no ratings"):
        spread_of_pilot(tables, "nothing")
