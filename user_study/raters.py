"""Raters as the database keeps them: read once per request, changed by one statement."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import Connection, Row, select, update

from user_study import schema
from user_study.assignment import Slot

Stage = Literal["check", "training", "trials", "questions", "done", "withdrawn", "blocked", "expired"]


@dataclass(frozen=True)
class Rater:
    """The columns of a rater's row that requests look at."""

    id: str
    seed: int
    stage: Stage
    state: str
    check_tries: int
    check_secret: str
    plan: str
    position: int
    turn_at: float
    seen_at: float
    excluded: str

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The session's plan."""
        return _slots(self.plan)


_NAMES = tuple(field.name for field in fields(Rater))
_COLUMNS = tuple(schema.raters.c[name] for name in _NAMES)


@lru_cache(maxsize=2048)
def _slots(plan: str) -> tuple[Slot, ...]:
    return tuple(Slot(**values) for values in json.loads(plan))


def _rater(row: Row[Any]) -> Rater:
    return Rater(**dict(zip(_NAMES, row, strict=True)))


def hashed(token: str) -> str:
    """A cookie as the database keeps it."""
    return hashlib.sha256(token.encode()).hexdigest()


def by_token(connection: Connection, token: str) -> Rater | None:
    """The rater of a cookie."""
    if not token:
        return None
    row = connection.execute(select(*_COLUMNS).where(schema.raters.c.token == hashed(token))).first()
    return None if row is None else _rater(row)


def by_id(connection: Connection, rater: str) -> Rater:
    """A rater who is known to be there."""
    return _rater(connection.execute(select(*_COLUMNS).where(schema.raters.c.id == rater)).one())


def change(connection: Connection, rater: Rater, **values: Any) -> Rater:
    """Set columns of one rater; returns the rater as it is then."""
    connection.execute(update(schema.raters).where(schema.raters.c.id == rater.id).values(**values))
    return replace(rater, **{name: value for name, value in values.items() if name in _NAMES})
