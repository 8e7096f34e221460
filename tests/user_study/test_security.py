"""Attacks on the web form, one test each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from eap.constants import EMOTIONS
from tests.user_study.small_study import METHODS, Clockwork, Robot
from tests.user_study.web_client import HTML, Visitor
from user_study import export, schema, security
from user_study.export import _plain
from user_study.folder import StudyData
from user_study.store import FAILURE_WINDOW, Store

EVIL = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{7*7}}"


@pytest.fixture
def store(study: StudyData) -> Store:
    opened = Store(study)
    opened.clock = Clockwork()  # type: ignore[assignment]
    return opened


@pytest.fixture
def visitor(store: Store) -> Visitor:
    """A rater who has passed the check."""
    found = Visitor(store)
    found.consent()
    found.pass_check()
    found.wait()
    return found


def saved(store: Store) -> int:
    with store.database.read() as connection:
        return len(connection.execute(select(schema.answers)).all())


def test_headers_on_every_reply(visitor: Visitor) -> None:
    for path in ("", "static/style.css", "api/state", "health", "nothing-here", "admin"):
        headers = visitor.http.get(f"/{path}").headers
        assert headers["content-security-policy"] == security.POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert "unsafe" not in security.POLICY


@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
def test_csrf_without_the_token(visitor: Visitor, store: Store, token: str) -> None:
    answer = visitor.answer_of(visitor.state())
    headers = {"x-csrf-token": token.encode(), "content-type": "application/json"}
    assert visitor.http.post("/api/answers", content=json.dumps(answer), headers=headers).status_code == 403
    assert visitor.http.post("/withdraw", data={"csrf_token": token}).status_code == 403
    assert saved(store) == 0
    assert visitor.state()["stage"] == "training"


def test_csrf_with_another_raters_token(visitor: Visitor, store: Store) -> None:
    other = Visitor(store)
    other.consent()
    assert visitor.post("api/answers", visitor.answer_of(visitor.state()), other.csrf).status_code == 403


@pytest.mark.parametrize("headers", [{"origin": "https://evil.test"}, {"sec-fetch-site": "cross-site"}])
def test_csrf_from_another_site(visitor: Visitor, store: Store, headers: dict[str, str]) -> None:
    answer = visitor.answer_of(visitor.state())
    assert visitor.post("api/answers", answer, visitor.csrf, **headers).status_code == 403
    assert saved(store) == 0
    assert visitor.post("api/answers", answer, visitor.csrf, origin="http://study.test").status_code == 200


def test_consent_needs_the_visitors_own_form(store: Store) -> None:
    visitor = Visitor(store)
    assert visitor.consent(csrf_token="0" * 64).status_code == 403
    assert visitor.cookie == ""


def test_session_fixation(store: Store) -> None:
    """A cookie that an attacker chose, before consent, is not the rater's afterwards; nor is one in the address."""
    victim = Visitor(store)
    name = f"eap_rater_{store.study.info.id[:8]}"
    chosen = "attacker-chosen-token"
    victim.http.cookies.set(name, chosen, domain="study.test", path="/")
    victim.get(f"?{name}={chosen}&token={chosen}")
    page = victim.consent()
    assert page.url.path == "/check"
    values = [cookie.value for cookie in victim.http.cookies.jar if cookie.name == name]
    assert chosen not in values
    assert store.me(chosen) is None


def test_cookies_cannot_be_read_by_scripts_or_sent_by_other_sites(store: Store) -> None:
    visitor = Visitor(store)
    first = visitor.http.get("/", headers=HTML)
    assert re.search(r"eap_visit\w+=.*HttpOnly.*SameSite=lax", first.headers["set-cookie"])
    assert "Secure" not in first.headers["set-cookie"]
    secure = visitor.http.get("https://study.test/", headers=HTML)
    assert "Secure" in secure.headers["set-cookie"]


def test_cookies_are_kept_as_hashes(visitor: Visitor, store: Store) -> None:
    with store.database.read() as connection:
        row = connection.execute(select(schema.raters)).one()
    assert visitor.cookie not in [str(value) for value in row]
    assert len(visitor.cookie) >= 43


def test_names_and_free_text_are_never_markup(store: Store, admin_token: str) -> None:
    visitor = Visitor(store)
    page = visitor.get("?" + str(__import__("httpx").QueryParams({"PROLIFIC_PID": EVIL, "SESSION_ID": EVIL})))
    assert EVIL not in page.text
    assert "<img" not in page.text
    visitor.consent(platform_rater=EVIL)
    visitor.pass_check()
    visitor.rate()
    fields = {"csrf_token": visitor.csrf, "age": EVIL, "remarks": EVIL}
    wrong = visitor.http.post("/questions", data=fields, headers=HTML)
    assert wrong.status_code == 422
    assert "<img" not in wrong.text
    assert "49" not in re.sub(r"csrf\w*\W+value=\W\w+", "", wrong.text)  # no template is run on it
    done = visitor.http.post("/questions", data=fields | {"age": "18-29"}, headers=HTML)
    assert done.url.path == "/done"
    data = visitor.http.get("/admin/data", headers={"authorization": f"Bearer {admin_token}"}).text
    assert "<img" not in data
    with store.database.read() as connection:
        assert EVIL in list(connection.scalars(select(schema.questionnaire.c.answer)))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_platform_names_are_no_formulas(text: str) -> None:
    assert _plain(text) == f"'{text}"


