from __future__ import annotations

import base64
import gzip
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reports.facts import collect
from reports.links import Links
from reports.player import compress, pack, payload, worst_frames
from reports.plot_style import strokes
from reports.series import Series
from reports.source import Run


def test_pack_is_one_sign_a_frame_for_the_step_from_the_frame_before() -> None:
    text = pack(np.array([0.0, math.sqrt(2), 2.0, np.nan, math.sqrt(2) / 2]))
    # Levels 0, 100, 100, 101 (unknown), 50: steps 0, 100, 0, 1 and -51, which is 51 modulo 102.
    assert [ord(c) - 40 for c in text] == [0, 100, 0, 1, 51]
    assert pack(None) == ""


def test_compressed_data_is_the_same_bytes_and_comes_back() -> None:
    packed = compress({"a": ["ü", 1.5, None]})
    assert packed == compress({"a": ["ü", 1.5, None]})
    assert json.loads(gzip.decompress(base64.b64decode(packed))) == {"a": ["ü", 1.5, None]}


def test_worst_frame_is_where_the_error_is_largest(run: Run) -> None:
    series, clip = Series(run), run.clips[0].id
    values, truth = series.intensity("eap", "neutral", clip), series.truth("neutral", clip)
    assert values is not None
    assert truth is not None
    assert worst_frames(series, "eap", "neutral", clip)[0] == int(np.argmax(np.abs(values - truth)))
    assert worst_frames(series, "nobody", "neutral", clip) == [-1, -1, -1]


def data_of(run: Run, run_dir: Path) -> dict[str, object]:
    facts = collect(run.values, run.info.metrics)
    found = payload(run, facts, Series(run), strokes(run.methods), Links(run_dir, run_dir / "report"))
    assert found is not None
    return json.loads(json.dumps(found, allow_nan=False))  # type: ignore[no-any-return]


def test_payload_has_every_clip_and_row_in_table_order(run: Run, run_dir: Path) -> None:
    data = data_of(run, run_dir)
    clips = data["clips"]
    methods = data["methods"]
    assert isinstance(clips, list)
    assert isinstance(methods, list)
    assert [m["name"] for m in methods] == [m.name for m in run.methods]
    assert methods[data["main"]]["name"] == "eap"  # type: ignore[call-overload]
    assert len(clips) == 40
    first = clips[0]["tracks"][1]
    assert data["base"] == ".."
    assert first["rows"][1]["m"] == first["reference"] == 1  # at the usual place
    assert len(first["truth"]) == 40
    psnr = [m["title"] for m in data["metrics"]].index("PSNR")  # type: ignore[attr-defined]
    values = run.clip_values
    chosen = (values["metric"] == "psnr") & (values["track"] == "emotional") & (values["method"] == "eap")
    expected = values[chosen & (values["clip"] == "M2000_front_angry_3_200")]["value"].item()
    assert first["rows"][1]["v"][psnr] == pytest.approx(expected, abs=0.006)


def test_a_file_at_another_place_is_linked_there(run: Run, run_dir: Path) -> None:
    other = "media/eap/neutral/M2000_front_angry_3_200.mp4"
    key = ("eap", "emotional", "M2000_front_angry_3_200")
    records = tuple(r.model_copy(update={"media": other}) if r.key == key else r for r in run.records)
    clips = data_of(replace(run, records=records), run_dir)["clips"]
    assert isinstance(clips, list)
    assert clips[0]["tracks"][1]["rows"][1]["m"] == f"../{other}"


def test_failed_absent_and_lost_clips_carry_their_reason(run: Run, run_dir: Path) -> None:
    shorter = replace(run, records=tuple(r for r in run.records if r.key[0] != "no-intensity"))
    clips = data_of(shorter, run_dir)["clips"]
    assert isinstance(clips, list)
    rows = next(c for c in clips if c["emotion"] == "sad")["tracks"][0]["rows"]
    assert rows[2]["r"] == "no face in frame 3"
    assert rows[4]["r"] == "not in this run's journal"
    assert rows[1]["r"] == "the video file is not in the run directory"


def test_no_records_no_player(run: Run, run_dir: Path) -> None:
    empty = replace(run, records=())
    assert payload(empty, {}, Series(empty), strokes(run.methods), Links(run_dir, run_dir)) is None
