from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import pytest
from scipy.stats import binomtest

from benchmarks.evidence.common import Figures, main, read, record, rounded, wilson
from eap.errors import DataError, MeasureError


def test_wilson_by_hand_and_by_scipy() -> None:
    # 8 of 10: Wilson (1927) gives [.4902, .9433] (worked by hand with z = 1.96)
    found = wilson(8, 10)
    assert [found.low, found.high] == pytest.approx([0.4902, 0.9433], abs=1e-4)
    for hits, n in ((0, 7), (7, 7), (125, 1000), (3, 2000)):
        theirs = binomtest(hits, n).proportion_ci(method="wilson")
        ours = wilson(hits, n)
        assert [ours.low, ours.high] == pytest.approx([theirs.low, theirs.high], abs=1e-9)
    with pytest.raises(ValueError, match="no share"):
        wilson(0, 0)


def test_figures_are_rounded_and_finite() -> None:
    assert rounded({"a": 1 / 3, "b": [12345.678, 2], "c": "text"}) == {"a": 0.3333, "b": [12350.0, 2], "c": "text"}
    with pytest.raises(MeasureError, match="not finite"):
        rounded({"a": math.nan})


def test_a_record_says_where_it_comes_from(tmp_path: Path) -> None:
    path = record("probe", {"auc": 0.9711111}, command="python -m x", seconds=1.26, folder=tmp_path)
    document = json.loads(path.read_text())
    assert document["figures"] == {"auc": 0.9711}
    assert document["command"] == "python -m x"
    assert document["seconds"] == 1.3
    assert document["machine"]["cores"] >= 1
    assert document["commit"] and document["code"]
    assert read("probe", tmp_path) == document


def test_damaged_or_missing_evidence_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match=r"python -m benchmarks\.evidence\.probe"):
        read("probe", tmp_path)
    (tmp_path / "probe.json").write_text("[]")
    with pytest.raises(MeasureError, match="not evidence"):
        read("probe", tmp_path)


def test_main_measures_writes_and_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def options(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--clips", type=int, default=1)

    def measure(args: argparse.Namespace) -> Figures:
        return {"twice": 2 * args.clips}

    main("probe", None, measure, options, ["--out", str(tmp_path), "--clips", "4"])
    assert json.loads(capsys.readouterr().out) == {"twice": 8}
    assert read("probe", tmp_path)["command"] == "python -m benchmarks.evidence.probe --clips 4"


def test_a_failed_measurement_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def measure(args: argparse.Namespace) -> Figures:
        raise DataError("no folder", fix="give one")

    with pytest.raises(SystemExit) as left:
        main("probe", None, measure, argv=["--out", str(tmp_path)])
    assert left.value.code == 2
    assert capsys.readouterr().err == "error: no folder; give one\n"
    assert not list(tmp_path.iterdir())
