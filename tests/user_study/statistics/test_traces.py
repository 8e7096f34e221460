from __future__ import annotations

import math

import numpy as np
import pytest

from metrics.intensity import ccc, pcc
from user_study.statistics.traces import Trace, agreement, find_lags, resample

FPS = 25.0


def course(seed: int, frames: int = 100) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, frames)
    waves = [rng.normal(0, 0.3 / k) * np.sin(2 * np.pi * k * t + rng.uniform(0, 6)) for k in (1, 2, 3)]
    return np.asarray(0.6 + sum(waves))


def late(r: np.ndarray, frames: int) -> np.ndarray:
    return np.concatenate([np.full(frames, r[0]), r])[: len(r)]


def panel(lag: int = 15, noise: float = 0.1, raters: int = 8, clips: int = 6, share: float = 1.0) -> list[Trace]:
    found = []
    for i in range(raters):
        rng = np.random.default_rng(1000 + i)
        for j in range(clips):
            r = course(j)
            slider = 0.2 + (0.2 + 0.05 * i) * share * late(r, lag) + rng.normal(0, noise * 0.3, len(r))
            found.append(Trace(f"r{i}", "m", f"c{j}", slider, r, FPS))
    return found


def test_by_hand_a_perfect_late_slider_agrees_fully() -> None:
    found = agreement(panel(lag=10, noise=0.0))
    assert found.lag == pytest.approx(0.4)
    assert found.methods[0].single_pcc.value == pytest.approx(1.0)
    assert found.methods[0].panel_pcc == pytest.approx(1.0)
    assert found.methods[0].single_ccc.value > 0.97


def test_the_lag_is_found_again() -> None:
    lags = np.array(find_lags(panel(lag=15, noise=0.4)))
    assert abs(np.median(lags) - 15) <= 1


def test_without_taking_off_the_lag_agreement_is_worse() -> None:
    traces = panel(lag=18)
    plain = np.mean([pcc(t.slider, t.reference) for t in traces])
    assert agreement(traces).methods[0].single_pcc.value > plain + 0.3


def test_noise_does_not_agree_however_many_lags_are_tried() -> None:
    """A lag chosen on the clip it is scored on would give a clearly positive mean."""
    noise, chosen = [], []
    for t in panel(raters=10, clips=12):
        seed = int(t.rater[1:]) * 100 + int(t.clip[1:])
        slow = np.convolve(np.random.default_rng(seed).normal(size=115), np.ones(16), "valid")
        noise.append(Trace(t.rater, "m", t.clip, slow, t.reference, FPS))
        chosen.append(max(pcc(slow[lag:], t.reference[: 100 - lag]) for lag in range(38)))
    assert np.mean(chosen) > 0.3
    assert abs(agreement(noise).methods[0].single_pcc.value) < 0.12


def test_the_units_of_a_raters_slider_do_not_matter() -> None:
    traces = panel()
    scaled = [Trace(t.rater, t.method, t.clip, 100 * t.slider + 3, t.reference, t.fps) for t in traces]
    one, other = agreement(traces).methods[0], agreement(scaled).methods[0]
    assert (one.single_ccc.value, one.panel_pcc) == pytest.approx((other.single_ccc.value, other.panel_pcc))


def test_ccc_and_pcc_are_the_metrics_own() -> None:
    """One rater per clip and no lag: the panel's mean trace is that trace on the scale of r."""
    r = [course(j) for j in range(4)]
    traces = [Trace("a", "m", f"c{j}", x + np.sin(np.arange(100) / 9) / 9, x, FPS) for j, x in enumerate(r)]
    found = agreement(traces, max_lag=0.0)
    every, slider = np.concatenate(r), np.concatenate([t.slider for t in traces])
    mapped = [every.mean() + (t.slider - slider.mean()) * every.std() / slider.std() for t in traces]
    assert [c.pcc.value for c in found.clips] == pytest.approx([pcc(m, x) for m, x in zip(mapped, r, strict=True)])
    assert [c.ccc.value for c in found.clips] == pytest.approx([ccc(m, x) for m, x in zip(mapped, r, strict=True)])


def test_still_sliders_score_zero_and_still_courses_are_left_out_and_counted() -> None:
    traces = panel(raters=3)
    still = [Trace("z", "m", f"c{j}", np.full(100, 0.5), course(j), FPS) for j in range(6)]
    flat = [Trace("r0", "m", "flat", np.full(100, 0.5), np.full(100, 0.7), FPS)]
    short = [Trace("r0", "m", "short", np.linspace(0, 1, 20), np.linspace(0, 1, 20), FPS)]
    found = agreement([*traces, *still, *flat, *short])
    assert found.methods[0].still == 6
    assert (found.left_out, found.short) == (1, 1)
    assert found.methods[0].single_pcc.value < agreement(traces).methods[0].single_pcc.value


def test_intervals_per_clip_need_three_traces() -> None:
    found = agreement(panel(raters=2))
    assert all("fewer than 3" in c.pcc.note for c in found.clips)
    more = agreement(panel(raters=6))
    assert all(c.pcc.low <= c.pcc.value + 1e-9 and c.pcc.bounded for c in more.clips)
    assert math.isnan(agreement([]).lag)


def test_a_clips_interval_is_drawn_as_often_as_asked() -> None:
    """One draw has no width; many agree with many others."""
    traces = panel(noise=1.0, clips=2)
    once = agreement(traces, resamples=1).clips[0].pcc
    assert once.low == once.high
    many, more = (agreement(traces, resamples=n).clips[0].pcc for n in (400, 800))
    assert many.high > many.low
    assert (more.low, more.high) == pytest.approx((many.low, many.high), abs=0.03)


def test_a_slider_stays_where_it_was_left() -> None:
    found = resample(np.array([1.0, 0.0, 2.0]), np.array([0.5, 0.1, 0.9]), np.array([-1.0, 0.0, 0.99, 1.0, 5.0]))
    np.testing.assert_array_equal(found, [0.1, 0.1, 0.1, 0.5, 0.9])
