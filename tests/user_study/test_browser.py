"""The rater's whole way in Debian's chromium, on a phone and a desktop, by touch and by keyboard alone."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from benchmarks.evidence.study_load import wait_until_up
from benchmarks.evidence.study_raters import Killable, free_port
from tests.user_study.small_study import DESIGN, make_study
from user_study import schema
from user_study.folder import StudyData
from user_study.stimuli import Source
from user_study.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pages were not tested")
CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking", "--mute-audio",
]  # fmt: skip
SLOW = 120.0
"""Seconds; a loaded machine is no fault of the page."""
SHOTS = os.environ.get("EAP_TEST_SCREENSHOTS", "")
"""A folder for screenshots of every step, for people to look at: then light and dark are walked at both widths."""
WAYS = [(360, False, "light"), (1440, True, "dark")]
"""Width, by keyboard alone, colours."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Debian's chromium is not installed: pages were not tested in a browser"
    ),
]
AXE = "axe.run().then((r) => r.violations.map((v) => [v.id, v.nodes.map((n) => n.target).join(' ')]))"
KIND = (
    "[document.querySelectorAll('#stage video').length, !!document.querySelector('#slider'), "
    "!!document.querySelector('.acr')].join()"
)
STALL = """() => {
  const video = document.querySelector('#stage video');
  video.addEventListener('playing', () => {
    const began = performance.now();
    const over = () => { window.stalled ??= (performance.now() - began) / 1000; };
    for (const name of ['playing', 'ended']) video.addEventListener(name, over, { once: true });
    video.dispatchEvent(new Event('waiting'));
    setTimeout(() => video.dispatchEvent(new Event('playing')), 60);
  }, { once: true });
}"""
"""What a browser tells when it has nothing to show for 60 ms, from the moment the clip plays. How long it was in the
end stays in `stalled`: timers of a loaded machine are late."""
SHORT = (
    DESIGN.replace("trials = 6\nrepeats = 1", "trials = 2")
    .replace("trials = 2\n[[blocks]]", "trials = 1\n[[blocks]]")
    .replace('questions = ["intensity"]\ntrials = 2', 'questions = ["intensity"]\ntrials = 1')
    .replace('[[gold]]\nblock = "ratings"\nquestion = "naturalness"\nmethod = "still-image"\nlow = 1\nhigh = 2\n', "")
    .replace('text = "How natural?"', 'text = "How natural does this face move?"\nreference = true')
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, timeout=1000 * SLOW)
        yield found
        found.close()


class Site:
    """A served study that can be killed and started again."""

    def __init__(self, study: StudyData, token: str) -> None:
        self.study, self.token = study, token
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.server = Killable(study.folder, "", self.port)
        self.start()
        self.store = Store(study)

    def start(self) -> None:
        self.server.start()
        wait_until_up(self.base, SLOW)

    def answers(self) -> list[Any]:
        with self.store.database.read() as connection:
            return list(connection.execute(select(schema.answers).order_by(schema.answers.c.number)).all())

    def secret(self) -> list[str]:
        with self.store.database.read() as connection:
            raters = schema.raters.c
            return str(connection.scalar(select(raters.check_secret).order_by(raters.number.desc()))).split("-")


@pytest.fixture
def site(tmp_path: Path, clips: list[Source]) -> Iterator[Site]:
    found = Site(*make_study(tmp_path / "study", SHORT, clips))
    yield found
    found.store.close()
    found.server.close()


