from __future__ import annotations

import math
from pathlib import Path

import pytest

from eap.errors import DataError
from metrics.results import ClipValue, ConfusionCell, FrameSeries, ResultTable, Signature, Value
from metrics.rundir import ClipInfo, ClipRecord, MethodInfo, RunFiles, RunInfo, journal_values, load_run

SIGNATURE = Signature("psnr", (("crop", "frame"),))


def _info() -> RunInfo:
    return RunInfo(
        suite="smoke",
        protocol="strict",
        world="embedded",
        methods=(MethodInfo(name="eap", title="EAP", kind="model"),),
        tracks=("neutral", "emotional"),
        metrics=("psnr",),
        clips=(ClipInfo(id="c1", identity="M003", emotion="sad", level=3),),
    )


def _clip_value(value: float, reason: str = "") -> ClipValue:
    return ClipValue("psnr", SIGNATURE, "eap", "neutral", "c1", "M003", "sad", 3, value, reason)


def _record(clip: str = "c1", value: float = 30.1) -> ClipRecord:
    values = journal_values([_clip_value(value, "" if math.isfinite(value) else "no face")])
    return ClipRecord(method="eap", track="neutral", clip=clip, identity="M003", emotion="sad", level=3, status="ok",
                      judged_emotion="sad", values=values)  # fmt: skip


def test_journal_gives_back_what_was_put_in(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    files.append(_record(value=0.1 + 0.2))
    files.append(_record("c2", math.nan))
    first, second = files.read_journal()
    assert first.clip_values() == [_clip_value(0.1 + 0.2)]  # to the last digit
    (lost,) = second.clip_values()
    assert math.isnan(lost.value)
    assert lost.reason == "no face"
    assert first.reading().judged_emotion == "sad"


def test_a_line_written_again_wins(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    for record in (_record("c1", 1.0), _record("c2", 2.0), _record("c1", 3.0)):
        files.append(record)
    assert [(r.clip, r.values["psnr"].value) for r in files.read_journal()] == [("c1", 3.0), ("c2", 2.0)]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_kill_in_the_middle_of_a_line_loses_that_line_alone(tmp_path: Path, cut: int) -> None:
    files = RunFiles(tmp_path)
    files.append(_record("c1"))
    whole = files.journal_path.read_bytes()
    files.append(_record("c2"))
    files.journal_path.write_bytes(files.journal_path.read_bytes()[: len(whole) + cut])
    assert [r.clip for r in files.read_journal()] == ["c1"]
    assert [r.clip for r in files.open_journal()] == ["c1"]
    files.append(_record("c3"))
    assert [r.clip for r in files.read_journal()] == ["c1", "c3"]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    files.append(_record())
    with open(files.journal_path, "ab") as stream:
        stream.write(b'{"method": 3}\n')
    with pytest.raises(DataError, match="line 2"):
        files.read_journal()


def test_run_is_read_back(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    files.write_info(_info())
    files.append(_record())
    value = Value("psnr", SIGNATURE, "eap", "neutral", 30.0, 29.0, 31.0, 1, 1, "dB", True)
    table = ResultTable((value,), (_clip_value(30.0),), (ConfusionCell("eap", "neutral", "sad", "sad", 1),))
    files.write_tables(table, [FrameSeries("eap", "neutral", "c1", "intensity", (0.1, 0.2))])
    run = load_run(tmp_path)
    assert run.info == _info()
    assert run.values["value"].tolist() == [30.0]
    assert run.clip_values["level"].tolist() == [3]
    assert run.frames["value"].tolist() == [0.1, 0.2]
    assert run.confusion["count"].tolist() == [1]
    assert [record.clip for record in run.records] == ["c1"]


def test_what_is_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no run\.json here; give the directory"):
        load_run(tmp_path)
    (tmp_path / "run.json").write_text('{"format": 2}')
    with pytest.raises(DataError, match=r"run\.json: format"):
        load_run(tmp_path)
    RunFiles(tmp_path).write_info(_info())
    with pytest.raises(DataError, match="the run did not finish"):
        load_run(tmp_path)
    for name in ("values", "clip_values", "frames", "confusion"):
        (tmp_path / f"{name}.parquet").write_bytes(b"torn")
    with pytest.raises(DataError, match="cannot be read"):
        load_run(tmp_path)


def test_paths(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    assert files.relative(files.media("eap", "neutral", "c1")) == "media/eap/neutral/c1.mp4"
    assert files.relative(files.reference_image("emotional", "c1")) == "media/reference/emotional/c1.png"
