from __future__ import annotations

import math
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.tables import format_value, ordered, paper_tables, read_table
from metrics.results import ResultTable, Signature, Value
from metrics.rundir import MethodInfo, RunFiles, RunInfo


def value(
    number: float, low: float = math.nan, high: float = math.nan, *, metric: str = "psnr", track: str = "neutral"
) -> Value:
    return Value(metric, Signature(metric), "eap", track, number, low, high, 7, 8, "", True)


@pytest.mark.parametrize(
    ("cell", "lines"),
    [
        (value(31.234, 30.0, 32.5), ["31.23", "[30.00, 32.50]", "7/8"]),
        (value(0.91239, 0.9, 0.93), ["0.912", "[0.900, 0.930]", "7/8"]),
        (value(0.00234, 0.002, 0.0031), ["0.0023", "[0.0020, 0.0031]", "7/8"]),
        (value(-0.00001, -0.2, 0.1), ["0.000", "[-0.200, 0.100]", "7/8"]),
        (value(123.46), ["123.5", "", "7/8"]),
        (value(math.inf), ["inf", "", "7/8"]),
        (value(math.nan), ["no value", "", "7/8"]),
    ],
)
def test_a_cell_has_figure_interval_and_counts(cell: Value, lines: list[str]) -> None:
    assert format_value(cell).split("\n") == lines


def test_a_missing_cell_is_a_dash() -> None:
    assert format_value(None) == "-"


def test_metrics_stand_in_the_papers_order_and_unknown_ones_last() -> None:
    assert ordered(["zeta", "lse_c", "alpha", "psnr"]) == ["psnr", "lse_c", "alpha", "zeta"]


def run_info() -> RunInfo:
    methods = (MethodInfo(name="eap", title="EAP", kind="model"), MethodInfo(name="gone", title="Gone", kind="model"))
    return RunInfo(
        suite="mead", protocol="strict", world="embedded", methods=methods, tracks=("neutral", "emotional"),
        metrics=("psnr",), clips=(),
    )  # fmt: skip


def test_the_table_has_every_method_and_a_block_for_each_track() -> None:
    table = ResultTable((value(31.2, 30, 32), value(29.5, 28, 31, track="emotional"), value(0.5, metric="lse_c")))
    console = Console(width=120, record=True, file=StringIO())
    blocks = paper_tables(run_info(), table)
    for block in blocks:
        console.print(block)
    text = " ".join(console.export_text().split())
    assert len(blocks) == 2
    assert "mead: neutral reference image" in text
    assert "mead: emotional reference image" in text
    assert text.count("Gone") == 2
    assert "PSNR ↑" in text
    assert "31.20" in text
    assert "29.50" in text


def test_values_survive_the_run_directory(tmp_path: Path) -> None:
    offset = Value("av_offset", Signature("av_offset"), "eap", "neutral", 1.0, 0.5, 1.5, 3, 3, "frames", None, "n", 0.0)
    table = ResultTable((value(31.2), offset))
    files = RunFiles(tmp_path)
    files.write_tables(table)
    first, second = read_table(files).values
    assert second == offset
    assert (first.value, first.higher_is_better, first.target, math.isnan(first.ci_low)) == (31.2, True, None, True)
