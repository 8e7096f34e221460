from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.evidence.common import record
from benchmarks.evidence.quote import confusion, documents, filled, grid, interval, look_up, marks, number, said
from benchmarks.fingerprint import ROOT
from eap.errors import ConfigError, MeasureError


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_every_figure_quoted_exists_and_is_what_was_measured(path: Path) -> None:
    """Mend with ``python -m benchmarks.evidence.quote``."""
    text = path.read_text(encoding="utf-8")
    assert filled(text) == text


def test_the_world_is_documented_with_its_evidence() -> None:
    text = (ROOT / "docs" / "embedded-world.md").read_text(encoding="utf-8")
    sources = {source for source, _, _ in marks(text)}
    assert sources >= {"code", "world_judges", "world_shortcuts", "world_identity", "world_faces", "world_speed"}


def test_the_readme_tells_what_the_checked_in_baseline_holds() -> None:
    from benchmarks.baselines import read_baseline

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert ("code", "bundle-results", None) in marks(text)
    snapshot = read_baseline(ROOT / "baselines" / "mead.json")
    shown = snapshot.series["intensity_pcc", "eap", "neutral"]
    row = next(line for line in text.splitlines() if line.startswith("| intensity PCC"))
    assert f"**{number(shown.value, 3)}** [{number(shown.ci_low, 3)}, {number(shown.ci_high, 3)}]" in row


def test_numbers_as_they_are_printed() -> None:
    assert [number(0.8125, 3), number(-0.5, 1), number(12.34, 1), number(3.0, 0)] == [".812", "-.5", "12.3", "3"]
    assert interval({"share": 0.5, "ci95": [0.25, 0.75], "n": 4}) == ".500 [.250, .750]"
    assert interval({"mean": -0.1, "ci95": [-0.2, 0.3]}) == "-.100 [-.200, .300]"
    table = grid({"level_1": {"happy": 0.5}, "level_2": {"happy": 1.0, "sad": 0.25}})
    assert table.splitlines()[1:] == [
        "| | happy | sad |",
        "|---|---|---|",
        "| level 1 | .50 |  |",
        "| level 2 | 1.00 | .25 |",
    ]
    tiny = grid({"psnr": {"asked": 1e-6, "found": 0.0, "held": True, "numbers": 250}}, None)
    assert tiny.splitlines()[-1] == "| psnr | 1.0e-06 | 0 | yes | 250 |"


def test_confusion_rows_are_percentages_of_the_truth() -> None:
    counts = [[0] * 8 for _ in range(8)]
    counts[4][4], counts[4][7] = 3, 1
    lines = confusion(counts).splitlines()
    assert lines[3] == "| happy | 0 | 0 | 0 | 0 | **75** | 0 | 0 | 25 | 4 |"
    assert len(lines) == 4


def test_marks_are_filled_and_filled_again_alike(tmp_path: Path) -> None:
    record("probe", {"a": {"b": [1.0, 0.25]}, "s": "text"}, command="c", seconds=1.0, folder=tmp_path)
    text = (
        "x <!--= probe a/b/1 2 -->old<!--/=--> <!--= probe s text --><!--/=--> <!--= probe @command text --><!--/=-->"
    )
    once = filled(text, tmp_path)
    told = [part.split("<!--/=-->")[0] for part in once.split(" -->")[1:]]
    assert told == [".25", "text", "c"]
    assert once.startswith("x <!--= probe a/b/1 2 -->")
    assert filled(once, tmp_path) == once


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        (("probe", "a/c", "2"), "no figure 'a/c'"),
        (("probe", "a/b/7", "2"), "no figure 'a/b/7'"),
        (("probe", "a/b/1", "bold"), "unknown form 'bold'"),
        (("code", "weather", None), "no table 'weather'"),
    ],
)
def test_a_mark_of_nothing_is_an_error(mark: tuple[str, str, str | None], words: str, tmp_path: Path) -> None:
    record("probe", {"a": {"b": [1.0, 0.25]}}, command="c", seconds=1.0, folder=tmp_path)
    with pytest.raises(ConfigError, match=words):
        said(*mark, tmp_path)
    with pytest.raises(MeasureError, match="no readable evidence"):
        said("nothing", "a", "2", tmp_path)


def test_a_figure_that_needs_more_than_every_machine_has_may_be_missing(tmp_path: Path) -> None:
    record("probe", {"a": 0.5}, command="c", seconds=1.0, folder=tmp_path)
    assert said("probe", "a", "2?", tmp_path) == ".50"
    assert said("probe", "b", "2?", tmp_path) == "not run"
    assert said("nothing", "a", "2?", tmp_path) == "not run"


def test_look_up_below_figures_or_in_the_record() -> None:
    document: dict[str, Any] = json.loads('{"name": "n", "commit": "abc", "figures": {"x": {"y.z": 4}}}')
    assert look_up(document, "x/y.z") == 4
    assert look_up(document, "@commit") == "abc"
