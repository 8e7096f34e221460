"""People: determined by number, spread evenly."""

from collections import Counter

import numpy as np
import pytest

from eap.synth.identity import HAIR_STYLES, sample_identity

CROWD = [sample_identity(i) for i in range(300)]


def test_a_number_is_a_person() -> None:
    assert sample_identity(7) == sample_identity(7)
    assert sample_identity(7) != sample_identity(8)


def test_negative_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="start at 0"):
        sample_identity(-3)


def test_sexes_are_balanced_in_any_run_of_numbers() -> None:
    for start in (0, 100, 200):
        assert 20 <= sum(p.female for p in CROWD[start : start + 50]) <= 30


def test_skin_tones_are_spread_evenly() -> None:
    bright = np.sort([sum(p.skin.tone) / 3 for p in CROWD[:60]])
    assert bright[0] < 0.32
    assert bright[-1] > 0.75
    assert np.diff(bright).max() < 0.06


def test_hair_styles_and_glasses_occur() -> None:
    styles = Counter(p.hair.style for p in CROWD)
    assert set(styles) == set(HAIR_STYLES)
    assert max(styles.values()) < 0.25 * len(CROWD)
    assert 0.08 < sum(p.glasses > 0 for p in CROWD) / len(CROWD) < 0.24


def test_both_sexes_share_styles() -> None:
    by_sex = [{p.hair.style for p in CROWD if p.female is sex} for sex in (True, False)]
    assert len(by_sex[0] & by_sex[1]) >= 6


def test_no_women_with_beards() -> None:
    assert not any(p.skin.beard or p.skin.stubble for p in CROWD if p.female)
