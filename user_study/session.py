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
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from eap.errors import EapError
from user_study import schema
from user_study.assignment import IntArray, Slot, next_item, plan_session, seed_of
from user_study.folder import BEEPS, SHAPES, StudyData
from user_study.records import RaterState

Stage = Literal["check", "training", "trials", "questions", "done", "withdrawn", "blocked", "expired"]
RaterRow = Row[Any]
AHEAD = 1
"""Trials given out before their turn, so that the browser can load the next clip."""


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


def hashed(token: str) -> str:
    """A cookie as the database keeps it."""
    return hashlib.sha256(token.encode()).hexdigest()


def by_token(connection: Connection, token: str) -> RaterRow | None:
    """The rater of a cookie."""
    if not token:
        return None
    return connection.execute(select(schema.raters).where(schema.raters.c.token == hashed(token))).first()


def by_id(connection: Connection, rater: str) -> RaterRow:
    """A rater who is known to be there."""
    return connection.execute(select(schema.raters).where(schema.raters.c.id == rater)).one()


def change(connection: Connection, rater: str, **values: Any) -> None:
    """Set columns of one rater."""
    connection.execute(update(schema.raters).where(schema.raters.c.id == rater).values(**values))


def recognise(connection: Connection, arrival: Arrival) -> RaterRow | None:
    """The rater who came from this platform session before."""
    table = schema.raters.c
    if not arrival.complete:
        return None
    found = connection.execute(
        select(schema.raters).where(
            table.platform == arrival.platform, table.platform_rater == arrival.rater,
            table.platform_study == arrival.study, table.platform_session == arrival.session,
        )
    )  # fmt: skip
    return found.first()


def took_part(connection: Connection, arrival: Arrival) -> bool:
    """Whether the same platform account came in another session."""
    table = schema.raters.c
    query = select(func.count()).where(table.platform == arrival.platform, table.platform_rater == arrival.rater)
    return bool(arrival.rater) and bool(connection.scalar(query))


def reenter(connection: Connection, arrival: Arrival) -> Admitted | None:
    """A new cookie for a rater who comes back from the platform; the old one is worth nothing from then on."""
    row = recognise(connection, arrival)
    if row is None or row.stage == "withdrawn":
        return None
    token = secrets.token_urlsafe(32)
    change(connection, row.id, token=hashed(token))
    return Admitted(row.id, token)


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


def slots(row: RaterRow) -> tuple[Slot, ...]:
    """A rater's plan."""
    return tuple(Slot(**values) for values in json.loads(row.plan))


def pass_check(
    connection: Connection, study: StudyData, rater: str, device: Mapping[str, Any], answer: str, now: float
) -> Stage:
    """Take the answer of the sound and picture check. Raises RefusedError when it is not the rater's stage."""
    row = by_id(connection, rater)
    if row.stage != "check":
        raise RefusedError("the check was passed already")
    tries = row.check_tries + 1
    values: dict[str, Any] = {"check_tries": tries, "device": json.dumps(dict(device)), "seen_at": now}
    right = answer == row.check_secret or not study.design.session.sound_check
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
    change(connection, rater, stage=stage, **values)
    if stage in ("training", "trials"):
        give_trials(connection, study, rater)
    return stage


def counts(connection: Connection, study: StudyData, block: str) -> IntArray:
    """How often each item of a block was given out to raters who count: pending and done, (n,)."""
    given = np.zeros(len(study.boards[block].items), np.int64)
    table = schema.items.c
    for item, pending, done in connection.execute(
        select(table.item, table.pending, table.done).where(table.block == block)
    ):
        given[item] = pending + done
    return given


def count(connection: Connection, block: str, item: int, pending: int = 0, done: int = 0) -> None:
    """Add to an item's counts."""
    table = schema.items.c
    connection.execute(
        update(schema.items)
        .where(table.block == block, table.item == item)
        .values(pending=table.pending + pending, done=table.done + done)
    )


def give_trials(connection: Connection, study: StudyData, rater: str) -> None:
    """Give out trials up to the one after the open one; atomic, because writing is (see `database`)."""
    row = by_id(connection, rater)
    plan = slots(row)
    trials = schema.trials.c
    shown = [
        int(item)
        for item in connection.scalars(select(trials.item).where(trials.rater == rater).order_by(trials.position))
    ]
    while len(shown) < min(row.position + 1 + AHEAD, len(plan)):
        slot, position = plan[len(shown)], len(shown)
        given = counts(connection, study, slot.block)
        item = next_item(study.boards, plan, shown, given, row.seed)
        connection.execute(
            insert(schema.trials).values(
                id=secrets.token_urlsafe(16), rater=rater, position=position, block=slot.block, role=slot.role,
                item=item, stimuli=json.dumps(_sides(connection, study, rater, slot, item, given)),
                repeat_of=slot.repeat_of, known=slot.known, state="pending", done_at=0.0,
            )
        )  # fmt: skip
        if slot.role == "trial" and not row.excluded:
            count(connection, slot.block, item, pending=1)
        shown.append(item)