def test_free_text_is_no_formula_in_the_export(store: Store) -> None:
    robot = Robot(store)
    robot.finish(most=1000)
    with store.database.read() as connection:
        assert export.tables(connection, store.study).questionnaire["answer"].tolist() == ["18-29"]
    text = '=HYPERLINK("https://evil.test")'
    change = insert(schema.questionnaire).values(rater=robot.rater, question="remarks", answer=text)
    store.database.write(lambda connection: connection.execute(change) and None)
    with store.database.read() as connection:
        found = export.tables(connection, store.study).questionnaire
    assert found["answer"].tolist() == ["18-29", f"'{text}"]


@pytest.mark.parametrize("field", ["platform_rater", "platform_study", "platform_session"])
def test_sql_in_platform_fields_is_data(store: Store, field: str) -> None:
    text = "x'; DROP TABLE raters; --"
    visitor = Visitor(store)
    whole = {"platform_rater": "p", "platform_study": "s", "platform_session": "t", "platform": "prolific"}
    assert visitor.consent(**(whole | {field: text})).url.path == "/check"
    with store.database.read() as connection:
        row = connection.execute(select(schema.raters)).one()
    assert getattr(row, field) == text


@pytest.mark.parametrize("field", ["id", "trial", "question"])
def test_sql_in_answers_is_refused(visitor: Visitor, store: Store, field: str) -> None:
    answer = visitor.answer_of(visitor.state(), **{field: "x' OR '1'='1"})
    assert visitor.post("api/answers", answer).status_code == 422
    assert saved(store) == 0


@pytest.mark.parametrize(
    "path",
    [
        "media/../study.json",
        "media/%2e%2e/secret.key",
        "media/..%2f..%2fsecret.key/0",
        "media/x/..%2f..%2fstudy.sqlite",
        "media/x/0",
        "static/../app.py",
        "static/..%2fapp.py",
        "static/%2e%2e%2fapp.py",
        "static/....//app.py",
        "static/..%252fapp.py",
        "media/check/../../secret.key",
    ],
)
def test_path_traversal(visitor: Visitor, path: str) -> None:
    reply = visitor.http.get(f"/{path}")
    assert reply.status_code in (404, 422)
    assert len(reply.content) < 200


def test_media_paths_cannot_leave_the_folder(study: StudyData, tmp_path: Path) -> None:
    from starlette.requests import Request

    from user_study import media

    (tmp_path / "outside.mp4").write_bytes(b"secret")
    (study.folder / "media" / "link.mp4").symlink_to(tmp_path / "outside.mp4")
    request = Request({"type": "http", "method": "GET", "headers": []})
    for name in ("../outside.mp4", "media/link.mp4", str(tmp_path / "outside.mp4")):
        assert media.send(request, study.folder, name, '"t"').status_code == 404


def test_other_raters_clips_and_trials_cannot_be_guessed(visitor: Visitor, store: Store) -> None:
    other = Visitor(store)
    other.consent()
    other.pass_check()
    other.wait()
    trial = other.state()["trial"]
    assert len(trial["id"]) >= 22  # 128 bits
    assert visitor.http.get("/" + trial["clips"][0]["url"]).status_code == 404
    assert Visitor(store).http.get("/" + trial["clips"][0]["url"]).status_code == 401
    stolen = other.answer_of(other.state())
    assert visitor.post("api/answers", stolen).status_code == 404
    stimulus = next(iter(store.study.stimuli))
    assert visitor.http.get(f"/media/{stimulus}/0").status_code == 404
    assert visitor.http.get(f"/media/{stimulus}.mp4").status_code == 404


def test_nothing_about_the_clip_reaches_the_rater(store: Store) -> None:
    """Methods, clips, identities, roles and expected answers: in no reply, header or media address of a session."""
    visitor = Visitor(store)
    replies = [visitor.consent()]
    visitor.pass_check()
    words = [*METHODS, "front_", "M1", "M2", "M3", "gold", "trap", "repeat", "expected", "invented"]
    state = visitor.state()
    token = visitor.csrf
    texts = []
    while state["stage"] in ("training", "trials"):
        texts.append(json.dumps(state))
        for clip in state["trial"]["clips"]:
            media = visitor.http.get("/" + clip["url"])
            assert media.status_code == 200
            texts.append(str(media.headers) + str(media.url))
            assert not any(word.encode() in media.content for word in (*METHODS, "front_"))
            assert "last-modified" not in media.headers
        visitor.wait()
        reply = visitor.post("api/answers", visitor.answer_of(state), token)
        replies.append(reply)
        state = reply.json()["state"]
    texts += [reply.text + str(reply.headers) for reply in replies]
    for text in texts:
        bare = re.sub(r"[\w-]{16,}", "", text)  # random tokens hold any short word by chance
        for word in words:
            assert word not in (bare if len(word) < 5 else text), (word, text[:300])
    labels = {f'"emotion": "{emotion}"' for emotion in EMOTIONS}
    assert not any(label in text for label in labels for text in texts)


