from __future__ import annotations

import numpy as np
import pytest

from metrics.registry import get_metric
from metrics.validity.damages import STRENGTHS, WEAKENINGS, Damage, get_damage
from metrics.validity.judge import assembled, cell, matrix, smallest_seen, tau
from metrics.validity.results import Cell
from metrics.validity.trial import BASE, REFERENCE, ClipTrial, Found, labels, residue, strength

BLUR = get_damage("blur")


def found(values: dict[str, float], judged: str = "happy", intensity: float = 0.5, seed: int = 0) -> Found:
    features = np.random.default_rng(seed).normal(0, 1, (6, 3)).astype(np.float32)
    return Found(values, {}, judged, intensity, features)


def trials(
    damage: Damage, course: list[float], metric: str = "psnr", n: int = 12, noise: float = 0.1
) -> list[ClipTrial]:
    """Clips of 6 people whose metric follows a course over the grades, each with an offset of its own."""
    rng = np.random.default_rng(5)
    made = []
    for i in range(n):
        offset = float(rng.normal(0, 2))
        values = {BASE: found({metric: 30 + offset}, seed=i)}
        for grade, change in zip(damage.grades, course, strict=True):
            value = 30 + offset + change + float(rng.normal(0, noise))
            values[f"{damage.name}@{grade:g}"] = found({metric: value}, seed=i)
        made.append(ClipTrial(f"c{i}", f"id{i % 6}", "happy", "sad", 3, 0.1 * i, values))
    return made


def _cell(metric: str, damage: Damage, made: list[ClipTrial]) -> Cell:
    result = cell(get_metric(metric), damage, made)
    assert result is not None
    return result


def test_a_metric_that_falls_at_every_step_holds() -> None:
    result = _cell("psnr", BLUR, trials(BLUR, [-1, -2, -3, -4, -5, -6]))
    assert (result.declared, result.tau, result.seen, result.holds) == (True, 1.0, 0.5, True)
    assert result.changes[0] == 0
    assert result.changes[-1] == pytest.approx(-6, abs=0.2)
    assert result.lows[-1] < -6 < result.highs[-1] or abs(result.changes[-1] + 6) < 0.2


def test_small_damage_that_is_not_seen_and_damage_in_the_wrong_direction() -> None:
    quiet = _cell("psnr", BLUR, trials(BLUR, [0, 0, 0, -3, -4, -5], noise=0.5))
    assert quiet.seen == 1.5
    wrong = _cell("psnr", BLUR, trials(BLUR, [1, 2, 3, 4, 5, 6]))
    assert (wrong.tau, wrong.holds) == (-1.0, False)
    assert matrix([get_metric("psnr")], [BLUR], trials(BLUR, [1, 2, 3, 4, 5, 6]))[0].effect == pytest.approx(-1.0)


def test_a_change_that_one_clip_shares_less_is_seen() -> None:
    """Seven people's clips lose 5 to 6, one's 1: Student's t by hand; bootstrap-t is thrice as wide."""
    changes = np.array([-5, -5.2, -5.4, -5.6, -5.8, -6, -5.5, -1.0])
    made = [
        ClipTrial(f"c{i}", f"id{i}", "happy", "sad", 3, 0.1, {
            BASE: found({"psnr": 30.0}),
            **{f"blur@{grade:g}": found({"psnr": 30 + change * (k + 1) / 6}) for k, grade in enumerate(BLUR.grades)},
        })
        for i, change in enumerate(changes)
    ]  # fmt: skip
    result = _cell("psnr", BLUR, made)
    half = 2.3646243 * changes.std(ddof=1) / np.sqrt(8)  # t of 7 degrees
    assert [result.lows[-1], result.highs[-1]] == pytest.approx([changes.mean() - half, changes.mean() + half])
    assert result.seen == 0.5


def test_smallest_seen_needs_every_larger_grade() -> None:
    seen, not_seen = (-1.0, -2.0, -0.5), (-1.0, -2.0, 0.5)
    nothing = (0.0, 0.0, 0.0)
    assert smallest_seen((0, 1, 2, 3), (nothing, seen, not_seen, seen)) == 3
    assert smallest_seen((0, 1, 2), (nothing, seen, seen)) == 1
    assert smallest_seen((0, 1, 2), (nothing, seen, not_seen)) is None


