"""A browser without pictures: follows the pages and the data routes as the scripts do."""

from __future__ import annotations

import re
import secrets
from typing import Any

from fastapi.testclient import TestClient
from httpx import Response

from tests.user_study.small_study import Clockwork
from user_study.app import create_app
from user_study.store import Store

HTML = {"accept": "text/html"}


class Visitor:
    """One browser on one study."""

    def __init__(self, store: Store, root_path: str = "", address: str = "9.9.9.9") -> None:
        self.store = store
        self.base = root_path
        self.http = TestClient(
            create_app(store, root_path), base_url="http://study.test", follow_redirects=True, client=(address, 1)
        )

    def get(self, path: str, **options: Any) -> Response:
        """A page."""
        page: Response = self.http.get(f"{self.base}/{path}", headers=HTML, **options)
        return page

    @property
    def cookie(self) -> str:
        """The rater's cookie, empty before consent."""
        return next((value for name, value in self.http.cookies.items() if name.startswith("eap_rater")), "")

    def consent(self, query: str = "", **changed: str) -> Response:
        """Open the study and agree."""
        page = self.get(f"?{query}").text
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        sent = fields | {"agree": "yes"} | changed
        answer: Response = self.http.post(f"{self.base}/consent", data=sent, headers=HTML)
        return answer

    @property
    def csrf(self) -> str:
        """The token in the page the rater is on."""
        found = re.search(r'(?:data-csrf|name="csrf_token" value)="(\w+)"', self.get("").text)
        assert found is not None
        return found.group(1)

    def post(self, path: str, body: object, token: str | None = None, **headers: str) -> Response:
        """Send JSON as the scripts do."""
        value = self.csrf if token is None else token
        sent = {"x-csrf-token": value, **headers}
        answer: Response = self.http.post(f"{self.base}/{path}", json=body, headers=sent)
        return answer

    def pass_check(self) -> Response:
        """The right answer of the sound check."""
        me = self.store.me(self.cookie)
        assert me is not None
        beeps, _, shape = self.store.check_secret(me.rater).partition("-")
        size = {"width": 360, "height": 740, "ratio": 2.0, "touch": True}
        return self.post("api/check", {"beeps": int(beeps), "shape": shape, **size})

    def state(self) -> dict[str, Any]:
        """Where the rater is."""
        told: dict[str, Any] = self.http.get(f"{self.base}/api/state").json()
        return told

    def answer_of(self, state: dict[str, Any], **changed: Any) -> dict[str, Any]:
        """An answer to what is open."""
        trial = state["trial"]
        question = trial["questions"][trial["step"]]
        seconds = trial["clips"][0]["seconds"]
        trace = question["kind"] == "trace"
        return {
            "id": secrets.token_hex(16), "trial": trial["id"], "question": question["name"],
            "answer": "trace" if trace else question["options"][0]["value"],
            "samples": [[0, 0.1], [seconds / 2, 0.6], [seconds, 0.9]] if trace else [],
            "playback": {"plays": 1, "watched": 1.0, "seconds": 2.0, "load_seconds": 0.2},
            **changed,
        }  # fmt: skip

    def wait(self, seconds: float = 10.0) -> None:
        """Let time pass on the server."""
        assert isinstance(self.store.clock, Clockwork)
        self.store.clock.time += seconds

    def rate(self, most: int = 1000) -> dict[str, Any]:
        """Answer what is asked, up to the questionnaire."""
        state, token = self.state(), self.csrf
        while state["stage"] in ("training", "trials") and most > 0:
            self.wait()
            reply = self.post("api/answers", self.answer_of(state), token)
            assert reply.status_code == 200, reply.text
            state = reply.json()["state"]
            most -= 1
        return state
