"""How a running study stands: raters, cells, playback, dropout. Numbers for `study status` and the live page."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from user_study import schema, session
from user_study.folder import StudyData


@dataclass(frozen=True)
class CellProgress:
    """One cell of one block."""

    methods: tuple[str, ...]
    track: str
    emotion: str
    identity: str
    done: int
    pending: int


@dataclass(frozen=True)
class BlockProgress:
    """One block: what its cells have."""

    name: str
    kind: str
    cells: tuple[CellProgress, ...]

    @property
    def least(self) -> int:
        """Completed trials of the emptiest cell."""
        return min(cell.done for cell in self.cells)

    @property
    def most(self) -> int:
        """Completed trials of the fullest cell."""
        return max(cell.done for cell in self.cells)


@dataclass(frozen=True)
class Playback:
    """What raters' browsers saw, by kind of device."""

    device: str
    answers: int
    stalled: float
    """Share of answers whose clip stalled."""
    dropped: float
    """Share of decoded frames that were dropped."""
    load_median: float
    load_worst: float
    """95th percentile of the wait before a clip, seconds."""


@dataclass(frozen=True)
class Progress:
    """A whole study at one moment."""

    study: str
    title: str
    planned: int
    raters: dict[str, int]
    """State -> raters."""
    excluded: int
    answers: int
    checks: dict[str, tuple[int, int]]
    """gold, trap, training -> answered as expected, of all."""
    blocks: tuple[BlockProgress, ...]
    left_at: dict[int, int]
    """Trials answered -> raters who stopped there."""
    playback: tuple[Playback, ...]
    minutes: float | None
    """Median minutes from consent to the end."""
    faults: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "study": self.study, "title": self.title, "planned": self.planned, "raters": self.raters,
            "excluded": self.excluded, "answers": self.answers, "checks": self.checks, "minutes": self.minutes,
            "left_at": {str(k): v for k, v in self.left_at.items()}, "faults": self.faults,
            "playback": [vars(p) for p in self.playback],
            "blocks": [
                {"name": b.name, "kind": b.kind, "least": b.least, "most": b.most, "cells": [vars(c) for c in b.cells]}
                for b in self.blocks
            ],
        }  # fmt: skip


def progress(connection: Connection, study: StudyData) -> Progress:
    """Read everything in one transaction."""
    raters = connection.execute(select(schema.raters)).all()
    states = Counter(str(row.state) for row in raters)
    training = len(study.design.training)
    times = [(row.finished_at - row.consent_at) / 60 for row in raters if row.finished_at]
    return Progress(
        study=study.info.id,
        title=study.design.title,
        planned=study.design.raters,
        raters={state: states.get(state, 0) for state in ("active", "done", "dropped", "withdrawn", "blocked")},
        excluded=sum(bool(row.excluded) and row.state != "withdrawn" for row in raters),
        answers=connection.scalar(select(func.count()).select_from(schema.answers)) or 0,
        checks=_checks(connection),
        blocks=tuple(_block(connection, study, name) for name in study.boards),
        left_at=dict(
            sorted(Counter(max(0, row.position - training) for row in raters if row.state == "dropped").items())
        ),
        playback=_playback(connection),
        minutes=round(statistics.median(times), 1) if times else None,
        faults=tuple(session.recount(connection)),
    )


def _block(connection: Connection, study: StudyData, name: str) -> BlockProgress:
    board = study.boards[name]
    done, pending = [0] * len(board.cells), [0] * len(board.cells)
    for row in connection.execute(select(schema.items).where(schema.items.c.block == name)):
        cell = board.items[row.item].cell
        done[cell] += row.done
        pending[cell] += row.pending
    cells = tuple(
        CellProgress(cell.methods, cell.track, cell.emotion, cell.identity, done[i], pending[i])
        for i, cell in enumerate(board.cells)
    )
    return BlockProgress(name, study.design.kind(name), cells)


def _checks(connection: Connection) -> dict[str, tuple[int, int]]:
    answers, trials = schema.answers.c, schema.trials.c
    query = (
        select(trials.role, func.sum(answers.correct), func.count())
        .join(schema.trials, trials.id == answers.trial)
        .where(answers.correct.is_not(None))
        .group_by(trials.role)
    )
    return {str(role): (int(right), int(n)) for role, right, n in connection.execute(query)}


def _playback(connection: Connection) -> tuple[Playback, ...]:
    query = select(schema.raters.c.device, schema.answers.c.playback).join(
        schema.raters, schema.raters.c.id == schema.answers.c.rater
    )
    by_device: dict[str, list[dict[str, Any]]] = {}
    for device, playback in connection.execute(query):
        by_device.setdefault(json.loads(device).get("kind", "unknown"), []).append(json.loads(playback))
    return tuple(_seen(device, seen) for device, seen in sorted(by_device.items()))


def _seen(device: str, seen: Sequence[dict[str, Any]]) -> Playback:
    frames = sum(p["frames"] or 0 for p in seen)
    dropped = sum(p["frames_dropped"] or 0 for p in seen)
    loads = sorted(p["load_seconds"] for p in seen if p["load_seconds"] is not None) or [0.0]
    return Playback(
        device=device,
        answers=len(seen),
        stalled=round(sum(p["stalls"] > 0 for p in seen) / len(seen), 4),
        dropped=round(dropped / frames, 4) if frames else 0.0,
        load_median=round(statistics.median(loads), 3),
        load_worst=round(loads[min(len(loads) - 1, int(0.95 * len(loads)))], 3),
    )


def screening(connection: Connection, study: StudyData) -> dict[str, Any] | None:
    """How raters stand against the design's two tiers now; None while nobody has finished."""
    from user_study.export import tables
    from user_study.screening import rules, screen

    data = tables(connection, study)
    finished = set(data.raters.loc[data.raters["state"] == "done", "rater"])
    if not finished:
        return None
    cleaning = screen(study.design, data)
    judged = [checked for checked in cleaning.raters if checked.rater in finished]
    return {
        "raters": len(judged),
        "paid": sum(checked.paid for checked in judged),
        "used": sum(checked.used for checked in judged),
        "missed": [
            [tier, words, limit, missed] for tier, words, limit, missed, _ in rules(study.design, judged) if missed
        ],
        "unused": {checked.rater: "; ".join(checked.reasons) for checked in judged if not checked.used},
    }
