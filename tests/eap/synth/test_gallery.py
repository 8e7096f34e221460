from __future__ import annotations

import base64
import re
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eap.constants import EMOTIONS, VIEWS
from eap.errors import DataError
from eap.synth.affect import LEVEL_PEAKS
from eap.synth.gallery import build_page, write_gallery
from eap.synth.spectrogram import spectrogram
from eap.synth.stills import still

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def page() -> str:
    return build_page([0, 1], size=48, number=203, command="eap-bench data synth --sheet x")


def test_the_page_holds_everything_itself(page: str) -> None:
    sources = re.findall(r'src="([^"]*)"', page)
    assert sources
    assert all(source.startswith("data:") for source in sources)
    assert not re.search(r"https?://|<link|@import|url\(", page)
    assert "eap-bench data synth --sheet x" in page


def test_the_page_shows_what_it_promises(page: str) -> None:
    for emotion in EMOTIONS:
        assert f"<h3>{emotion}<span>" in page  # its voice
    for level in range(1, len(LEVEL_PEAKS) + 1):
        assert page.count(f"<figcaption>angry {level}</figcaption>") == 2  # two people
    assert all(f"<figcaption>{view}</figcaption>" in page for view in VIEWS)
    assert page.count("<audio ") == len(EMOTIONS)
    assert page.count("<video ") == 2
    assert page.count("<figure>") == 2 + 2 * 24 + 3 * 16 + 5 + 2 + 12 + 8


def test_pictures_are_pictures_of_the_size_asked(page: str) -> None:
    people = page.split('id="people"')[1].split("</section>")[0]
    first = re.findall(r"data:image/jpeg;base64,([^\"]+)", people)[0]
    assert Image.open(BytesIO(base64.b64decode(first))).size == (48, 48)


def test_a_gallery_of_nobody_or_in_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nobody"):
        build_page([])
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(DataError, match="is a file"):
        write_gallery(tmp_path / "file", [0])


def test_a_page_that_cannot_be_written_leaves_no_half_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("eap.synth.gallery.build_page", full)
    with pytest.raises(DataError, match="No space left on device; check the folder"):
        write_gallery(tmp_path / "g", [0], sheets=False)
    assert not list((tmp_path / "g").iterdir())


def test_stills_follow_emotion_intensity_and_view() -> None:
    calm, _ = still(0, size=64)
    angry, _ = still(0, "angry", 0.9, size=64)
    assert np.abs(calm.astype(int) - angry).mean() > 1
    np.testing.assert_array_equal(still(0, "angry", 0.0, size=64)[0], calm)
    _, left = still(0, view="left_30", size=64)
    _, right = still(0, view="right_30", size=64)
    assert left[30, 0] < 32 < right[30, 0]  # the nose's tip
    with pytest.raises(DataError, match="joy"):
        still(0, "joy")


def test_a_tone_is_a_line_at_its_height() -> None:
    time = np.arange(16000) / 16000
    picture = spectrogram(np.sin(2 * np.pi * 2000 * time).astype(np.float32), 16000)
    assert picture.shape == (201, 161, 3)
    row = int(picture[:, 80].sum(axis=1).argmax())
    assert row == 200 - 2000 // 40  # 40 Hz a row, 0 Hz at the bottom
    again = spectrogram(np.sin(2 * np.pi * 2000 * np.arange(48000) / 48000).astype(np.float32), 48000)
    assert again.shape == picture.shape
    assert int(again[:, 80].sum(axis=1).argmax()) == row


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed: the page was not tested in a browser")
def test_in_a_browser_nothing_overflows_and_the_cursor_follows(page: str, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: page not tested")
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    with playwright.sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags, timeout=180_000)
        shown = browser.new_page(viewport={"width": 360, "height": 800}, color_scheme="dark")
        shown.set_default_timeout(180_000)  # a loaded machine is no fault of the page
        problems: list[str] = []
        shown.on("pageerror", lambda error: problems.append(str(error)))
        shown.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        shown.goto((tmp_path / "index.html").as_uri(), wait_until="domcontentloaded")
        assert shown.evaluate("document.documentElement.scrollWidth") <= 360
        assert shown.locator("#now").text_content().startswith("0.00 s · silence · intensity")
        shown.wait_for_function("document.getElementById('film').readyState >= 1")
        shown.locator("#plot").click(position={"x": 300, "y": 20})
        shown.wait_for_function("parseFloat(document.getElementById('cursor').getAttribute('x1')) > 5")
        missing = "[...document.images].filter((i) => { i.loading = 'eager'; return !i.alt; }).length"
        assert shown.evaluate(missing) == 0
        assert problems == []
        browser.close()
