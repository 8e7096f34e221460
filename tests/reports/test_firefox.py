"""The page in Debian's Firefox, from disk: a picture of what a reader sees.

A lab's style gives single parts of the page colours that nothing else has, so that each can be found in the picture.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import reports

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed: the page was not tested in it"),
]

BANNER, EAP, HEARD, SHOWN = (0xFD, 0xF1, 0xD6), (0x12, 0xAB, 0x34), (0xE0, 0x1B, 0xD0), (0x7A, 0x3C, 0x00)
STYLE = f"""
:root {{ --m1: rgb{EAP}; }}
.tile.heard {{ background: rgb{HEARD}; }}
.choose summary {{ background: rgb{SHOWN}; }}
"""
HOLD = """{% extends "base/page.html" %}{% block after %}<script>
(function hold(turns) {
  if (!turns || document.querySelector("#stage[data-ready]")) return;
  const frame = document.createElement("iframe");
  frame.srcdoc = "-";
  frame.onload = () => { frame.remove(); hold(turns - 1); };
  document.body.append(frame);
})(3000);
</script>{% endblock %}"""
"""Firefox takes its picture once a page is loaded; frames still loading put that off until the player is there."""
TALL = 16_000
"""Pixels of the picture's height: the whole page of the small run."""


def pixels_of(picture: npt.NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    """How many pixels have this colour, give or take two steps."""
    return int((np.abs(picture.astype(np.int16) - colour).max(axis=2) <= 2).sum())


def photograph(url: str, folder: Path) -> npt.NDArray[np.uint8]:
    """What Firefox shows of a page."""
    assert FIREFOX is not None
    (folder / "profile").mkdir(parents=True)
    picture = folder / "page.png"
    command = [
        FIREFOX, "--headless", "--no-remote", "--profile", str(folder / "profile"), "--window-size", f"1280,{TALL}",
        "--screenshot", str(picture), url,
    ]  # fmt: skip
    subprocess.run(command, capture_output=True, timeout=300, check=True)
    return np.asarray(Image.open(picture).convert("RGB"))


def test_the_page_opens_from_disk_in_firefox(run_dir: Path, tmp_path: Path) -> None:
    look = tmp_path / "look"
    look.mkdir()
    (look / "extra.css").write_text(STYLE)
    (look / "page.html").write_text(HOLD)
    page = reports.build(run_dir, tmp_path / "page", reports.Wanted(templates=look))
    picture = photograph(page.as_uri(), tmp_path / "whole")
    assert picture.shape[:2] == (TALL, 1280)
    assert pixels_of(picture, BANNER) > 20_000  # of the embedded world: the style is read
    assert pixels_of(picture, EAP) > 3_000  # EAP's dots and lines: figures take the page's variables, no fallbacks
    assert pixels_of(picture, SHOWN) > 20_000  # "Columns and rows" over every table: the page's script ran
    assert pixels_of(picture, HEARD) > 5_000  # the tile that is heard: the player unpacked its data
    still = tmp_path / "still.html"
    still.write_text(page.read_text("utf-8").replace("<script", "<template").replace("</script", "</template"))
    without = photograph(still.as_uri(), tmp_path / "without")
    assert [pixels_of(without, colour) for colour in (SHOWN, HEARD)] == [0, 0]  # what the two colours tell
