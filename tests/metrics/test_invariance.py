"""Batch size, order of clips and number of worker processes change no metric."""

from __future__ import annotations

import multiprocessing
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from eap.synth.clip import ClipSpec, render_clip
from metrics.aggregate import ClipSetFeatures, aggregate
from metrics.evaluators.bundled import BundledEvaluators
from metrics.features.extract import extract
from metrics.fid import FeatureSet
from metrics.measure import ClipMeasurement, Setup, clip_values, gather, measure_clip, set_up
from metrics.protocols import STRICT
from metrics.registry import all_metrics
from metrics.results import ClipReading, ResultTable
from tests.metrics.fakes import FakeEvaluators, make_clip

NAMES = [item.spec.name for item in all_metrics() if "quality" not in item.spec.needs]
"""Every metric that needs no extra package."""


def _setup() -> Setup:
    return set_up(NAMES, STRICT, FakeEvaluators(), world="embedded", truth="pseudo")


def _measured(folder: Path, job: tuple[str, str]) -> ClipMeasurement:
    track, name = job
    reading = ClipReading(
        "m", track, name, f"id{int(name[1:]) % 3}", "happy", 3, "angry" if track == "emotional" else "neutral",
        vote=int(name[1:]) / 10,
    )  # fmt: skip
    path = folder / f"{name}.mp4"
    return measure_clip(path, folder / "truth.mp4", reading, _setup(), twin=folder / "truth.mp4", cache=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clips")
    make_clip(root / "truth.mp4", seed=9)
    for i in range(6):
        make_clip(root / f"c{i}.mp4", seed=i)
    return root


JOBS = [(track, f"c{i}") for track in ("neutral", "emotional") for i in range(6)]


def _table(found: list[ClipMeasurement]) -> ResultTable:
    sides: dict[tuple[str, str], list[ClipMeasurement]] = {}
    for item in found:
        sides.setdefault((item.reading.method, item.reading.track), []).append(item)

    def features(items: list[ClipMeasurement]) -> FeatureSet:
        arrays = [item.features.need("features") for item in items if item.features is not None]
        return FeatureSet(tuple(arrays), tuple(item.reading.identity for item in items))

    reference = found[0].reference
    assert reference is not None
    truth = FeatureSet((reference.need("features"),) * 3, ("id0", "id1", "id2"))
    sets = ClipSetFeatures({cell: features(items) for cell, items in sides.items()}, truth)
    values = [value for item in found for value in item.values]
    return aggregate(values, [item.reading for item in found], _setup().context, metrics=NAMES, features=sets)


def _rows(table: ResultTable) -> dict[tuple[str, str], tuple[float, float, float]]:
    return {(v.metric, v.track): (v.value, v.ci_low, v.ci_high) for v in table.values}


def _same(first: ResultTable, second: ResultTable, tolerance: float = 1e-12) -> None:
    one, other = _rows(first), _rows(second)
    assert one.keys() == other.keys()
    assert {name for name, _ in one} == set(NAMES)
    for key in one:
        assert np.allclose(one[key], other[key], rtol=tolerance, atol=tolerance, equal_nan=True), key


def test_order_of_clips(folder: Path) -> None:
    found = [_measured(folder, job) for job in JOBS]
    shuffled = [found[i] for i in np.random.default_rng(1).permutation(len(found))]
    _same(_table(found), _table(shuffled))


def test_number_of_workers(folder: Path) -> None:
    alone = [_measured(folder, job) for job in JOBS]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        together = pool.map(partial(_measured, folder), JOBS, chunksize=1)
    _same(_table(alone), _table(together), tolerance=0.0)


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_batch_size(folder: Path, chunk: int) -> None:
    setup = _setup()
    reading = ClipReading("m", "neutral", "c1", "id1", "happy", 3)

    def values(size: int) -> list[float]:
        ours, theirs = (
            extract(folder / name, setup.evaluators, setup.needs, cache=False, chunk=size)
            for name in ("c1.mp4", "truth.mp4")
        )
        found = clip_values(gather(ours, theirs, None, reading, setup, twin=theirs), reading, setup)
        return [value.value for value in found if value.metric not in ("psnr", "ssim")]

    assert np.allclose(values(chunk), values(16), rtol=1e-5, atol=1e-6, equal_nan=True)


def test_batch_size_of_the_real_evaluators(tmp_path: Path) -> None:
    from eap.media import write_video

    made = render_clip(ClipSpec(2401, "happy", 3, 201, seconds=0.5), size=64, supersample=1)
    assert made.frames is not None
    write_video(tmp_path / "a.mp4", made.frames, audio=made.audio)
    setup = set_up(NAMES, STRICT, BundledEvaluators(), world="embedded", truth="pseudo")
    reading = ClipReading("m", "neutral", "a", "id1", "happy", 3)
    found = []
    for chunk in (3, 64):
        clip = extract(tmp_path / "a.mp4", setup.evaluators, setup.needs, cache=False, chunk=chunk)
        found.append([v.value for v in clip_values(gather(clip, clip, None, reading, setup), reading, setup)])
    assert np.allclose(found[0], found[1], rtol=1e-4, atol=1e-4, equal_nan=True)
