"""A rater's way through a study, as jobs on the database: consent, check, stages, resuming, leaving.

Each function takes a connection inside a transaction (see `database.Database.write`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, delete, func, insert, select, update

from eap.errors import EapError
from user_study import giving, schema
from user_study.assignment import plan_session, seed_of
from user_study.folder import BEEPS, SHAPES, StudyData
from user_study.raters import Rater, Stage, by_id, change, hashed
from user_study.records import RaterState

FINAL: frozenset[Stage] = frozenset({"done", "withdrawn", "blocked", "expired"})


class RefusedError(EapError):
    """A request that does not fit the rater's state; `status` is its HTTP code."""

    def __init__(self, message: str, status: int = 409) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        return (RefusedError, (self.message, self.status))


@dataclass(frozen=True)
class Arrival:
    """What a recruitment platform puts into the address."""

    platform: str = "direct"
    rater: str = ""
    study: str = ""
    session: str = ""

    @property
    def complete(self) -> bool:
        """Whether a person can be recognised by it: the platform's own session id cannot be guessed."""
        return bool(self.rater and self.session)


class Admitted(NamedTuple):
    """A rater and the new cookie."""

    rater: str
    token: str


def recognise(connection: Connection, arrival: Arrival) -> str | None:
    """The rater who came from this platform session before, unless withdrawn."""
    table = schema.raters.c
    if not arrival.complete:
        return None
    return connection.scalar(
        select(table.id).where(
            table.platform == arrival.platform, table.platform_rater == arrival.rater,
            table.platform_study == arrival.study, table.platform_session == arrival.session,
            table.stage != "withdrawn",
        )
    )  # fmt: skip


def took_part(connection: Connection, arrival: Arrival) -> bool:
    """Whether the same platform account came in another session."""
    table = schema.raters.c
    query = select(func.count()).where(table.platform == arrival.platform, table.platform_rater == arrival.rater)
    return bool(arrival.rater) and bool(connection.scalar(query))


def reenter(connection: Connection, arrival: Arrival) -> Admitted | None:
    """A new cookie for a rater who comes back from the platform; the old one is worth nothing from then on."""
    rater = recognise(connection, arrival)
    if rater is None:
        return None
    token = secrets.token_urlsafe(32)
    connection.execute(update(schema.raters).where(schema.raters.c.id == rater).values(token=hashed(token)))
    return Admitted(rater, token)


def consent(connection: Connection, study: StudyData, arrival: Arrival, now: float) -> Admitted:
    """Admit a rater. Raises RefusedError for a platform account that took part already."""
    known = reenter(connection, arrival)
    if known is not None:
        return known
    if took_part(connection, arrival):
        raise RefusedError("This account has already taken part in this study.", 403)
    number = (connection.scalar(select(func.max(schema.raters.c.number))) or 0) + 1
    seed = seed_of(study.design.seed, number)
    plan = plan_session(study.design, study.boards, list(study.stimuli.values()), seed)
    token, rater = secrets.token_urlsafe(32), f"R{secrets.token_hex(6)}"
    dice = np.random.default_rng(secrets.randbits(63))
    connection.execute(
        insert(schema.raters).values(
            id=rater, number=number, token=hashed(token), seed=seed, stage="check", state="active",
            platform=arrival.platform, platform_rater=arrival.rater, platform_study=arrival.study,
            platform_session=arrival.session, consent_version=study.design.consent.version, consent_at=now,
            device="{}", check_tries=0, check_secret=f"{dice.choice(BEEPS)}-{dice.choice(SHAPES)}",
            plan=json.dumps([asdict(slot) for slot in plan]), position=0, turn_at=now, started_at=0.0, seen_at=now,
            finished_at=0.0, excluded="",
        )
    )  # fmt: skip
    return Admitted(rater, token)


def pass_check(
    connection: Connection, study: StudyData, rater: str, device: Mapping[str, Any], answer: str, now: float
) -> Stage:
    """Take the answer of the sound and picture check. Raises RefusedError when it is not the rater's stage."""
    me = by_id(connection, rater)
    if me.stage != "check":
        raise RefusedError("the check was passed already")
    tries = me.check_tries + 1
    values: dict[str, Any] = {"check_tries": tries, "device": json.dumps(dict(device)), "seen_at": now}
    right = answer == me.check_secret or not study.design.session.sound_check
    stage: Stage = "check"
    if device.get("kind") == "phone" and not study.design.session.phones:
        stage = "blocked"
    elif right:
        stage = "training" if study.design.training else "trials"
    elif tries >= study.design.session.check_tries:
        stage = "blocked"
    if stage == "blocked":
        values["state"] = "blocked"
    elif stage != "check":
        values |= {"turn_at": now, "started_at": now if stage == "trials" else 0.0}
    me = change(connection, me, stage=stage, **values)
    if stage in ("training", "trials"):
        giving.give(connection, study, me, giving.trials_of(connection, rater))
    return stage