class Rater:
    """A page with everything that went wrong on it. Waiting is done here: the
    pages' policy forbids playwright's own."""

    def __init__(self, browser: Browser, site: Site, width: int, name: str, scheme: Any = "light") -> None:
        phone = width < 600
        self.context = browser.new_context(
            viewport={"width": width, "height": 740 if phone else 900}, has_touch=phone,
            color_scheme=scheme,
        )  # fmt: skip
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * SLOW)
        self.site, self.width, self.name, self.shots = site, width, name, 0
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda m: self.problems.append(m.text) if m.type in ("error", "warning") else None)

    def wait(self, condition: str) -> None:
        until = time.monotonic() + SLOW
        while time.monotonic() < until:
            try:
                if self.page.evaluate(condition):
                    return
            except playwright.Error as error:
                if "context" not in str(error):  # the page is changing under the question
                    raise
            time.sleep(0.02)
        raise AssertionError(f"{condition} never came true; {self.problems}")

    def look(self, name: str, axe: bool = True) -> None:
        """No sideways scrolling, nothing that axe finds; a picture for people."""
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self.width
        if SHOTS:
            self.shots += 1
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{SHOTS}/{self.name}-{self.shots:02d}-{name}.png")
        if axe:
            assert violations(self.page) == []

    def to_rating(self, keyboard: bool) -> None:
        """Consent, sound check, the first intro."""
        page = self.page
        page.goto(self.site.base)
        self.look("consent")
        if keyboard:
            page.locator("input[name=agree]").focus()
            page.keyboard.press("Space")
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
        else:
            page.check("input[name=agree]")
            page.click("button.main")
        self.wait("document.querySelector('#fields') && !document.querySelector('.play').disabled")
        assert page.evaluate("document.querySelector('#fields').disabled")
        page.keyboard.press("Enter") if keyboard else page.click(".play")
        self.wait("!document.querySelector('#fields').disabled")
        beeps, shape = self.site.secret()
        page.check(f"input[name=beeps][value='{beeps}']", force=True)
        page.check(f"input[name=shape][value={shape}]", force=True)
        self.look("check")
        page.keyboard.press("Enter") if keyboard else page.click("#form button[type=submit]")
        self.wait("document.querySelector('#intro') && !document.querySelector('#intro').hidden")
        self.look("intro")

    def ready(self) -> str:
        """Wait for the next thing to do: "intro", "trial" or "questions"."""
        self.wait(
            "location.pathname.endsWith('questions') || (document.querySelector('#intro') && "
            "(!document.querySelector('#intro').hidden || (!document.querySelector('#trial').hidden && "
            "document.querySelector('.play') && !document.querySelector('.play').disabled)))"
        )
        if self.page.url.endswith("questions"):
            return "questions"
        return "trial" if self.page.evaluate("document.querySelector('#intro').hidden") else "intro"

    def play(self, keyboard: bool) -> None:
        """Play what was not yet played, to the end."""
        tiles = self.page.locator("#stage .tile")
        for index in range(tiles.count()):
            if "seen" in (tiles.nth(index).get_attribute("class") or ""):
                continue
            if keyboard:  # the page has put the focus on the next clip's button
                self.page.keyboard.press("Enter")
            else:
                self.page.locator(".play").nth(index).click()
            if self.page.locator("#slider").count():
                for _ in range(4):
                    self.page.keyboard.press("ArrowRight")
            self.wait(f"document.querySelectorAll('#stage .tile')[{index}].classList.contains('seen')")

    def answer(self, keyboard: bool) -> None:
        """Answer the open question; waits until it is saved."""
        before = len(self.site.answers())
        if not self.page.locator("#slider").count():
            self.wait("!document.querySelector('#answers fieldset').disabled")
            pair = self.page.locator("#stage video").count() == 2
            if keyboard:
                self.page.keyboard.press("a" if pair else "2")
            else:
                self.page.locator("#answers label.option").first.click()
        self.wait("!document.querySelector('#save').disabled")
        self.page.evaluate("() => { document.querySelector('#answers').lastElementChild.dataset.old = '1'; }")
        self.page.keyboard.press("Enter") if keyboard else self.page.click("#save")
        until = time.monotonic() + SLOW
        while len(self.site.answers()) == before and time.monotonic() < until:
            time.sleep(0.02)
        self.wait(
            "location.pathname.endsWith('questions') || !document.querySelector('#feedback').hidden || "
            "!document.querySelector('#intro').hidden || !document.querySelector('#answers [data-old]')"
        )


