from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.reported import WARNING, reported_rows
from metrics.registry import get_metric
from tests.benchmarks.calling import Call
from tests.reports.fake_run import Recipe, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    return write_run(tmp_path_factory.mktemp("reported") / "a", Recipe(identities=2, emotions=("happy",), frames=4))


def test_every_row_has_a_source_and_names_metrics_that_exist() -> None:
    everything = [name for row in reported_rows(("psnr", "ssim", "fid", "m_lmd_px", "f_lmd_px", "lse_c", "lse_d"))
                  for name in row.values]  # fmt: skip
    assert everything
    for name in everything:
        assert get_metric(name).spec.title
    for row in reported_rows(everything):
        assert row.source
        assert row.how
        assert all(float(value) > 0 for value in row.values.values())
    assert [row.method for row in reported_rows(["lse_d"])] == ["MF-ETalk"]
    assert reported_rows(["csim"]) == []


def test_reported_rows_stand_apart_and_are_never_ranked(call: Call, run: Path) -> None:
    plain = call("table", run, "--metric", "psnr,lse_d", "--sort", "psnr").out
    said = call("table", run, "--metric", "psnr,lse_d", "--sort", "psnr", "--reported").out
    assert said.startswith(plain)  # no row, mark or place of the measured table changes
    after = said.removeprefix(plain)
    assert WARNING in after
    assert [line.split()[:3] for line in after.splitlines() if line.startswith(("EAT ", "MF-ETalk "))] == [
        ["EAT", "21.79", "-"], ["MF-ETalk", "-", "7.962"],
    ]  # fmt: skip
    assert "evaluation_eat at e39b004" in after
    found = json.loads(call("table", run, "--metric", "psnr", "--reported", "--json").out)
    assert [row["method"] for row in found["reported"]["rows"]] == ["EAT"]
    assert "EAT" not in {row["title"] for row in found["rows"]}
    assert "reported" not in json.loads(call("table", run, "--json").out)


def test_formats(call: Call, run: Path) -> None:
    said = call("table", run, "--metric", "psnr", "--reported", "--format", "markdown").out
    assert "| EAT | 21.79 |" in said
    assert "Nothing was reported" in call("table", run, "--metric", "m_lmd", "--reported").out
    wrong = call("table", run, "--reported", "--format", "csv")
    assert wrong.code == 2
    assert "a table of their own" in wrong.err
