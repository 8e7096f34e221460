"""``eap-bench data verify`` on the layouts, with tiny stand-in files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.cli.data_verify import LAYOUTS, reader
from tests.benchmarks.calling import Call


def crema(root: Path) -> Path:
    (root / "VideoFlash").mkdir(parents=True)
    (root / "AudioWAV").mkdir()
    for name in ("1001_DFA_ANG_XX", "1076_MTI_NEU_XX"):
        (root / "VideoFlash" / f"{name}.flv").write_bytes(b"x")
        (root / "AudioWAV" / f"{name}.wav").write_bytes(b"x")
    (root / "processedResults").mkdir()
    (root / "processedResults/summaryTable.csv").write_text(
        ",FileName,VoiceVote,VoiceLevel,FaceVote,FaceLevel,MultiModalVote,MultiModalLevel\n"
        "1,1001_DFA_ANG_XX,A,51.5,A,66,A,66.5\n"
    )
    return root


def test_what_a_rule_leaves_out_is_listed_and_no_fault(call: Call, tmp_path: Path) -> None:
    root = crema(tmp_path / "Crema é D")
    said = call("data", "verify", root, "--layout", "crema-d")
    assert said.code == 0
    assert "1076_MTI_NEU_XX.flv  one of the four clips that CREMA-D's README names as bad" in said.out
    assert "1 of 1 clips have votes of people" in said.out
    assert said.out.endswith("1 clips of 1 identities, 0 unusable, 1 left out by rule\n")


def test_json_names_every_file(call: Call, tmp_path: Path) -> None:
    root = crema(tmp_path / "c")
    (root / "VideoFlash/1002_DFA_ANG_XX.flv").touch()
    said = call("data", "verify", root, "--layout", "crema-d", "--json")
    found = json.loads(said.out)
    assert said.code == 1
    assert found["unusable"] == [{"path": str(root / "VideoFlash/1002_DFA_ANG_XX.flv"), "reason": "empty (0 bytes)"}]
    assert [Path(row["path"]).stem for row in found["left_out"]] == ["1076_MTI_NEU_XX"]
    assert (found["clips"], found["with_human_votes"], found["emotions"]) == (1, 1, {"angry": 1})


def test_split_and_gaps_of_mead(call: Call, tmp_path: Path) -> None:
    for identity in ("M003", "M005"):
        for top, suffix in (("video/front", "mp4"), ("audio", "m4a")):
            folder = tmp_path / identity / top / "happy" / "level_3"
            folder.mkdir(parents=True)
            (folder / f"001.{suffix}").write_bytes(b"x")
    said = call("data", "verify", tmp_path, "--split", "eat")
    assert "split eat: 1 train, 1 test, 0 neither" in said.out
    assert "M003: left_30, left_60, right_30, right_60, top, down; angry, contempt" in said.out


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_says_that_a_folder_is_absent(layout: str, call: Call) -> None:
    said = call("data", "verify", "nowhere", "--layout", layout)
    assert said.code == 2
    assert said.err.startswith("error: nowhere: no such folder")
    assert callable(reader(layout))


def test_a_name_that_is_not_utf8_can_be_printed(call: Call, tmp_path: Path) -> None:
    root = crema(tmp_path / "c")
    bad = bytes(root / "VideoFlash") + b"/\xff.flv"
    with open(bad, "wb") as stream:
        stream.write(b"x")
    said = call("data", "verify", root, "--layout", "crema-d", "--json")
    assert json.loads(said.out)["unusable"][0]["path"].endswith("\\xff.flv")