def test_the_same_clip_has_another_address_and_tag_each_time(store: Store) -> None:
    robot = Robot(store)
    robot.finish()
    with store.database.read() as connection:
        rows = connection.execute(select(schema.trials.c.id, schema.trials.c.stimuli)).all()
    assert len({row.id for row in rows}) == len(rows)
    assert len({row.stimuli for row in rows}) < len(rows)  # the repeat at least


def test_admin_page_needs_the_token(visitor: Visitor, store: Store, admin_token: str) -> None:
    assert visitor.get("admin").status_code == 401
    assert visitor.http.get("/admin/data").status_code == 401
    assert visitor.http.get("/admin/data", headers={"authorization": "Bearer wrong"}).status_code == 401
    reply = visitor.http.get("/admin/data", headers={"authorization": f"Bearer {admin_token}"})
    assert reply.json()["raters"]["active"] == 1
    page = visitor.http.post("/admin/login", data={"token": admin_token}, headers=HTML)
    assert page.url.path == "/admin"
    assert page.status_code == 200
    assert visitor.http.get("/admin/data").status_code == 200
    visitor.http.post("/admin/logout")
    assert visitor.http.get("/admin/data").status_code == 401


def test_admin_token_brute_force(store: Store, admin_token: str) -> None:
    attacker, owner = Visitor(store, address="6.6.6.6"), Visitor(store)
    for _ in range(5):
        assert attacker.http.post("/admin/login", data={"token": "guess"}).status_code == 401
    locked = attacker.http.post("/admin/login", data={"token": admin_token})
    assert locked.status_code == 429  # even with the right one: a lucky guess cannot be told from a wrong one
    assert attacker.http.get("/admin/data", headers={"authorization": f"Bearer {admin_token}"}).status_code == 429
    assert owner.http.post("/admin/login", data={"token": admin_token}).status_code == 200  # another address
    attacker.wait(FAILURE_WINDOW + 1)
    assert attacker.http.post("/admin/login", data={"token": admin_token}).status_code == 200


def test_admin_cookies_expire_and_cannot_be_made_up() -> None:
    key = b"k" * 32
    cookie = security.admin_cookie(key, now=1000.0)
    assert security.admin_cookie_holds(key, cookie, now=1000.0)
    assert not security.admin_cookie_holds(key, cookie, now=1000.0 + 12 * 3600 + 1)
    assert not security.admin_cookie_holds(b"j" * 32, cookie, now=1000.0)
    until, _, signature = cookie.partition(".")
    for forged in ("", ".", until, f"{int(until) + 9}.{signature}", f"²{until}.{signature}", f"{until}.é"):
        assert not security.admin_cookie_holds(key, forged, now=1000.0)


def test_replayed_submissions_are_confirmed_and_saved_once(visitor: Visitor, store: Store) -> None:
    answer, token = visitor.answer_of(visitor.state()), visitor.csrf
    first = visitor.post("api/answers", answer, token)
    again = visitor.post("api/answers", answer, token)
    assert (first.json()["replayed"], again.json()["replayed"]) == (False, True)
    assert again.json()["state"] == first.json()["state"]
    changed = visitor.post("api/answers", answer | {"answer": "sad"}, token)
    assert changed.status_code == 409
    assert saved(store) == 1


def test_oversized_bodies(visitor: Visitor, store: Store) -> None:
    token = visitor.csrf
    headers = {"x-csrf-token": token, "content-type": "application/json"}
    big = b" " * (security.MAX_BODY + 1)
    assert visitor.http.post("/api/answers", content=big, headers=headers).status_code == 413

    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 10_000  # no content-length: it is counted

    assert visitor.http.post("/api/answers", content=chunks(), headers=headers).status_code == 413
    answer = visitor.answer_of(visitor.state(), samples=[[0, 0]] * 5000)
    assert visitor.post("api/answers", answer, token).status_code == 422
    assert saved(store) == 0


NUMBERS = st.one_of(st.integers(-(10**20), 10**20), st.floats(), st.booleans())
VALUES = st.recursive(
    st.one_of(st.none(), NUMBERS, st.text(max_size=30)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=4)),
    max_leaves=8,
)
FIELDS = ("id", "trial", "question", "answer", "samples", "playback")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3), body=VALUES)
def test_no_input_makes_the_server_fail(visitor: Visitor, changes: dict[str, object], body: object) -> None:
    """The quick half of the fuzzing; schemathesis over the whole OpenAPI is `benchmarks.evidence.study_fuzz`."""
    visitor.wait()
    state, token = visitor.state(), visitor.csrf
    if state["trial"] is None:
        return
    for sent in (visitor.answer_of(state) | changes, body):
        content = json.dumps(sent).encode("utf-8", "surrogatepass")
        headers = {"x-csrf-token": token, "content-type": "application/json"}
        assert visitor.http.post("/api/answers", content=content, headers=headers).status_code < 500
        assert visitor.http.post("/api/check", content=content, headers=headers).status_code < 500
