"""Measuring a run's clips again: the same numbers without a change, other numbers with one, lost clips as rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.evidence.gate_damage import Blur, Copy, LoseClips, ShiftAudio, SwapEmotion
from benchmarks.remeasure import ReEncode, remeasure
from benchmarks.runner import RunSettings, run
from eap import media
from eap.errors import ConfigError, DataError
from metrics.rundir import RunFiles
from tests.benchmarks.fakes import FakeParts, micro_suite


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FakeParts]:
    """A finished run of the small world, and its parts."""
    folder = tmp_path_factory.mktemp("micro")
    parts = FakeParts(folder)
    settings = RunSettings(suite=micro_suite(folder), methods=("ground-truth", "eap"), out=folder / "out", workers=1)
    return run(settings, parts=parts).root, parts


def values(root: Path) -> pd.DataFrame:
    return pd.read_parquet(root / "clip_values.parquet")


def test_a_copy_measures_the_same(done: tuple[Path, FakeParts], tmp_path: Path) -> None:
    root, parts = done
    again = remeasure(root, tmp_path / "again", Copy(), parts=parts)
    pd.testing.assert_frame_equal(values(again), values(root))
    assert RunFiles(again).read_info() == RunFiles(root).read_info()


def test_only_the_rows_that_are_named_are_altered(done: tuple[Path, FakeParts], tmp_path: Path) -> None:
    root, parts = done
    lost = RunFiles(root).read_info().clips[0].id
    again = remeasure(root, tmp_path / "again", LoseClips(frozenset({lost})), parts=parts, methods=("eap",))
    failed = [record for record in RunFiles(again).read_journal() if record.status == "failed"]
    assert {(record.method, record.clip) for record in failed} == {("eap", lost)}
    assert "the method gave no file" in failed[0].reason


def test_a_journal_without_settings_is_refused(done: tuple[Path, FakeParts], tmp_path: Path) -> None:
    root, parts = done
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "run.json").write_bytes((root / "run.json").read_bytes())
    with pytest.raises(DataError, match=r"config\.json"):
        remeasure(bare, tmp_path / "again", Copy(), parts=parts)


def test_runs_of_real_data_are_refused(done: tuple[Path, FakeParts], tmp_path: Path) -> None:
    root, parts = done
    files = RunFiles(tmp_path / "data")
    files.write_info(RunFiles(root).read_info().model_copy(update={"data": "/data/MEAD"}))
    with pytest.raises(ConfigError, match="only finished runs of the embedded world"):
        remeasure(files.root, tmp_path / "again", Copy(), parts=parts)


def test_every_alteration_keeps_the_length(done: tuple[Path, FakeParts], tmp_path: Path) -> None:
    from types import SimpleNamespace

    root, _ = done
    source = sorted((root / "media" / "eap" / "neutral").glob("*angry*.mp4"))[0]
    before = media.read_video(source)
    task = SimpleNamespace(clip=SimpleNamespace(id="c", identity=source.name.split("_")[0], emotion="angry"))
    for alter in (ReEncode(), Blur(1.0), ShiftAudio(2), SwapEmotion("angry", "happy"), Copy()):
        alter(task, source, tmp_path / "made.mp4")  # type: ignore[arg-type]
        after = media.read_video(tmp_path / "made.mp4")
        assert after.frames.shape == before.frames.shape
    swapped = sorted(source.parent.glob(f"{task.clip.identity}_*happy*.mp4"))[0]
    SwapEmotion("angry", "happy")(task, source, tmp_path / "made.mp4")  # type: ignore[arg-type]
    assert (tmp_path / "made.mp4").read_bytes() == swapped.read_bytes()
    with pytest.raises(DataError, match="no clip that shows fear"):
        SwapEmotion("angry", "fear")(task, source, tmp_path / "made.mp4")  # type: ignore[arg-type]