def test_tau_by_hand() -> None:
    spec = get_metric("psnr").spec
    # 6 pairs, one of them the wrong way round: (5 - 1) / 6
    assert tau(spec, (0, 1, 2, 3), (9.0, 8.0, 8.5, 7.0)) == pytest.approx(4 / 6)
    assert tau(spec, (0, 1, 2), (9.0, 9.0, 9.0)) == 0.0
    ratio = get_metric("saturation_index").spec
    assert tau(ratio, (0, 1, 2), (1.0, 0.6, 0.2)) == 1.0


def test_shares_are_nested_and_exact() -> None:
    damage = get_damage("emotion_swap")
    made = [
        ClipTrial(f"c{i}", f"id{i % 6}", "happy", "sad", 3, 0.5,
                  {BASE: found({}), "other-emotion": found({}, judged="sad")})
        for i in range(16)
    ]  # fmt: skip
    before: set[str] = set()
    for grade in damage.grades:
        swapped = {trial.clip_id for trial, row in assembled(made, damage, grade) if row.judged_emotion == "sad"}
        assert len(swapped) == round(16 * grade)
        assert before <= swapped
        before = swapped


def test_mixed_up_clips_turn_the_ranking_round() -> None:
    damage, metric = get_damage("intensity_mixed"), get_metric("votes_pcc")
    made = [
        ClipTrial(f"c{i}", f"id{i % 4}", "happy", "sad", 3, 0.8, {
            strength(weakening): found({}, intensity=0.9 * (1 - weakening) + 0.1) for weakening in STRENGTHS
        })
        for i in range(20)
    ]  # fmt: skip
    clean, whole = assembled(made, damage, 0.0), assembled(made, damage, 1.0)
    votes = [trial.vote for trial, _ in clean]
    assert votes[:6] == pytest.approx([0.8, 0.64, 0.48, 0.32, 0.16, 0.8])
    assert [trial.vote for trial, _ in whole] == votes
    # The strongest is as intense as the weakest now, and the one in the middle stays.
    assert [f.judged_intensity for _, f in clean[:5]] == pytest.approx([1.0, 0.82, 0.64, 0.46, 0.28])
    assert [f.judged_intensity for _, f in whole[:5]] == pytest.approx([0.28, 0.46, 0.64, 0.82, 1.0])
    result = _cell("votes_pcc", damage, made)
    assert [result.values[0], result.values[-1]] == pytest.approx([1.0, -1.0])
    assert result.holds
    assert metric.spec.sees == ("intensity_mixed",)
    assert cell(get_metric("psnr"), damage, made) is None
    assert labels([damage]) == [BASE, *(f"intensity_weaken@{weakening}" for weakening in (0.2, 0.4, 0.6, 0.8))]
    assert set(STRENGTHS) <= {0.0, *WEAKENINGS}


def test_reversal_is_by_whole_clips() -> None:
    """A course that is reversed by a part is flattened first, and a correlation is blind to that."""
    damage = get_damage("intensity_reverse")
    assert damage.kind == "share"
    assert labels([damage]) == [BASE, "intensity_reverse@1"]


def test_residues_mirror_weakenings() -> None:
    assert residue(1.0) == BASE
    assert residue(0.1) == "intensity_weaken@0.9"
    needed = set(labels([get_damage("emotion_residue")]))
    assert needed == set(labels([get_damage("intensity_weaken")]))


def test_leakage_and_fid_over_clips() -> None:
    damage = get_damage("emotion_swap")
    made = [
        ClipTrial(f"c{i}", f"id{i % 6}", "happy", "sad", 3, 0.5,
                  {BASE: found({}, seed=i), "other-emotion": found({}, judged="sad", seed=i + 100),
                   REFERENCE: found({}, seed=i)})
        for i in range(16)
    ]  # fmt: skip
    leak = _cell("reference_leakage", damage, made)
    assert leak.values == pytest.approx((0.0, *(round(16 * grade) / 16 for grade in damage.grades)))
    assert leak.tau == 1.0
    distance = _cell("fid", damage, made)
    assert distance.values[0] == pytest.approx(0.0, abs=1e-9)
    assert distance.values[-1] > 0
    assert cell(get_metric("neutral_residual"), damage, made) is None
