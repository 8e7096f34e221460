"""A study with its database: everything the web form does to it, each call one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, insert, select

from eap.errors import ConfigError
from user_study import answers, raters, schema, session
from user_study.database import Clock, Database, latest_stamp
from user_study.folder import StudyData
from user_study.raters import Rater, Stage
from user_study.session import Admitted, Arrival, RefusedError

FAILURES_PER_ADDRESS, FAILURES_IN_ALL = 5, 100
FAILURE_WINDOW = 900.0
"""Wrong admin tokens within so many seconds that lock an address (or, in all, everybody) out."""
SWEEP_SECONDS = 20.0
"""How often a process looks for raters who went silent, while others answer."""


@dataclass(frozen=True)
class Me:
    """The rater behind a request."""

    rater: str
    stage: str


def _known(rater: Rater | None) -> Rater:
    if rater is None:
        raise RefusedError("no session: open the study's address again", 401)
    return rater


class Store:
    """Open a study's database: made if it is not there, refused if it is another study's or another version's."""

    def __init__(self, study: StudyData, url: str = "", *, upgrade: bool = False) -> None:
        self.study = study
        self.database = Database(url or study.sqlite_url)
        self.database.prepare(upgrade)
        self.database.write(self._claim)
        with self.database.read() as connection:
            self.clock = Clock(latest_stamp(connection))
        self._media = lru_cache(maxsize=4096)(self._find_media)
        self._swept = -SWEEP_SECONDS

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def _claim(self, connection: Connection) -> None:
        table = schema.study.c
        there = connection.scalar(select(table.value).where(table.key == "id"))
        if there is None:
            connection.execute(insert(schema.study).values(key="id", value=self.study.info.id))
            rows = [
                {"block": name, "item": item, "pending": 0, "done": 0}
                for name, board in self.study.boards.items()
                for item in range(len(board.items))
            ]
            connection.execute(insert(schema.items), rows)
        elif there != self.study.info.id:
            raise ConfigError(
                f"{self.database.url.render_as_string(hide_password=True)}: holds another study ({there})",
                fix="give each study a database of its own",
            )

    def me(self, token: str) -> Me | None:
        """The rater of a cookie."""
        found = self._by_token(token)
        return None if found is None else Me(found.id, found.stage)

    def _by_token(self, token: str) -> Rater | None:
        if not token:
            return None
        with self.database.look() as connection:
            return raters.by_token(connection, token)

    def visit(self, token: str) -> Me | None:
        """The rater of a cookie who opens a page, where the design's policy lets them go on."""
        found = self._by_token(token)
        if found is None:
            return None
        return Me(found.id, self._resumed(found))

    def reenter(self, arrival: Arrival) -> Admitted | None:
        """A rater who comes from the platform again."""
        if not arrival.complete:
            return None
        with self.database.look() as connection:
            if session.recognise(connection, arrival) is None:
                return None
        return self.database.write(lambda connection: session.reenter(connection, arrival))

    def consent(self, arrival: Arrival) -> Admitted:
        """Admit a rater. Raises RefusedError."""
        return self.database.write(lambda c: session.consent(c, self.study, arrival, self.clock.now()))

    def resume(self, rater: str) -> Stage:
        """Where a rater is who opens a page."""
        with self.database.look() as connection:
            found = raters.by_id(connection, rater)
        return self._resumed(found)

    def _resumed(self, rater: Rater) -> Stage:
        now = self.clock.now()
        if session.stands(self.study, rater, now):
            return rater.stage  # as nearly always: no page waits for the lock of those who save

        def job(connection: Connection) -> Stage:
            return session.resume(connection, self.study, raters.by_id(connection, rater.id), now).stage

        return self.database.write(job)

    def check_secret(self, rater: str) -> str:
        """Which clip of the sound check the rater gets."""
        with self.database.look() as connection:
            return raters.by_id(connection, rater).check_secret

    def pass_check(self, rater: str, device: Mapping[str, Any], answer: str) -> Stage:
        """The sound check's answer. Raises RefusedError."""
        return self.database.write(lambda c: session.pass_check(c, self.study, rater, device, answer, self.clock.now()))

    def state(self, rater: str) -> dict[str, Any]:
        """What the browser is told."""
        with self.database.read() as connection:
            return answers.state(connection, self.study, raters.by_id(connection, rater))

    def enter(self, token: str) -> dict[str, Any]:
        """What the browser of a cookie's rater is told, who is woken if need be. Raises RefusedError (401)."""
        now = self.clock.now()
        with self.database.read() as connection:
            found = _known(raters.by_token(connection, token))
            if session.stands(self.study, found, now):
                return answers.state(connection, self.study, found)

        def job(connection: Connection) -> dict[str, Any]:
            woken = session.resume(connection, self.study, raters.by_id(connection, found.id), now)
            return answers.state(connection, self.study, woken)

        return self.database.write(job)

    def save(self, rater: str, given: answers.Given) -> tuple[answers.Saved, dict[str, Any]]:
        """Save an answer; when this returns it is on the disk. Raises RefusedError, StoreUnavailableError."""
        return self.database.write(lambda c: self._save(c, raters.by_id(c, rater), given))

    def answer(self, token: str, given: answers.Given) -> tuple[answers.Saved, dict[str, Any]]:
        """The same for the rater of a cookie. Raises RefusedError (401) when there is none."""
        return self.database.write(lambda c: self._save(c, _known(raters.by_token(c, token)), given))

    def _save(self, connection: Connection, rater: Rater, given: answers.Given) -> tuple[answers.Saved, dict[str, Any]]:
        now = self.clock.now()
        saved = answers.save(connection, self.study, rater, given, now)
        if abs(now - self._swept) >= SWEEP_SECONDS:
            self._swept = now
            session.release_dropouts(connection, self.study, now)
        return saved

    def save_questionnaire(self, rater: str, given: Mapping[str, str]) -> None:
        """Save the questionnaire and finish. Raises RefusedError."""
        self.database.write(lambda c: session.save_questionnaire(c, self.study, rater, given, self.clock.now()))

    def withdraw(self, rater: str) -> None:
        """The rater takes the consent back."""
        self.database.write(lambda c: session.withdraw(c, self.study, rater))
        self._media.cache_clear()

    def exclude(self, rater: str, reason: str) -> bool:
        """Have a rater's cells filled again; the answers stay."""
        return self.database.write(lambda c: session.exclude(c, rater, reason))

    def release_dropouts(self) -> int:
        """Give back what silent raters hold."""
        return self.database.write(lambda c: session.release_dropouts(c, self.study, self.clock.now()))

    def recount(self) -> list[str]:
        """Differences between the kept counts and the trials: none, unless something is wrong."""
        with self.database.read() as connection:
            return session.recount(connection)

    def completion_code(self, rater: str) -> str:
        """What the rater gives to the platform."""
        return session.completion_code(self.study, rater)

    def media(self, rater: str, trial: str, which: Literal["0", "1", "reference"]) -> str | None:
        """The file of a rater's trial, relative to the folder; None: not theirs."""
        try:
            return self._media(rater, trial, which)
        except LookupError:
            return None

    def _find_media(self, rater: str, trial: str, which: Literal["0", "1", "reference"]) -> str:
        with self.database.look() as connection:
            found = answers.media_of(connection, self.study, rater, trial, which)
        if found is None:
            raise LookupError(trial)  # which is not cached: it may come to be
        return found

    def admin_locked(self, address: str) -> bool:
        """Whether this address (or all together) tried too many wrong tokens."""
        table = schema.admin_failures.c
        since = self.clock.now() - FAILURE_WINDOW
        with self.database.read() as connection:
            mine = connection.scalar(select(func.count()).where(table.address == address, table.at > since)) or 0
            everybody = connection.scalar(select(func.count()).where(table.at > since)) or 0
        return mine >= FAILURES_PER_ADDRESS or everybody >= FAILURES_IN_ALL

    def admin_failed(self, address: str) -> None:
        """Remember a wrong token; old ones are forgotten."""

        def job(connection: Connection) -> None:
            now = self.clock.now()
            connection.execute(delete(schema.admin_failures).where(schema.admin_failures.c.at < now - FAILURE_WINDOW))
            connection.execute(insert(schema.admin_failures).values(address=address[:64], at=now))

        self.database.write(job)
