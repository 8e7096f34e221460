from __future__ import annotations

import numpy as np
import pytest

from tests.user_study.statistics.golden import GOLDEN
from user_study.statistics.crossed import Codes
from user_study.statistics.dawid_skene import dawid_skene, majority_credit, majority_shares


def table() -> tuple[Codes, Codes, Codes]:
    said = np.array(GOLDEN["labels"])
    rater, clip = np.indices(said.shape).reshape(2, -1)
    return rater.astype(np.int64), clip.astype(np.int64), said.ravel().astype(np.int64)


def test_equals_crowd_kit() -> None:
    """crowd-kit 1.4.2; see make_golden.py."""
    found = dawid_skene(*table(), 3, shrink=0.0)
    np.testing.assert_allclose(found.belief, GOLDEN["belief"], atol=1e-4)


def test_by_hand_three_raters_who_agree() -> None:
    rater, clip = np.repeat(np.arange(3), 2), np.tile(np.arange(2), 3)
    found = dawid_skene(rater, clip, clip, 2)
    np.testing.assert_allclose(found.belief, np.eye(2), atol=0.02)
    np.testing.assert_allclose(found.prior, 0.5, atol=1e-6)


def test_the_names_of_raters_and_of_classes_do_not_matter() -> None:
    rater, clip, said = table()
    found = dawid_skene(rater, clip, said, 3)
    mixed = dawid_skene(5 - rater, clip, (said + 1) % 3, 3)
    np.testing.assert_allclose(np.roll(found.belief, 1, axis=1), mixed.belief, atol=1e-6)
    np.testing.assert_allclose(found.skill, mixed.skill[::-1], atol=1e-6)


def muddled(seed: int) -> tuple[Codes, Codes, Codes, Codes]:
    """20 raters, 96 clips of 8 emotions, 24 answers each; 4 click anything, 3 swap two emotions."""
    rng = np.random.default_rng(seed)
    truth = np.tile(np.arange(8), 12)
    order = np.concatenate([rng.permutation(96) for _ in range(5)])
    rater = np.repeat(np.arange(20), 24)
    shown = truth[order]
    said = np.where(rng.random(480) < 0.65, shown, rng.integers(0, 9, 480))
    swap = (rater >= 4) & (rater < 7) & (rng.random(480) < 0.8)
    said = np.where(swap & (shown == 3), 7, np.where(swap & (shown == 7), 3, said))
    said = np.where(rater < 4, rng.integers(0, 9, 480), said)
    return rater, order, said, truth


def test_at_least_as_right_as_the_majority_when_some_click_and_some_are_blind() -> None:
    skene, majority = [], []
    for seed in range(8):
        rater, clip, said, truth = muddled(seed)
        skene.append(np.mean(dawid_skene(rater, clip, said, 8, 9).label == truth))
        majority.append(majority_credit(majority_shares(clip, said, 8, 96), truth).mean())
    assert np.mean(skene) >= np.mean(majority) + 0.01


def test_unsure_is_no_class_and_ties_are_shared() -> None:
    shares = majority_shares(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 2, 0, 2]), 2)
    np.testing.assert_allclose(shares, [[0.5, 0.5], [1.0, 0.0], [0.5, 0.5]])
    np.testing.assert_allclose(majority_credit(shares, np.array([0, 0, 1])), [0.5, 1.0, 0.5])


def test_refuses_codes_without_a_name() -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        dawid_skene(np.array([0]), np.array([0]), np.array([2]), 2)
    with pytest.raises(ValueError, match="nobody"):
        dawid_skene(np.array([], int), np.array([], int), np.array([], int), 2)
