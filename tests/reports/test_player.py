from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.facts import collect
from reports.links import Links
from reports.player import payload, worst_frames
from reports.plot_style import strokes
from reports.series import Series
from reports.source import Run
from tests.reports.test_packing import numbers_of


def test_worst_frame_is_where_the_error_is_largest(run: Run) -> None:
    series, clip = Series(run), run.clips[0].id
    values, truth = series.intensity("eap", "neutral", clip), series.truth("neutral", clip)
    assert values is not None
    assert truth is not None
    assert worst_frames(series, "eap", "neutral", clip)[0] == int(np.argmax(np.abs(values - truth)))
    assert worst_frames(series, "nobody", "neutral", clip) == [None, None, None]


def data_of(run: Run, run_dir: Path) -> dict[str, Any]:
    facts = collect(run.values, run.info.metrics)
    found = payload(run, facts, Series(run), strokes(run.methods), Links(run_dir, run_dir / "report"))
    assert found is not None
    return json.loads(json.dumps(found, allow_nan=False))  # type: ignore[no-any-return]


def place_of(data: dict[str, Any], metric: str) -> int:
    return [m["name"] for m in data["metrics"]].index(metric)


def test_payload_has_every_clip_and_row_in_table_order(run: Run, run_dir: Path) -> None:
    data = data_of(run, run_dir)
    assert [m["name"] for m in data["methods"]] == [m.name for m in run.methods]
    assert data["methods"][data["main"]]["name"] == "eap"
    assert data["clips"]["id"] == [c.id for c in run.clips]
    assert [data["words"][n] for n in data["clips"]["emotion"]] == [c.emotion for c in run.clips]
    view = data["views"][1]
    assert data["base"] == ".."
    assert view["rows"][1]["m"][0] == view["reference"][0] == 1  # at the usual place
    assert len(view["truth"][0]) == 40
    lists = [view["reference"], view["truth"], *(row[key] for row in view["rows"] for key in "mrjt")]
    assert {len(found) for found in lists} == {40}
    judged = data["words"][view["rows"][1]["j"][7]]
    assert judged == run.journal["eap", "emotional", run.clips[7].id].judged_emotion


def test_values_come_back_at_their_digits(run: Run, run_dir: Path) -> None:
    data = data_of(run, run_dir)
    place = place_of(data, "psnr")
    back = numbers_of(data["views"][1]["rows"][1]["v"][place], data["metrics"][place]["digits"])
    values = run.clip_values
    mine = values[(values["metric"] == "psnr") & (values["track"] == "emotional") & (values["method"] == "eap")]
    expected = dict(zip(mine["clip"], mine["value"], strict=True))
    assert len(back) == len(expected) == 40
    for clip, value in zip(run.clips, back, strict=True):
        assert value == pytest.approx(expected[clip.id], abs=0.0051)


def test_worst_frames_are_offered_for_what_the_run_knows(run: Run, run_dir: Path) -> None:
    data = data_of(run, run_dir)
    assert [kind["title"] for kind in data["worst"]] == ["intensity", "valence", "arousal", "PSNR", "M-LMD"]
    assert [kind["words"] for kind in data["worst"]][3:] == ["at its lowest PSNR", "at its highest M-LMD"]
    ceiling, eap = data["views"][0]["rows"][:2]
    assert ceiling["w"][3] is None
    expected = [run.worst_at["psnr", "eap", "neutral"][c.id] for c in run.clips]
    assert numbers_of(eap["w"][3], 0) == expected
    without = data_of(replace(run, worst_frames=run.worst_frames[:0], frames=run.frames[:0]), run_dir)
    assert without["worst"] == []
    assert {len(row["w"]) for view in without["views"] for row in view["rows"]} == {0}


def test_a_file_at_another_place_is_linked_there(run: Run, run_dir: Path) -> None:
    other = "media/eap/neutral/M2000_front_angry_3_200.mp4"
    key = ("eap", "emotional", "M2000_front_angry_3_200")
    records = tuple(r.model_copy(update={"media": other}) if r.key == key else r for r in run.records)
    assert data_of(replace(run, records=records), run_dir)["views"][1]["rows"][1]["m"][0] == f"../{other}"


def test_failed_absent_and_lost_clips_carry_their_reason(run: Run, run_dir: Path) -> None:
    shorter = replace(run, records=tuple(r for r in run.records if r.key[0] != "no-intensity"))
    data = data_of(shorter, run_dir)
    sad = next(i for i, n in enumerate(data["clips"]["emotion"]) if data["words"][n] == "sad")
    rows = data["views"][0]["rows"]
    assert [m["name"] for m in data["methods"]][1:5] == ["eap", "ant", "no-neutralization", "no-intensity"]
    assert data["words"][rows[2]["r"][sad]] == "no face in frame 3"
    assert data["words"][rows[4]["r"][sad]] == "not in this run's journal"
    assert data["words"][rows[1]["r"][sad]] == "the video file is not in the run directory"
    assert rows[4]["t"] == [""] * 40
    assert rows[4]["v"] == [None] * len(data["metrics"])
    assert numbers_of(rows[2]["v"][place_of(data, "psnr")], 2)[sad] is None


def test_no_records_no_player(run: Run, run_dir: Path) -> None:
    empty = replace(run, records=())
    assert payload(empty, {}, Series(empty), strokes(run.methods), Links(run_dir, run_dir)) is None
