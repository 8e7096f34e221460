"""Choice of columns and rows, exports of what is shown, the drawer, figures as PNG, accessibility: in chromium."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import reports
from reports.content import read
from tests.reports.chromium import CHROMIUM
from tests.reports.test_browser import Opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Debian's chromium is not installed: pages were not tested in a browser"
    ),
]


def saved(opened: Opened, words: str, path: Path) -> str:
    with opened.page.expect_download() as download:
        opened.page.locator(".export button", has_text=words).first.click()
    download.value.save_as(path)
    return path.read_text("utf-8")


def test_saved_tables_are_pythons_whole_and_in_part(browser: Browser, url: str, run_dir: Path, tmp_path: Path) -> None:
    table = read(run_dir).tables["main-neutral"]
    opened = Opened(browser, url)
    writers = {"CSV": reports.to_csv, "LaTeX": reports.to_latex, "Markdown": reports.to_markdown}
    for words, write in writers.items():
        assert saved(opened, words, tmp_path / words) == write(table)
    opened.page.close()
    part = table.select(columns=["psnr", "m_lmd", "saturation_index"], rows=["eap", "ant", "still-image"])
    chosen = "#comparison-1=c:saturation_index,psnr,m_lmd|r:ant,still-image,eap"
    opened = Opened(browser, url + chosen)
    assert opened.page.locator("table.results").first.locator("tbody tr:visible").count() == 3
    for words, write in writers.items():
        assert saved(opened, words, tmp_path / words) == write(part)
    opened.page.close()
    assert opened.problems == []


def test_choice_and_sorting_are_kept_in_the_address(browser: Browser, url: str) -> None:
    opened = Opened(browser, url)
    page = opened.page
    box = page.locator(".table").first
    box.locator(".choose summary").click()
    box.locator("label", has_text="FID").locator("input").uncheck()
    box.locator("label", has_text="Still image").locator("input").uncheck()
    box.locator("button.sort", has_text="PSNR").click()
    page.locator(".sections a", has_text="Provenance").click()  # moving about keeps the choice
    kept = page.url
    assert "comparison-1=" in kept
    shown = box.locator("table.results").inner_text()
    page.close()
    again = Opened(browser, kept)
    table = again.page.locator("table.results").first
    assert table.inner_text() == shown
    assert "FID" not in shown
    assert "Still image" not in shown
    assert table.locator("th[aria-sort=descending]").inner_text().startswith("PSNR")
    again.page.close()
    assert opened.problems == again.problems == []


def test_the_drawer_says_where_a_number_comes_from_by_keyboard(browser: Browser, url: str) -> None:
    opened = Opened(browser, url)
    page = opened.page
    page.locator("table.results .num").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    text = page.locator("#source").inner_text()
    for words in (
        "EAP", "PSNR", "psnr|crop:frame|pool:clip-mean|protocol:strict|v1", "c" * 64, "0123456789abcdef",
        "eap-bench run --suite mead", "40 clips", "strict",
    ):  # fmt: skip
        assert words in text, words
    page.keyboard.press("Escape")
    assert not page.locator("#source").is_visible()
    assert page.evaluate("document.activeElement.matches('.num')")
    page.locator(".evidence .why").first.click()
    assert "EAP without neutralization" in page.locator("#source").inner_text()
    page.close()
    assert opened.problems == []


def test_jump_to_the_worst_frame_and_png_of_a_figure(browser: Browser, url: str, tmp_path: Path) -> None:
    opened = Opened(browser, url)
    page = opened.page
    page.locator("#to-worst").click()
    assert "furthest from the true intensity" in page.locator("#time").inner_text()
    page.locator("#worst-by").select_option(label="M-LMD")
    page.locator("#to-worst").click()
    clip = page.locator("#clip option:checked").inner_text().split("· ")[1]
    words = page.locator("#time").inner_text()
    assert f"frame {39 - sum(clip.encode()) % 20} " in words
    assert words.endswith("EAP is at its highest M-LMD")
    with page.expect_download() as download:
        page.locator(".save[data-plot=plane][data-format=png]").click()
    download.value.save_as(tmp_path / "plane.png")
    assert (tmp_path / "plane.png").read_bytes()[:4] == b"\x89PNG"
    with page.expect_download() as download:
        page.locator(".save[data-plot=plane][data-format=csv]").click()
    download.value.save_as(tmp_path / "plane.csv")
    assert (tmp_path / "plane.csv").read_text().startswith("method,emotion,clips")
    page.close()
    assert opened.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser: Browser, url: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    opened = Opened(browser, url, 1280, "dark" if scheme == "dark" else "light")
    found = axe.Axe().run(opened.page, options={"resultTypes": ["violations"]}).response["violations"]
    serious = [
        f"{v['id']}: {node['html'][:160]}"
        for v in found
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"][:3]
    ]
    opened.page.close()
    assert serious == []