def violations(page: Any) -> list[str]:
    """What axe-core finds (WCAG 2 A and AA, best practices)."""
    axe = pytest.importorskip("axe_playwright_python", reason="axe is not installed: accessibility was not tested")
    page.evaluate(Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate(AXE)
    return [" ".join(violation) for violation in found]


@pytest.mark.parametrize(
    ("width", "keyboard", "scheme"), [*WAYS, *([(360, False, "dark"), (1440, True, "light")] if SHOTS else [])]
)
def test_the_whole_way(browser: Browser, site: Site, width: int, keyboard: bool, scheme: str) -> None:
    rater = Rater(browser, site, width, f"{width}-{scheme}", scheme)
    rater.to_rating(keyboard)
    page = rater.page
    looked: set[str] = set()
    refreshed = False
    while (what := rater.ready()) != "questions":
        if what == "intro":
            page.keyboard.press("Enter") if keyboard else page.click("#intro-go")
            rater.wait("document.querySelector('#intro').hidden")
            continue
        kind = page.evaluate(KIND)
        if not page.evaluate("document.querySelector('#feedback').hidden"):
            rater.look("feedback")
            page.keyboard.press("Enter") if keyboard else page.click("#save")
            rater.wait("document.querySelector('#feedback').hidden")
            continue
        assert page.evaluate("document.querySelector('#save').disabled")
        if kind not in looked:
            rater.look("open")
        rater.play(keyboard)
        if kind not in looked:
            rater.look("played", axe=False)
        if len(site.answers()) == 4 and not refreshed:  # in the middle of a trial: back where it stopped
            refreshed = True
            words = page.locator("#answers legend").inner_text()
            count = page.locator("#count").inner_text()
            page.reload()
            if rater.ready() == "intro":
                page.click("#intro-go")
            rater.wait("document.querySelector('#answers legend')")
            assert (page.locator("#answers legend").inner_text(), page.locator("#count").inner_text()) == (words, count)
            rater.ready()
            rater.play(keyboard=False)
        rater.answer(keyboard)
        looked.add(kind)
    assert looked == {"1,false,false", "1,false,true", "2,false,false", "1,true,false"}
    rater.look("questions")
    page.click("button.main")
    rater.wait("document.querySelector('.wrong')")
    rater.look("wrong")
    page.check("input[name=age] >> nth=0", force=True)
    page.fill("textarea", "<b>fine</b>")
    page.click("button.main")
    rater.wait("document.querySelector('#code')")
    rater.look("done")
    # The questionnaire that lacked an answer was a 422, which the console names; there is nothing else.
    assert [p for p in rater.problems if "422" not in p] == []
    saved = site.answers()
    assert site.store.recount() == []
    assert [row.answer for row in saved].count("trace") == 1
    assert all(json.loads(row.playback)["watched"] >= 0.95 for row in saved)
    page.goto(f"{site.base}/withdraw")
    rater.look("withdraw")
    page.goto(f"{site.base}/admin")
    rater.look("login")
    page.fill("#token", site.token)
    page.click("button.main")
    rater.wait("document.querySelector('#raters b')")
    rater.look("admin")
    rater.context.close()


def test_an_answer_survives_a_server_that_is_killed(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site, 360, "killed")
    rater.to_rating(keyboard=False)
    page = rater.page
    page.click("#intro-go")
    assert rater.ready() == "trial"
    rater.play(keyboard=False)
    page.locator("#answers label.option").first.click()
    site.server.kill()
    page.click("#save")
    rater.wait("document.querySelector('#status').textContent.includes('Your answer is kept here')")
    rater.look("offline", axe=False)
    assert site.answers() == []
    site.start()
    until = time.monotonic() + SLOW
    while not site.answers() and time.monotonic() < until:
        time.sleep(0.05)
    assert len(site.answers()) == 1
    assert page.evaluate("Object.keys(localStorage).length") in (0, 1)
    rater.context.close()


def test_a_slow_network_is_said_and_nothing_can_be_answered_before_and_stalls_are_kept(
    browser: Browser, site: Site
) -> None:
    rater = Rater(browser, site, 360, "slow")
    rater.to_rating(keyboard=False)
    page = rater.page
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/media/**", hold)
    page.reload()
    rater.wait("!document.querySelector('#intro').hidden")
    page.click("#intro-go")
    rater.wait("!document.querySelector('#trial').hidden")
    time.sleep(0.3)
    assert page.evaluate("document.querySelector('.play').disabled")
    assert page.evaluate("document.querySelector('#answers fieldset').disabled")
    assert page.evaluate("document.querySelector('#save').disabled")
    rater.look("waiting", axe=False)
    for route in held:
        route.continue_()
    page.unroute("**/media/**")
    assert rater.ready() == "trial"
    page.evaluate(STALL)
    page.click(".play")
    rater.wait("document.querySelectorAll('#stage .tile')[0].classList.contains('seen')")
    stalled = page.evaluate("window.stalled")
    rater.answer(keyboard=False)
    playback = json.loads(site.answers()[0].playback)
    assert playback["load_seconds"] > 0.3
    assert playback["stalls"] == 1
    assert stalled >= 0.05
    assert playback["stall_seconds"] == pytest.approx(stalled, abs=0.01)
    rater.context.close()