def _sides(
    connection: Connection, study: StudyData, rater: str, slot: Slot, item: int, given: IntArray
) -> tuple[str, ...]:
    """The stimuli in the order shown; pairs change sides from one showing of a cell to the next."""
    board = study.boards[slot.block]
    stimuli = board.items[item].stimuli
    if len(stimuli) == 1:
        return stimuli
    if slot.repeat_of is not None:
        trials = schema.trials.c
        first = connection.scalar(
            select(trials.stimuli).where(trials.rater == rater, trials.position == slot.repeat_of)
        )
        return tuple(reversed(json.loads(cast("str", first))))
    known = (
        None if slot.known is None else {"gold": study.design.gold, "training": study.design.training}.get(slot.role)
    )
    if known is not None and slot.known is not None:
        method = known[slot.known].method
        return stimuli if study.stimuli[stimuli[0]].method == method else tuple(reversed(stimuli))
    cell = board.items[item].cell
    turn = int(given[board.cell_of == cell].sum()) + cell
    return stimuli if turn % 2 == 0 else tuple(reversed(stimuli))


def release_dropouts(connection: Connection, study: StudyData, now: float) -> int:
    """Raters who went silent: their unanswered trials go back. They may still return. Returns how many."""
    table = schema.raters.c
    late = now - 60 * study.design.session.drop_after_minutes
    gone = list(connection.scalars(select(table.id).where(table.state == "active", table.seen_at < late)))
    for rater in gone:
        release(connection, rater)
        change(connection, rater, state="dropped")
    return len(gone)


def release(connection: Connection, rater: str) -> None:
    """Take back a rater's unanswered trials."""
    table = schema.trials.c
    excluded = by_id(connection, rater).excluded
    for row in connection.execute(select(schema.trials).where(table.rater == rater, table.state == "pending")):
        if row.role == "trial" and not excluded:
            count(connection, row.block, row.item, pending=-1)
    connection.execute(
        update(schema.trials).where(table.rater == rater, table.state == "pending").values(state="released")
    )


def wake(connection: Connection, row: RaterRow) -> None:
    """A dropped rater is back: the trials that were given out for them are theirs again."""
    if row.state != "dropped":
        return
    table = schema.trials.c
    for trial in connection.execute(select(schema.trials).where(table.rater == row.id, table.state == "released")):
        if trial.role == "trial" and not row.excluded:
            count(connection, trial.block, trial.item, pending=1)
    connection.execute(
        update(schema.trials).where(table.rater == row.id, table.state == "released").values(state="pending")
    )
    change(connection, row.id, state="active")


def resume(connection: Connection, study: StudyData, rater: str, now: float) -> Stage:
    """A rater opens the study again: where they are, by the design's policy."""
    row = by_id(connection, rater)
    stage = cast("Stage", row.stage)
    if stage in ("done", "withdrawn", "blocked", "expired"):
        return stage
    if now - row.seen_at > 3600 * study.design.session.resume_hours:
        release(connection, rater)
        again = study.design.session.expired == "restart"
        # Forgotten as an account, the rater may consent again and begin a session of its own.
        forget = {"platform_rater": "", "platform_study": "", "platform_session": ""} if again else {}
        change(connection, rater, stage="expired", state="dropped", **forget)
        return "expired"
    wake(connection, row)
    return stage


def save_questionnaire(
    connection: Connection, study: StudyData, rater: str, given: Mapping[str, str], now: float
) -> None:
    """Save the questionnaire and finish. Saving it again after that changes nothing."""
    row = by_id(connection, rater)
    if row.stage == "done":
        return
    if row.stage != "questions":
        raise RefusedError("the questionnaire is not open yet")
    rows = [{"rater": rater, "question": name, "answer": answer} for name, answer in given.items() if answer]
    if rows:
        connection.execute(insert(schema.questionnaire), rows)
    finish(connection, rater, now)


def finish(connection: Connection, rater: str, now: float) -> None:
    """Everything is saved."""
    change(connection, rater, stage="done", state="done", finished_at=now, seen_at=now)


def completion_code(study: StudyData, rater: str) -> str:
    """The design's code, or one of the rater's own that only this study's key can make."""
    if code := study.design.recruitment.completion_code:
        return code
    digest = hmac.new(study.key, f"completion\x1f{rater}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest)[:8].decode()


def withdraw(connection: Connection, study: StudyData, rater: str) -> None:
    """The rater takes the consent back: cells are filled again, answers deleted (unless the consent says otherwise)."""
    row = by_id(connection, rater)
    if row.stage == "withdrawn":
        return
    uncount(connection, row)
    state: RaterState = "withdrawn"
    values: dict[str, Any] = {"stage": "withdrawn", "state": state, "excluded": "withdrew"}
    if study.design.consent.on_withdrawal == "delete":
        for table in (schema.answers, schema.trials, schema.questionnaire):
            connection.execute(delete(table).where(table.c.rater == rater))
        values |= {"device": "{}", "platform_rater": "", "platform_study": "", "platform_session": ""}
    change(connection, rater, **values)


def uncount(connection: Connection, row: RaterRow) -> None:
    """Take a rater's trials, answered or not, out of the counts."""
    if row.excluded:
        return
    table = schema.trials.c
    for trial in connection.execute(select(schema.trials).where(table.rater == row.id, table.role == "trial")):
        pending, done = int(trial.state == "pending"), int(trial.state == "done")
        count(connection, trial.block, trial.item, pending=-pending, done=-done)


def exclude(connection: Connection, rater: str, reason: str) -> bool:
    """Screening: this rater's cells are filled again. The answers stay. Returns False when it was so before."""
    row = by_id(connection, rater)
    if row.excluded:
        return False
    uncount(connection, row)
    change(connection, rater, excluded=reason[:500])
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
