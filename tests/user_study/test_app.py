"""The web form without a browser: the whole way, media in parts, a proxy's prefix."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.user_study.small_study import DESIGN, Clockwork, make_study
from tests.user_study.web_client import HTML, Visitor
from user_study.database import StoreUnavailableError
from user_study.folder import StudyData
from user_study.media import Part, parse_range
from user_study.stimuli import Source
from user_study.store import Store


@pytest.fixture
def store(study: StudyData) -> Store:
    opened = Store(study)
    opened.clock = Clockwork()  # type: ignore[assignment]
    return opened


@pytest.mark.parametrize("root_path", ["", "/study"])
def test_the_whole_way(store: Store, root_path: str) -> None:
    visitor = Visitor(store, root_path)
    assert visitor.consent("PROLIFIC_PID=p&STUDY_ID=s&SESSION_ID=t").url.path == f"{root_path}/check"
    assert visitor.get("rate").url.path == f"{root_path}/check"  # nothing can be skipped
    assert visitor.pass_check().json() == {"stage": "training"}
    assert visitor.get("").url.path == f"{root_path}/rate"
    assert visitor.rate()["stage"] == "questions"
    page = visitor.get("")
    assert page.url.path == f"{root_path}/questions"
    token = visitor.csrf
    wrong = visitor.http.post(f"{root_path}/questions", data={"csrf_token": token, "age": "x"}, headers=HTML)
    assert wrong.status_code == 422
    assert "Please choose one of the options." in wrong.text
    end = visitor.http.post(
        f"{root_path}/questions", data={"csrf_token": token, "age": "18-29", "remarks": "fine"}, headers=HTML
    )
    assert end.url.path == f"{root_path}/done"
    me = store.me(visitor.cookie)
    assert me is not None
    code = store.completion_code(me.rater)
    assert code in end.text
    # The same address from the platform, in another browser, shows the same code again.
    assert code in Visitor(store, root_path).get("?PROLIFIC_PID=p&STUDY_ID=s&SESSION_ID=t").text


def test_a_refresh_or_crash_resumes_where_it_stopped(store: Store) -> None:
    visitor = Visitor(store)
    visitor.consent()
    visitor.pass_check()
    state = visitor.rate(most=5)
    again = Visitor(store)
    again.http.cookies.update(visitor.http.cookies)
    assert again.state() == state


def test_consent_must_be_given(store: Store) -> None:
    visitor = Visitor(store)
    reply = visitor.consent(agree="")
    assert reply.status_code == 422
    assert "Please tick the box" in reply.text
    assert visitor.cookie == ""


def test_a_failed_check_can_be_repeated_and_then_ends_kindly(store: Store) -> None:
    visitor = Visitor(store)
    visitor.consent()
    for stage in ("check", "check", "blocked"):
        assert visitor.post("api/check", {"beeps": 9, "shape": "circle"}, visitor.csrf).json() == {"stage": stage}
    assert "This study does not work on this device" in visitor.get("").text


def test_withdrawing(store: Store) -> None:
    visitor = Visitor(store)
    visitor.consent()
    visitor.pass_check()
    visitor.rate(most=3)
    token = visitor.csrf
    assert "answers you gave are deleted" in visitor.get("withdraw").text
    reply = visitor.http.post("/withdraw", data={"csrf_token": token}, headers=HTML)
    assert "You have left the study" in reply.text
    assert visitor.get("rate").url.path == "/left"
    assert visitor.state()["stage"] == "withdrawn"


def test_mturk_preview_cannot_begin(store: Store) -> None:
    page = Visitor(store).get("?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=h")
    assert "This is a preview" in page.text
    assert "<form" not in page.text


def test_a_database_in_trouble_is_503_with_a_hint(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = Visitor(store)
    visitor.consent()
    visitor.pass_check()
    state, token = visitor.state(), visitor.csrf

    def broken(*_: object) -> None:
        raise StoreUnavailableError("database is locked", fix="x")

    visitor.wait()
    with monkeypatch.context() as patched:
        patched.setattr(store.database, "write", broken)
        reply = visitor.post("api/answers", visitor.answer_of(state), token)
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "2")
        assert "Nothing is lost" in reply.json()["error"]
    assert visitor.post("api/answers", visitor.answer_of(state), token).status_code == 200


def test_completion_address_gets_the_code(tmp_path: Path, clips: list[Source]) -> None:
    more = (
        '[recruitment]\nplatform = "prolific"\ncompletion_code = "A&B"\ncompletion_url = "https://p.test/x?cc={code}"\n'
    )
    study, _ = make_study(tmp_path / "study", DESIGN + more, clips)
    visitor = Visitor(Store(study))
    visitor.store.clock = Clockwork()  # type: ignore[assignment]
    visitor.consent()
    visitor.pass_check()
    visitor.rate()
    visitor.http.post("/questions", data={"csrf_token": visitor.csrf, "age": "18-29"})
    assert 'href="https://p.test/x?cc=A%26B"' in visitor.get("done").text


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-99", Part(0, 99)),
        ("bytes=990-", Part(990, 999)),
        ("bytes=-10", Part(990, 999)),
        ("bytes=-5000", Part(0, 999)),
        ("bytes=5-5000", Part(5, 999)),
        ("bytes = 1 - 2", Part(1, 2)),
        ("bytes=0-1,5-6", None),
        ("bytes=9-2", None),
        ("bytes=-", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
    ],
)
def test_ranges(header: str, expected: Part | None) -> None:
    assert parse_range(header, 1000) == expected


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_ranges_outside_the_file(header: str) -> None:
    with pytest.raises(ValueError, match="end"):
        parse_range(header, 1000)


def test_media_in_parts(store: Store) -> None:
    visitor = Visitor(store)
    visitor.consent()
    visitor.pass_check()
    url = "/" + visitor.state()["trial"]["clips"][0]["url"]
    whole = visitor.http.get(url)
    assert (whole.status_code, whole.headers["accept-ranges"], whole.headers["content-type"]) == (
        200, "bytes", "video/mp4",
    )  # fmt: skip
    size = len(whole.content)
    part = visitor.http.get(url, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{size}"
    beyond = visitor.http.get(url, headers={"range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    tag = whole.headers["etag"]
    assert visitor.http.get(url, headers={"if-none-match": tag}).status_code == 304
    assert visitor.http.get(url, headers={"range": "bytes=0-1", "if-range": '"other"'}).status_code == 200
    head = visitor.http.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")
    assert visitor.http.get("/media/check").status_code == 200


def test_pages_say_the_questions_in_the_raters_own_order(store: Store) -> None:
    orders = set()
    for _ in range(4):
        visitor = Visitor(store)
        visitor.consent()
        visitor.pass_check()
        options = visitor.state()["trial"]["questions"][0]["options"]
        assert options[-1] == {"value": "unsure", "label": "Not sure"}
        orders.add(tuple(option["value"] for option in options))
    assert len(orders) > 1


def test_no_page_has_inline_script_or_style(store: Store) -> None:
    visitor = Visitor(store)
    texts = [visitor.get("").text]
    visitor.consent()
    texts += [visitor.get("check").text, visitor.get("withdraw").text]
    visitor.pass_check()
    texts.append(visitor.get("rate").text)
    visitor.rate()
    texts += [visitor.get("questions").text, visitor.get("admin").text]
    for text in texts:
        assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", text) == []
