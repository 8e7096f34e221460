"""The page in Debian's Firefox, from disk: a picture of what a reader sees."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed: the page was not tested in it"),
]


def share(pixels: npt.NDArray[np.uint8], colour: tuple[int, int, int]) -> float:
    """Share of the pixels that have this colour, give or take two steps."""
    return float((np.abs(pixels.astype(np.int64) - colour).max(axis=2) <= 2).mean())


def test_the_page_opens_from_disk_in_firefox(url: str, tmp_path: Path) -> None:
    assert FIREFOX is not None
    (tmp_path / "profile").mkdir()
    picture = tmp_path / "page.png"
    command = [
        FIREFOX, "--headless", "--no-remote", "--profile", str(tmp_path / "profile"), "--window-size", "1280,6000",
        "--screenshot", str(picture), url,
    ]  # fmt: skip
    subprocess.run(command, capture_output=True, timeout=300, check=True)
    pixels = np.asarray(Image.open(picture).convert("RGB"))
    assert pixels.shape[1] == 1280
    assert share(pixels, (0xFD, 0xF1, 0xD6)) > 0.001  # the banner of the embedded world
    assert share(pixels, (0x00, 0x72, 0xB2)) > 0.00003  # EAP's colour, in the figures: their variables work
    assert share(pixels, (0xFF, 0xFF, 0xFF)) < 0.97  # and not an empty page
