"""docs/embedded-world.md names every field that there is, and none that is not."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.evidence.world_tables import TABLES
from benchmarks.fingerprint import ROOT
from eap.constants import EMOTIONS
from eap.data.arrays import ClipArrays
from eap.data.truth import Truth, save_truth
from eap.synth.affect import AFFECTS
from eap.synth.clip import ClipSpec, render_clip

TEXT = (ROOT / "docs" / "embedded-world.md").read_text(encoding="utf-8")


def rows(heading: str) -> set[str]:
    """First cells in code style of the table under a heading."""
    part = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    table = part.split("\n\n")[1:]
    lines = [line for block in table for line in block.splitlines() if line.startswith("| `")]
    return {found[1] for line in lines if (found := re.match(r"\| `(\w+)` \|", line))}


def test_every_field_of_the_truth_and_of_its_file_is_in_the_table(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    save_truth(path, render_clip(ClipSpec(0, "sad", 1, 3, seconds=0.08), frames=False).truth)
    stored = set(np.load(path).files)
    declared = {field.name for field in dataclasses.fields(Truth)}
    assert declared <= stored
    assert rows("Truth, field by field") == stored


def test_every_training_array_is_in_the_table() -> None:
    part = TEXT.split("Two more forms of the same truth")[1].split("\n## ")[0]
    arrays = set(re.findall(r"\| `(\w+)` \|", part))
    per_frame = {field.name for field in dataclasses.fields(ClipArrays) if "NDArray" in str(field.type)}
    assert arrays >= per_frame


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_the_code_are_in_the_document(name: str) -> None:
    assert TABLES[name]() in TEXT


def test_tables_hold_what_the_code_holds() -> None:
    anchors = TABLES["anchors"]()
    assert f"| contempt | {AFFECTS['contempt'].valence:g} | {AFFECTS['contempt'].arousal:g} |" in anchors
    for emotion in EMOTIONS:
        line = next(line for line in TABLES["units"]().splitlines() if line.startswith(f"| {emotion} |"))
        assert all(f"{unit} {value:g}" in line for unit, value in AFFECTS[emotion].units.items())
