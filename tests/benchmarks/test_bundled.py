"""The real joints of a run with untrained networks: world, models, evaluators, metrics, tables, report."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from benchmarks.bundled import BundledParts
from benchmarks.executors import LocalExecutor
from benchmarks.runner import RunOutcome, RunSettings, run
from eap import media
from eap.errors import WeightsError
from eap.files import cache_dir
from metrics.psnr import frame_psnr
from tests.benchmarks.small_bundle import pixels, write_bundle

SUITE = """
name = "tiny"
title = "Tiny"
summary = "For tests."
size = 96
seconds = 0.4
identities = 1
emotions = ["angry", "happy"]
methods = ["ground-truth", "eap", "still-image", "mismatched-audio"]
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def outcome(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EAP_CACHE", str(folder / "cache"))
        patch.setattr("benchmarks.runner.code_version", lambda: "the code")
        return run(settings_in(folder), parts=BundledParts(bundle))


@pytest.fixture(autouse=True)
def _cache_of_the_run(outcome: RunOutcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EAP_CACHE", str(outcome.root.parent / "cache"))
    monkeypatch.setattr("benchmarks.runner.code_version", lambda: "the code")


def settings_in(folder: Path) -> RunSettings:
    (folder / "tiny.toml").write_text(SUITE)
    return RunSettings(suite=str(folder / "tiny.toml"), out=folder / "out", workers=1)


def frame(outcome: RunOutcome, name: str) -> pd.DataFrame:
    return pd.read_parquet(outcome.root / f"{name}.parquet")


def test_every_clip_is_made_and_measured(outcome: RunOutcome) -> None:
    assert [record.reason for record in outcome.failed] == []
    assert len(outcome.records) == 2 * 4 * 2
    for record in outcome.records:
        info = media.probe(outcome.root / record.media)
        assert (info.width, info.height, info.n_frames) == (96, 96, 10)
        assert info.has_audio


def test_the_ceiling_is_above_the_still_image(outcome: RunOutcome) -> None:
    for track in ("neutral", "emotional"):
        ceiling = outcome.table.value("psnr", "ground-truth", track)
        assert ceiling.value > 35
        assert ceiling.value > outcome.table.value("psnr", "still-image", track).value
        assert outcome.table.value("fid", "ground-truth", track).value >= 0


def test_only_meaningful_cells_are_in_the_table(outcome: RunOutcome) -> None:
    cells = {(value.metric, value.method, value.track) for value in outcome.table.values}
    assert {metric for metric, method, _ in cells if method == "mismatched-audio"} == {"lse_c", "lse_d", "av_offset"}
    leakage = {(method, track) for metric, method, track in cells if metric == "reference_leakage"}
    assert leakage == {("eap", "emotional"), ("still-image", "emotional")}


def test_truth_stands_beside_the_measured_intensity(outcome: RunOutcome) -> None:
    series = frame(outcome, "frames")
    assert {"intensity", "intensity_true"} <= set(series["series"])
    assert len(series[(series["method"] == "eap") & (series["series"] == "intensity_true")]) == 2 * 2 * 10
    assert "truth:exact" in str(outcome.table.value("intensity_pcc", "eap", "neutral").signature)


def test_the_worst_frames_are_those_of_the_files(outcome: RunOutcome) -> None:
    table = frame(outcome, "worst_frames")
    record = next(r for r in outcome.records if r.method == "still-image" and r.track == "emotional")
    truth = next(cache_dir().rglob(f"video/front/{record.emotion}/level_{record.level}/*.mp4"))
    pairs = zip(media.read_video(truth).frames, media.read_video(outcome.root / record.media).frames, strict=True)
    worst = min((frame_psnr(a, b), i) for i, (a, b) in enumerate(pairs))
    mine = (table["method"] == record.method) & (table["track"] == record.track) & (table["clip"] == record.clip)
    row = table[mine & (table["metric"] == "psnr")]
    assert (row["value"].item(), row["frame"].item()) == worst
    assert set(table[mine]["metric"]) >= {"psnr", "ssim", "emotion_probability"}
    assert set(table[table["method"] == "mismatched-audio"]["metric"]) <= {"lse_d"}


def test_the_reference_of_the_emotional_track_has_another_emotion(outcome: RunOutcome) -> None:
    shown = {(r.emotion, r.track): r.reference_emotion for r in outcome.records if r.method == "eap"}
    assert shown == {
        ("angry", "neutral"): "neutral",
        ("happy", "neutral"): "neutral",
        ("angry", "emotional"): "happy",
        ("happy", "emotional"): "angry",
    }


def test_the_report_is_there(outcome: RunOutcome) -> None:
    assert outcome.report is not None
    assert "EAP" in outcome.report.read_text()


def test_served_from_the_directory_with_the_same_numbers(outcome: RunOutcome, bundle: Path) -> None:
    again = run(settings_in(outcome.root.parent), parts=BundledParts(bundle))
    assert again.from_cache
    before = {(v.metric, v.method, v.track): v.value for v in outcome.table.values}
    after = {(v.metric, v.method, v.track): v.value for v in again.table.values}
    assert before.keys() == after.keys()
    assert all(after[k] == before[k] or (math.isnan(after[k]) and math.isnan(before[k])) for k in before)


def test_tables_do_not_depend_on_the_feature_cache(outcome: RunOutcome, bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(outcome.root, copy / "out")
    (copy / "out" / "values.parquet").unlink()
    for kind in ("features", "pairs"):
        shutil.rmtree(cache_dir() / kind)
    again = run(settings_in(copy), parts=BundledParts(bundle))
    assert not again.from_cache
    for name in ("values", "clip_values", "frames", "confusion", "worst_frames"):
        pd.testing.assert_frame_equal(frame(again, name), frame(outcome, name))


def test_a_folder_of_data_with_broken_files(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of another size are copied at the suite's; what cannot be used is a row with its reason."""
    from eap.synth.clip import ClipSpec
    from eap.synth.dataset import write_world

    monkeypatch.setenv("EAP_CACHE", str(tmp_path / "cache"))
    cells = [("angry", 3, 200), ("happy", 3, 201), ("sad", 3, 202), ("neutral", 1, 204)]
    specs = [ClipSpec(2000, emotion, level, number, seconds=0.32) for emotion, level, number in cells]
    clips = {clip.emotion: clip for clip in write_world(tmp_path / "data", specs, size=64, twin=False).clips}
    clips["happy"].video.write_bytes(b"")
    clips["sad"].video.write_text("no video")
    asked = RunSettings(suite="smoke", data=tmp_path / "data", methods=("ground-truth", "still-image"), workers=1)
    outcome = run(asked, parts=BundledParts(bundle))
    reasons = {(r.method, r.track, r.emotion): r.reason for r in outcome.records}
    assert reasons["ground-truth", "neutral", "angry"] == ""
    assert "201.mp4: empty (0 bytes)" in reasons["ground-truth", "neutral", "happy"]
    assert "202.mp4" in reasons["still-image", "neutral", "sad"]
    assert "202.mp4" in reasons["still-image", "emotional", "angry"]  # its reference image lies in the broken file
    assert reasons["still-image", "neutral", "neutral"].endswith(
        "no other neutral clip to take the reference image from"
    )
    assert reasons["still-image", "neutral", "angry"] == ""
    value = outcome.table.value("psnr", "ground-truth", "neutral")
    assert (value.n_scored, value.n_expected) == (2, 4)
    assert outcome.info.world == "embedded"
    good = next(record for record in outcome.records if record.method == "ground-truth" and record.status == "ok")
    assert media.probe(outcome.root / good.media).width == 96
    assert (outcome.root / "media" / "truth" / f"{good.clip}.mp4").is_file()


def test_weights_of_another_version_end_the_run_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from eap.bundle.store import WeightsMeta, load_weights, save_weights
    from eap.model import ModelConfig

    write_bundle(tmp_path / "bundle")
    state = load_weights("eap", tmp_path / "bundle")
    state.pop(next(name for name in state if name.startswith("G.")))
    config = {"model": ModelConfig().to_dict(), "emotional": True}
    save_weights("eap", state, WeightsMeta("model", "Talker", 50, config=config), folder=tmp_path / "bundle")
    asked = replace(settings_in(tmp_path), methods=("eap",))
    with pytest.raises(WeightsError, match="'eap' do not fit the model of this version") as caught:
        run(asked, parts=BundledParts(tmp_path / "bundle"))
    assert "\n" not in str(caught.value)


def test_a_worker_draws_the_pixels_of_a_single_process(bundle: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)  # other sums, other roundings, unless the run sees to it
    try:
        here = pixels(bundle)
    finally:
        torch.set_num_threads(before)
    assert [outcome.result for outcome in LocalExecutor(1).map(pixels, [bundle])] == [here]
