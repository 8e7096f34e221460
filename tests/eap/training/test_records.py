"""The log that survives a kill, and curves drawn from it."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from eap.errors import DataError
from eap.training.records import append_row, curves_svg, cut_back, read_rows, write_curves

SVG = "{http://www.w3.org/2000/svg}"


def fill(folder: Path, count: int = 6) -> None:
    for step in range(1, count + 1):
        append_row(folder, {"step": 20 * step, "seconds": 1.0, "lip": 1.0 / step, "total": 1000.0 / 10**step})


def test_the_log_is_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    fill(tmp_path)
    cut_back(tmp_path, 60)
    assert [row["step"] for row in read_rows(tmp_path / "log.jsonl")] == [20, 40, 60]
    cut_back(tmp_path, 0)
    assert read_rows(tmp_path / "log.jsonl") == []
    cut_back(tmp_path / "nothing here", 5)
    assert not (tmp_path / "nothing here").exists()


def test_a_half_written_last_line_is_no_error_and_another_is(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    log = tmp_path / "log.jsonl"
    log.write_text(log.read_text() + '{"step": 60, "li')
    assert [row["step"] for row in read_rows(log)] == [20, 40]
    log.write_text('{"ste\n' + log.read_text())
    with pytest.raises(DataError, match="line 1 is damaged"):
        read_rows(log)


def test_every_term_has_a_curve_through_its_values(tmp_path: Path) -> None:
    fill(tmp_path)
    path = write_curves(tmp_path, "eap: <the full model>", {"adversary starts": 60, "after the end": 999})
    assert path is not None
    root = ElementTree.parse(path).getroot()
    panels = root.findall(f"{SVG}g")
    titles = [panel.findtext(f"{SVG}text") for panel in panels]
    assert titles == ["total (weighted sum), log scale", "L_lip"]
    lines = [line for panel in panels for line in panel.findall(f"{SVG}polyline")]
    places = [[tuple(map(float, place.split(","))) for place in line.attrib["points"].split()] for line in lines]
    total, lip = places
    assert len(total) == len(lip) == 6
    # On a log scale a term that falls tenfold each time falls by equal distances; the highest value is on top.
    drops = [b[1] - a[1] for a, b in pairwise(total)]
    assert drops == pytest.approx([drops[0]] * 5, abs=0.2) and drops[0] > 0
    assert lip[0][1] == pytest.approx(30) and lip[-1][1] == pytest.approx(170 - 26)
    assert lip[1][1] - lip[0][1] == pytest.approx((1 - 1 / 2) / (1 - 1 / 6) * 114, abs=0.1)
    assert [title.text for title in root.iter(f"{SVG}title")] == ["adversary starts"] * 2


def test_curves_of_flat_negative_and_broken_terms() -> None:
    rows = [{"step": s, "adv": -1.0, "d": math.nan if s == 2 else 2.0 * s, "late": 1.0} for s in (1, 2, 3)]
    del rows[0]["late"]
    text = curves_svg(rows, "x", {})
    assert "nan" not in text.lower()
    assert text.count("<polyline") == 3
    assert ElementTree.fromstring(text).tag == f"{SVG}svg"


def test_one_row_makes_no_curve(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    assert write_curves(tmp_path, "x") is None
    assert not (tmp_path / "curves.svg").exists()
