from __future__ import annotations

from dataclasses import replace

import numpy as np

from reports.series import Series
from reports.source import Run
from tests.reports.fake_run import true_intensity


def test_truth_is_found_on_both_tracks(run: Run) -> None:
    series = Series(run)
    clip = run.clips[3].id
    for track in run.tracks:
        truth = series.truth(track, clip)
        assert truth is not None
        np.testing.assert_allclose(truth, true_intensity(40, 3))
    assert series.exact


def test_frames_that_are_missing_are_nan(run: Run) -> None:
    clip = run.clips[0].id
    frames = run.frames
    lost = (frames["clip"] == clip) & (frames["method"] == "eap") & (frames["frame"] == 5)
    values = Series(replace(run, frames=frames[~lost])).intensity("eap", "neutral", clip)
    assert values is not None
    assert len(values) == 40
    assert np.flatnonzero(np.isnan(values)).tolist() == [5]


def test_without_exact_truth_the_ground_truth_row_stands_in(run: Run) -> None:
    series = Series(replace(run, frames=run.frames[~run.frames["series"].str.endswith("_true")]))
    clip = run.clips[0].id
    assert not series.exact
    truth, own = series.truth("neutral", clip), series.intensity("ground-truth", "neutral", clip)
    assert truth is not None
    assert own is not None
    np.testing.assert_array_equal(truth, own)


def test_telling_clips_move_most_one_per_emotion(run: Run) -> None:
    clips = Series(run).telling_clips("neutral", 4)
    emotions = [run.clip_info[c].emotion for c in clips]
    assert len(clips) == len(set(emotions)) == 4
    order = {c.id: i for i, c in enumerate(run.clips)}
    moves = [float(np.std(true_intensity(40, order[c]))) for c in clips]
    assert moves == sorted(moves, reverse=True)
    assert moves[0] == max(float(np.std(true_intensity(40, i))) for i in range(40))
