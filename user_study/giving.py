"""Trials and the counts they are balanced by: giving out, taking back. As jobs on the database, like `session`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, and_, case, insert, or_, select, update

from user_study import schema
from user_study.assignment import IntArray, Slot, next_item
from user_study.folder import StudyData
from user_study.raters import Rater, change
from user_study.records import Role

AHEAD = 1
"""Trials given out before their turn, so that the browser can load the next clip."""


@dataclass(frozen=True)
class Trial:
    """One trial of a rater."""

    id: str
    position: int
    block: str
    role: Role
    item: int
    stimuli: tuple[str, ...]
    """In the order shown."""
    repeat_of: int | None
    known: int | None


@dataclass(frozen=True)
class Count:
    """What is added to an item's counts."""

    block: str
    item: int
    pending: int = 0
    done: int = 0


def trials_of(connection: Connection, rater: str) -> tuple[Trial, ...]:
    """All trials that were given out to a rater, by position."""
    table = schema.trials.c
    rows = connection.execute(
        select(
            table.id, table.position, table.block, table.role, table.item, table.stimuli, table.repeat_of, table.known
        )
        .where(table.rater == rater)
        .order_by(table.position)
    )
    return tuple(Trial(*row[:5], tuple(json.loads(row[5])), *row[6:]) for row in rows)


def counts(connection: Connection, study: StudyData, block: str) -> IntArray:
    """How often each item of a block was given out to raters who count: pending and done, (n,)."""
    given = np.zeros(len(study.boards[block].items), np.int64)
    table = schema.items.c
    for item, pending, done in connection.execute(
        select(table.item, table.pending, table.done).where(table.block == block)
    ):
        given[item] = pending + done
    return given


def add(connection: Connection, found: Iterable[Count]) -> None:
    """Add to the counts of items, all of them by one statement."""
    sums: dict[tuple[str, int], tuple[int, int]] = {}
    for count in found:
        pending, done = sums.get((count.block, count.item), (0, 0))
        sums[count.block, count.item] = (pending + count.pending, done + count.done)
    if not sums:
        return
    table = schema.items.c
    here = [(and_(table.block == block, table.item == item), both) for (block, item), both in sums.items()]
    connection.execute(
        update(schema.items)
        .where(or_(*(where for where, _ in here)))
        .values(
            pending=table.pending + case(*((where, pending) for where, (pending, _) in here), else_=0),
            done=table.done + case(*((where, done) for where, (_, done) in here), else_=0),
        )
    )


def give(
    connection: Connection, study: StudyData, rater: Rater, trials: Sequence[Trial], also: Sequence[Count] = ()
) -> tuple[Trial, ...]:
    """Give out trials up to the one after the open one, and count them together with `also`; returns all trials.

    Atomic, because writing is (see `database`).
    """
    plan, shown = rater.slots, list(trials)
    wanted = min(rater.position + 1 + AHEAD, len(plan))
    boards: dict[str, IntArray] = {}
    added = list(also)
    while len(shown) < wanted:
        slot = plan[len(shown)]
        if slot.block not in boards:
            boards[slot.block] = counts(connection, study, slot.block)
        given = boards[slot.block]
        item = next_item(study.boards, plan, [trial.item for trial in shown], given, rater.seed)
        stimuli = _sides(study, shown, slot, item, given)
        shown.append(
            Trial(
                secrets.token_urlsafe(16), len(shown), slot.block, slot.role, item, stimuli, slot.repeat_of, slot.known
            )
        )
        if slot.role == "trial" and not rater.excluded:
            given[item] += 1
            added.append(Count(slot.block, item, pending=1))
    if new := shown[len(trials) :]:
        connection.execute(insert(schema.trials), [_row(rater, trial) for trial in new])
    add(connection, added)
    return tuple(shown)


def _row(rater: Rater, trial: Trial) -> dict[str, Any]:
    stimuli = json.dumps(trial.stimuli)
    return {**vars(trial), "stimuli": stimuli, "rater": rater.id, "state": "pending", "done_at": 0.0}


def _sides(study: StudyData, shown: Sequence[Trial], slot: Slot, item: int, given: IntArray) -> tuple[str, ...]:
    """The stimuli in the order shown; pairs change sides from one showing of a cell to the next."""
    board = study.boards[slot.block]
    stimuli = board.items[item].stimuli
    if len(stimuli) == 1:
        return stimuli
    if slot.repeat_of is not None:
        return tuple(reversed(shown[slot.repeat_of].stimuli))
    known = (
        None if slot.known is None else {"gold": study.design.gold, "training": study.design.training}.get(slot.role)
    )
    if known is not None and slot.known is not None:
        method = known[slot.known].method
        return stimuli if study.stimuli[stimuli[0]].method == method else tuple(reversed(stimuli))
    cell = board.items[item].cell
    turn = int(given[board.cell_of == cell].sum()) + cell
    return stimuli if turn % 2 == 0 else tuple(reversed(stimuli))


def release(connection: Connection, rater: Rater) -> None:
    """Take back a rater's unanswered trials."""
    _move(connection, rater, "pending", "released", -1)


def wake(connection: Connection, rater: Rater) -> Rater:
    """A dropped rater is back: the trials that were given out for them are theirs again."""
    if rater.state != "dropped":
        return rater
    _move(connection, rater, "released", "pending", 1)
    return change(connection, rater, state="active")


def _move(connection: Connection, rater: Rater, before: str, after: str, pending: int) -> None:
    table = schema.trials.c
    these = (table.rater == rater.id, table.state == before)
    found = connection.execute(select(table.block, table.item, table.role).where(*these)).all()
    if not rater.excluded:
        add(connection, [Count(row.block, row.item, pending=pending) for row in found if row.role == "trial"])
    if found:
        connection.execute(update(schema.trials).where(*these).values(state=after))


def uncount(connection: Connection, rater: Rater) -> None:
    """Take a rater's trials, answered or not, out of the counts."""
    if rater.excluded:
        return
    table = schema.trials.c
    rows = connection.execute(
        select(table.block, table.item, table.state).where(table.rater == rater.id, table.role == "trial")
    )
    add(
        connection,
        [Count(row.block, row.item, -int(row.state == "pending"), -int(row.state == "done")) for row in rows],
    )
