from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from eap.errors import DataError
from metrics.rundir import ClipRecord, JournalValue, MethodInfo
from reports.source import Run, load, role
from tests.reports.fake_run import Recipe, write_run


def test_methods_are_ordered_by_role_and_eap_first(run: Run) -> None:
    names = [m.name for m in run.methods]
    assert names == ["ground-truth", "eap", "ant", "no-neutralization", "no-intensity", "still-image"]
    assert run.named("ablation") == ("no-neutralization", "no-intensity")
    assert run.label("eap") == "EAP"
    assert run.label("unheard-of") == "unheard-of"


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("ground-truth", "ground-truth", "ceiling"),
        ("x", "still", "floor"),
        ("mismatched-audio", "mismatched", "floor"),
        ("no-metric-loss", "model", "ablation"),
        ("wav2lip", "folder", "method"),
    ],
)
def test_roles(name: str, kind: str, expected: str) -> None:
    assert role(MethodInfo(name=name, title=name, kind=kind)) == expected


def test_no_run_directory_is_an_error_with_a_fix(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"run\.json.*eap-bench run"):
        load(tmp_path)


def test_every_missing_table_is_named(tmp_path: Path) -> None:
    root = write_run(tmp_path / "r", Recipe(identities=1, emotions=("happy",)))
    for name in ("values", "clip_values", "frames", "confusion"):
        (root / f"{name}.parquet").unlink()
    (root / "clips.jsonl").unlink()
    found = load(root)
    assert len(found.missing) == 5
    assert found.values.empty
    assert "ci_low" in found.values.columns
    assert len(found.clips) == 1


def test_a_torn_or_damaged_journal_line_loses_only_itself(tmp_path: Path) -> None:
    root = write_run(tmp_path / "r", Recipe(identities=1, emotions=("happy",)))
    journal = root / "clips.jsonl"
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join([lines[0], '{"method": "eap"', *lines[1:], lines[-1][:30]]))
    found = load(root)
    assert len(found.records) == len(lines)
    assert any("2 unreadable line" in line for line in found.missing)


def test_values_per_clip_and_confusion_come_from_the_journal_when_the_run_was_cut(tmp_path: Path) -> None:
    root = write_run(tmp_path / "r", Recipe(identities=1, emotions=("happy", "sad")))
    whole = load(root)
    values = [ClipRecord.model_validate_json(line) for line in (root / "clips.jsonl").read_text().splitlines()]
    numbers = {
        "psnr": JournalValue(value=30.5, signature="psnr|v1"),
        "fid": JournalValue(value=None, reason="no", signature="fid|v1"),
    }
    lines = [r.model_copy(update={"values": numbers}).model_dump_json() + "\n" for r in values]
    (root / "clips.jsonl").write_text("".join(lines))
    (root / "clip_values.parquet").unlink()
    (root / "confusion.parquet").unlink()
    cut = load(root)
    assert len(cut.clip_values) == 2 * len(values)
    assert set(cut.scored) == {("psnr", "neutral"), ("psnr", "emotional")}
    assert any("from the journal" in line for line in cut.missing)
    keys = ["method", "track", "emotion", "judged"]
    found, expected = (r.confusion.sort_values(keys).reset_index(drop=True) for r in (cut, whole))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_damaged_parquet_is_named(tmp_path: Path) -> None:
    root = write_run(tmp_path / "r", Recipe(identities=1, emotions=("happy",)))
    (root / "values.parquet").write_bytes(b"PAR1 not really")
    assert "values.parquet cannot be read" in load(root).missing


def test_worst_frames_are_nothing_that_is_missed(tmp_path: Path) -> None:
    root = write_run(tmp_path / "r", Recipe(identities=1, emotions=("happy",)))
    clip = load(root).clips[0].id
    assert load(root).worst_at["m_lmd", "eap", "neutral"] == {clip: 39 - sum(clip.encode()) % 20}
    (root / "worst_frames.parquet").write_bytes(b"PAR1 not really")
    assert load(root).missing == ("worst_frames.parquet cannot be read",)
    pd.DataFrame({"metric": ["psnr"], "frame": [None]}).to_parquet(root / "worst_frames.parquet")
    assert load(root).worst_at == {}
    (root / "worst_frames.parquet").unlink()
    assert load(root).missing == ()
    assert load(root).worst_at == {}


def test_what_only_results_name_is_shown_too(run_dir: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(run_dir, tmp_path / "r", ignore=shutil.ignore_patterns("media")))
    info = json.loads((root / "run.json").read_text())
    info.update(methods=[], tracks=[], clips=[])
    (root / "run.json").write_text(json.dumps(info))
    found = load(root)
    assert len(found.methods) == 6
    assert set(found.tracks) == {"neutral", "emotional"}
    assert len(found.clips) == 40
    assert found.clips[0].identity