def release_dropouts(connection: Connection, study: StudyData, now: float) -> int:
    """Raters who went silent: their unanswered trials go back. They may still return. Returns how many."""
    table = schema.raters.c
    late = now - 60 * study.design.session.drop_after_minutes
    gone = list(connection.scalars(select(table.id).where(table.state == "active", table.seen_at < late)))
    for rater in gone:
        me = by_id(connection, rater)
        giving.release(connection, me)
        change(connection, me, state="dropped")
    return len(gone)


def stands(study: StudyData, rater: Rater, now: float) -> bool:
    """Whether opening a page changes nothing about a rater: then nothing has to be written."""
    return rater.stage in FINAL or (rater.state != "dropped" and not _late(study, rater, now))


def _late(study: StudyData, rater: Rater, now: float) -> bool:
    return now - rater.seen_at > 3600 * study.design.session.resume_hours


def resume(connection: Connection, study: StudyData, rater: Rater, now: float) -> Rater:
    """A rater opens the study again: as they are from then on, by the design's policy."""
    if stands(study, rater, now):
        return rater
    if not _late(study, rater, now):
        return giving.wake(connection, rater)
    giving.release(connection, rater)
    again = study.design.session.expired == "restart"
    # Forgotten as an account, the rater may consent again and begin a session of its own.
    forget = {"platform_rater": "", "platform_study": "", "platform_session": ""} if again else {}
    return change(connection, rater, stage="expired", state="dropped", **forget)


def save_questionnaire(
    connection: Connection, study: StudyData, rater: str, given: Mapping[str, str], now: float
) -> None:
    """Save the questionnaire and finish. Saving it again after that changes nothing."""
    me = by_id(connection, rater)
    if me.stage == "done":
        return
    if me.stage != "questions":
        raise RefusedError("the questionnaire is not open yet")
    rows = [{"rater": rater, "question": name, "answer": answer} for name, answer in given.items() if answer]
    if rows:
        connection.execute(insert(schema.questionnaire), rows)
    change(connection, me, **finished(now))


def finished(now: float) -> dict[str, Any]:
    """The columns of a rater of whom everything is saved."""
    return {"stage": "done", "state": "done", "finished_at": now, "seen_at": now}


def completion_code(study: StudyData, rater: str) -> str:
    """The design's code, or one of the rater's own that only this study's key can make."""
    if code := study.design.recruitment.completion_code:
        return code
    digest = hmac.new(study.key, f"completion\x1f{rater}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest)[:8].decode()


def withdraw(connection: Connection, study: StudyData, rater: str) -> None:
    """The rater takes the consent back: cells are filled again, answers deleted (unless the consent says otherwise)."""
    me = by_id(connection, rater)
    if me.stage == "withdrawn":
        return
    giving.uncount(connection, me)
    state: RaterState = "withdrawn"
    values: dict[str, Any] = {"stage": "withdrawn", "state": state, "excluded": "withdrew"}
    if study.design.consent.on_withdrawal == "delete":
        for table in (schema.answers, schema.trials, schema.questionnaire):
            connection.execute(delete(table).where(table.c.rater == rater))
        values |= {"device": "{}", "platform_rater": "", "platform_study": "", "platform_session": ""}
    change(connection, me, **values)


def exclude(connection: Connection, rater: str, reason: str) -> bool:
    """Screening: this rater's cells are filled again. The answers stay. Returns False when it was so before."""
    me = by_id(connection, rater)
    if me.excluded:
        return False
    giving.uncount(connection, me)
    change(connection, me, excluded=reason[:500])
    return True


def recount(connection: Connection) -> list[str]:
    """Where the kept counts differ from what the trials say (nothing, unless something is wrong)."""
    trials, raters = schema.trials.c, schema.raters.c
    true: dict[tuple[str, int], Sequence[int]] = {}
    query = (
        select(trials.block, trials.item, trials.state, func.count())
        .join(schema.raters, raters.id == trials.rater)
        .where(trials.role == "trial", raters.excluded == "")
        .group_by(trials.block, trials.item, trials.state)
    )
    for block, item, state, n in connection.execute(query):
        pending, done = true.get((block, item), (0, 0))
        true[(block, item)] = (pending + n * (state == "pending"), done + n * (state == "done"))
    kept = connection.execute(select(schema.items)).all()
    return [
        f"{row.block} item {row.item}: kept {(row.pending, row.done)}, true {true.get((row.block, row.item), (0, 0))}"
        for row in kept
        if (row.pending, row.done) != tuple(true.get((row.block, row.item), (0, 0)))
    ]
