"""Batch size, order of clips and number of worker processes change no metric: every one that is registered."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from eap.media import write_video
from eap.synth.clip import ClipSpec, render_clip
from metrics.aggregate import ClipSetFeatures, aggregate
from metrics.evaluators import EvaluatorSet
from metrics.evaluators.bundled import BundledEvaluators
from metrics.features.extract import extract
from metrics.fid import FeatureSet
from metrics.iqa import dynamic, load_quality
from metrics.measure import ClipMeasurement, Setup, measure_clip, set_up
from metrics.protocols import EAT_2023, STRICT, Protocol
from metrics.registry import Need, all_metrics
from metrics.results import ClipReading, ResultTable
from tests.metrics.fakes import FakeEvaluators, Floats, Frames, install_fake_pyiqa, moving_frames, voice

NAMES = [item.spec.name for item in all_metrics()]
JOBS = [(track, f"c{i}") for track in ("neutral", "emotional") for i in range(6)]


class Lively(FakeEvaluators):
    """Faces whose mouth, brows and head follow the colours, enough for every metric to have a number."""

    def read(self, frames: Frames, needs: frozenset[Need]) -> Mapping[Need, Floats]:
        found = dict(super().read(frames, needs))
        if "landmarks" in found:
            red, green, blue = (frames[..., i].mean(axis=(1, 2)).astype(np.float64) / 255 for i in range(3))
            grid = np.stack(np.meshgrid(np.arange(17), np.arange(4)), axis=-1).reshape(68, 2).astype(np.float64) * 5
            points = np.repeat(grid[None], len(frames), axis=0)
            points[:, 48:, 1] += red[:, None] * np.arange(20) % 7
            points[:, 17:27, 1] -= 4 * green[:, None]
            points[..., 0] += 9 * blue[:, None]
            found["landmarks"] = points.astype(np.float32)
        return found


@pytest.fixture(scope="module", autouse=True)
def quality() -> Iterator[None]:
    """pyiqa's metrics are registered too; a stand-in is enough to see that nothing moves them."""
    with pytest.MonkeyPatch.context() as patch:
        install_fake_pyiqa(patch)
        load_quality.cache_clear()
        dynamic.cache_clear()
        yield
    load_quality.cache_clear()
    dynamic.cache_clear()


def _setup(evaluators: EvaluatorSet | None = None, protocol: Protocol = STRICT) -> Setup:
    return set_up(NAMES, protocol, evaluators or Lively(), world="embedded", truth="pseudo")


def _measured(folder: Path, job: tuple[str, str], setup: Setup | None = None) -> ClipMeasurement:
    track, name = job
    reading = ClipReading(
        "m", track, name, f"id{int(name[1:]) % 3}", "happy", 3, "angry" if track == "emotional" else "neutral",
        vote=int(name[1:]) / 10,
    )  # fmt: skip
    truth = folder / "truth.mp4"
    return measure_clip(folder / f"{name}.mp4", truth, reading, setup or _setup(), twin=truth, cache=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six results and a truth, half a second of silence in each voice."""
    root = tmp_path_factory.mktemp("clips")
    for seed, name in enumerate(("c0", "c1", "c2", "c3", "c4", "c5", "truth")):
        audio = voice(30, seed)
        audio[8 * 640 : 20 * 640] = 0
        write_video(root / f"{name}.mp4", moving_frames(30, seed), audio=audio, crf=18)
    return root


def _table(found: list[ClipMeasurement], names: list[str] | None = None) -> ResultTable:
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
    readings = [item.reading for item in found]
    return aggregate(values, readings, _setup().context, metrics=names or NAMES, features=sets)


def _rows(table: ResultTable) -> dict[tuple[str, str], tuple[float, float, float]]:
    return {(v.metric, v.track): (v.value, v.ci_low, v.ci_high) for v in table.values}


def _same(first: ResultTable, second: ResultTable, tolerance: float = 1e-12) -> None:
    """Every registered metric is in both tables, with a number, and none differs."""
    one, other = _rows(first), _rows(second)
    assert one.keys() == other.keys()
    assert {name for name, _ in one} == set(NAMES)
    assert {name for (name, _), (value, *_) in one.items() if math.isfinite(value)} == set(NAMES)
    for key in one:
        assert np.allclose(one[key], other[key], rtol=tolerance, atol=tolerance, equal_nan=True), key


@pytest.fixture(scope="module")
def alone(folder: Path) -> list[ClipMeasurement]:
    """One process, blocks as they are by default, clips in their order."""
    return [_measured(folder, job) for job in JOBS]


@pytest.mark.parametrize("seed", [1, 2])
def test_order_of_clips(alone: list[ClipMeasurement], seed: int) -> None:
    _same(_table(alone), _table([alone[i] for i in np.random.default_rng(seed).permutation(len(alone))]))


@pytest.mark.parametrize("workers", [2, 3])
def test_number_of_workers(folder: Path, alone: list[ClipMeasurement], workers: int) -> None:
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        together = pool.map(partial(_measured, folder), JOBS, chunksize=1)
    _same(_table(alone), _table(together), tolerance=0.0)


def _in_blocks_of(size: int, patch: pytest.MonkeyPatch) -> None:
    """Frames go by in blocks of this size wherever clips are read: features, frame pairs, pyiqa."""
    defaults = extract.__kwdefaults__
    assert defaults is not None
    patch.setitem(defaults, "chunk", size)
    patch.setattr("metrics.features.pair.CHUNK", size)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_batch_size(folder: Path, alone: list[ClipMeasurement], size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _in_blocks_of(size, monkeypatch)
    _same(_table(alone), _table([_measured(folder, job) for job in JOBS]), tolerance=1e-6)


def test_batch_size_of_the_real_evaluators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that is not the truth: one emotion played in another's place, and the neutral twin beside it."""
    for name, emotion in (("c0", "sad"), ("truth", "happy")):
        made = render_clip(ClipSpec(2401, emotion, 3, 201, seconds=0.8), size=64, supersample=1)
        assert made.frames is not None
        write_video(tmp_path / f"{name}.mp4", made.frames, audio=made.audio)
    setup = _setup(BundledEvaluators())
    found = []
    for size in (3, 64):
        _in_blocks_of(size, monkeypatch)
        found.append({v.metric: v.value for v in _measured(tmp_path, ("neutral", "c0"), setup).values})
    assert found[0].keys() == found[1].keys()
    assert sum(map(math.isfinite, found[0].values())) > 25
    for name, value in found[0].items():
        assert np.isclose(value, found[1][name], rtol=1e-4, atol=1e-4, equal_nan=True), name


def test_block_size_under_eat_2023(folder: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for size in (5, 64):
        _in_blocks_of(size, monkeypatch)
        setup = _setup(protocol=EAT_2023)
        found.append({v.metric: v.value for v in _measured(folder, ("neutral", "c0"), setup).values})
    assert {"ssim", "m_lmd", "f_lmd"} <= {name for name, value in found[0].items() if math.isfinite(value)}
    for name, value in found[0].items():
        assert np.isclose(value, found[1][name], rtol=1e-6, atol=1e-6, equal_nan=True), name
