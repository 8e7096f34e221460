"""The page in Debian's chromium, from disk, without network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

import reports
from tests.reports.chromium import CHROMIUM, SLOW
from tests.reports.fake_run import Recipe, write_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pages were not tested")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Debian's chromium is not installed: pages were not tested in a browser"
    ),
]


Scheme = Literal["light", "dark"]


class Opened:
    """A page with everything that went wrong on it."""

    def __init__(self, browser: Browser, url: str, width: int = 1280, scheme: Scheme = "light") -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page.set_default_timeout(SLOW)
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda m: self.problems.append(m.text) if m.type == "error" else None)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(url)
        self.page.wait_for_selector("#stage[data-ready]")  # the player unpacks its data first


@pytest.fixture
def opened(browser: Browser, url: str) -> Iterator[Opened]:
    found = Opened(browser, url)
    yield found
    problems, requests = found.problems, found.requests
    found.page.close()
    assert problems == []
    assert all(r.startswith(("file:", "data:", "blob:")) for r in requests)


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_no_sideways_scroll_of_the_page(browser: Browser, url: str, width: int) -> None:
    found = Opened(browser, url, width, "dark" if width == 768 else "light")
    found.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert found.page.evaluate("document.documentElement.scrollWidth") <= width
    assert found.problems == []
    found.page.close()


def test_nothing_is_loaded_before_it_is_seen(opened: Opened) -> None:
    assert not [r for r in opened.requests if r.endswith(".mp4")]
    assert opened.page.locator("video:not([preload=none])").count() == 0


def test_sorting_and_back(opened: Opened) -> None:
    table = opened.page.locator("table.results").first
    names = "[...arguments[0].tBodies[0].rows].map((row) => row.cells[0].textContent)"
    read = names.replace("arguments[0]", "table")
    before = table.evaluate(f"(table) => {read}")
    button = table.locator("button.sort", has_text="M-LMD")
    button.click()
    assert table.locator("th[aria-sort=ascending]").count() == 1
    values = table.evaluate("(table) => [...table.tBodies[0].rows].map((row) => Number(row.cells[3].dataset.value))")
    assert values == sorted(values)
    button.click()
    assert table.evaluate(f"(table) => {read}")[-1] == "Ground truth (re-encoded)"
    button.click()
    assert table.evaluate(f"(table) => {read}") == before


def test_exports_and_figures_are_saved(opened: Opened, tmp_path: Path) -> None:
    saved = {}
    for words in ("CSV", "LaTeX", "Markdown"):
        with opened.page.expect_download() as download:
            opened.page.locator(".export button", has_text=words).first.click()
        download.value.save_as(tmp_path / words)
        saved[download.value.suggested_filename] = (tmp_path / words).read_text()
    assert set(saved) == {"comparison-1.csv", "comparison-1.tex", "comparison-1.md"}
    assert saved["comparison-1.csv"].startswith("method,role")
    assert r"\toprule" in saved["comparison-1.tex"]
    with opened.page.expect_download() as download:
        opened.page.locator(".save").first.click()
    download.value.save_as(tmp_path / "figure.svg")
    figure = (tmp_path / "figure.svg").read_text()
    assert figure.startswith("<svg")
    assert "var(" not in figure


CLIP = "M2000_front_angry_3_200"
TIMES = "[...document.querySelectorAll('#tiles video')].map((v) => v.currentTime)"
READY = "[...document.querySelectorAll('#tiles video')].every((v) => v.readyState >= 2 && !v.seeking)"

PAUSE_LATE = """() => {
  if (document.querySelector('.heard video').currentTime < 0.4) return false;
  document.querySelector('#play').click();
  return true;
}"""


def open_player(opened: Opened) -> None:
    opened.page.locator("#player").scroll_into_view_if_needed()
    opened.page.locator("#stage").focus()
    opened.page.wait_for_function(READY)


def test_player_plays_on_one_clock_with_one_sound(opened: Opened) -> None:
    open_player(opened)
    page = opened.page
    assert page.locator("#tiles video").count() == 6
    assert page.evaluate("document.querySelector('.reference img').naturalWidth") == 96
    page.locator("#speed").select_option("0.25")
    page.locator("#loop").check()  # a slow machine may miss the whole clip otherwise
    page.locator("#stage").focus()
    page.keyboard.press("Space")
    # Paused in the page's own frame, so that the machine's load cannot come between the look and the click.
    page.wait_for_function(PAUSE_LATE)
    assert page.evaluate("[...document.querySelectorAll('#tiles video')].filter((v) => !v.muted).length") == 1
    page.wait_for_function(READY)
    times = page.evaluate(TIMES)
    assert max(times) - min(times) < 0.04
    assert min(times) > 0.3
    assert "Play" in page.locator("#play").inner_text()
    assert float(re.findall(r"[?&#]t=([\d.]+)", page.url)[0]) > 0


def test_arrows_step_one_frame_and_move_the_cursor(opened: Opened) -> None:
    open_player(opened)
    page = opened.page
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(READY)
    assert "frame 3" in page.locator("#time").inner_text()
    assert all(abs(t - 3.5 / 25) < 1e-3 for t in page.evaluate(TIMES))
    x = float(page.locator(".cursor").get_attribute("x1") or "nan")
    page.keyboard.press("ArrowLeft")
    assert float(page.locator(".cursor").get_attribute("x1") or "nan") < x
    page.keyboard.press("ArrowDown")
    assert "contempt" in page.locator("#about").inner_text()


def test_address_restores_clip_track_sound_and_time(browser: Browser, url: str) -> None:
    found = Opened(browser, f"{url}#clip={CLIP}&track=neutral&sound=no-intensity&t=0.50")
    page = found.page
    assert page.locator("#track").input_value() == "0"
    assert page.locator("#sound option:checked").inner_text() == "EAP without frame-wise intensity"
    assert "0.50 s" in page.locator("#time").inner_text()
    page.wait_for_function(READY)
    assert all(abs(t - 0.5) < 0.02 for t in page.evaluate(TIMES))
    page.locator(".tile .ear").first.click()
    assert "sound=ground-truth" in page.url
    page.close()
    assert found.problems == []


def test_worst_clip_links_into_the_player(opened: Opened) -> None:
    page = opened.page
    link = page.locator("#worst a").first
    clip = (link.get_attribute("href") or "").split("clip=")[1].split("&")[0]
    link.click()
    page.wait_for_function(
        "(clip) => document.querySelector('#clip').selectedOptions[0].textContent.includes(clip)", arg=clip
    )


def test_failed_and_lost_videos_say_why(opened: Opened) -> None:
    page = opened.page
    sad = page.locator("#clip option", has_text="sad").first.get_attribute("value")
    page.locator("#clip").select_option(sad)
    assert "no face in frame 3" in page.locator("#tiles").inner_text()
    assert "the video file is not in the run directory" in page.locator("#tiles").inner_text()


def test_dark_and_light_by_button(opened: Opened) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    assert opened.page.evaluate(colour) == "rgb(255, 255, 255)"
    opened.page.locator("#theme").click()
    assert opened.page.evaluate(colour) != "rgb(255, 255, 255)"


def test_hostile_names_run_nothing(browser: Browser, tmp_path: Path) -> None:
    evil = '"><img src=x onerror=window.hit=1><script>window.hit=1</script>'
    recipe = Recipe(identities=1, emotions=("happy", evil), tracks=("emotional", evil), suite=evil, clip_suffix=evil)
    found = Opened(browser, reports.build(write_run(tmp_path / "run", recipe)).as_uri(), 360)
    assert found.page.evaluate("document.documentElement.scrollWidth") <= 360
    found.page.locator("#next-clip").click()
    found.page.locator("#values").evaluate("(node) => { node.closest('details').open = true; }")
    assert found.page.evaluate("window.hit") is None
    assert found.problems == []
    assert evil in found.page.locator("#clip").inner_text()
    found.page.close()
