"""Saving answers, and what a rater's browser is told about the open trial.

An answer carries an id made by the browser. The same answer sent again (a lost reply, a refresh, a resend) changes
nothing and is confirmed again; another answer to the same question is refused. What the browser is told never holds a
method, a clip's name, the driving emotion, the role of a trial or an expected answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import Connection, insert, or_, select, update

from eap.constants import EMOTIONS
from user_study import schema, session
from user_study.design import Known, Trap
from user_study.folder import StudyData
from user_study.giving import Count, Trial, give, trials_of, wake
from user_study.questions import AnyQuestion, EmotionQuestion
from user_study.raters import Rater, change
from user_study.session import RefusedError

WATCHED = 0.95
"""Share of a clip that counts as played to its end: browsers report the last fraction of a second unevenly."""
FASTER = 0.9
"""Share of the clips' length that must have passed on the server's clock since the trial was opened."""
TRACE_HIGH, TRACE_LOW = 0.75, 0.25
"""Mean of a trace that follows the instruction "high" or "low"."""
TRACE_COVER = 0.8
"""A trace must reach this share of the clip."""
MAX_SAMPLES = 4096
EMOTION_LABELS = {
    "angry": "Angry", "contempt": "Contemptuous", "disgusted": "Disgusted", "fear": "Afraid", "happy": "Happy",
    "neutral": "Neutral", "sad": "Sad", "surprised": "Surprised", "unsure": "Not sure",
}  # fmt: skip
SIDE_LABELS = {"left": "Clip A", "right": "Clip B", "tie": "No difference"}
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=0, le=10**6)]


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Playback(_In):
    """What the browser saw of the clip."""

    plays: Number = 0
    watched: Share = 0.0
    seconds: Seconds | None = None
    stalls: Number = 0
    stall_seconds: Seconds = 0.0
    load_seconds: Seconds | None = None
    frames: Number | None = None
    frames_dropped: Number | None = None
    hidden: Number = 0


class Given(_In):
    """An answer as the browser sends it."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
    trial: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
    question: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    answer: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    samples: Annotated[tuple[tuple[Seconds, Share], ...], Field(max_length=MAX_SAMPLES)] = ()
    playback: Playback = Playback()


@dataclass(frozen=True)
class Saved:
    """What came of an answer."""

    replayed: bool
    correct: bool | None
    """Of a training answer: whether it was as expected."""
    feedback: str
    again: bool
    """The same question is asked once more (training)."""


@dataclass(frozen=True)
class Past:
    """What is looked at of an answer that was given before."""

    id: str
    trial: str
    question: str
    attempt: int
    answer: str
    correct: int | None


def save(
    connection: Connection, study: StudyData, rater: Rater, given: Given, now: float
) -> tuple[Saved, dict[str, Any]]:
    """Save one answer; returns what came of it and what the browser is told then.

    Everything is read once, by one statement a table, and written by one statement a table: on PostgreSQL each is a way
    to the server and back, with all other writers waiting. Raises RefusedError when the answer does not fit; nothing is
    changed then.
    """
    trials = trials_of(connection, rater.id)
    trial = next((trial for trial in trials if trial.id == given.trial), None)
    if trial is None:
        raise RefusedError("there is no such trial", 404)
    past = _past(connection, rater, [trial, *_ahead(rater, trials)], given.id)
    earlier = next((one for one in past if one.id == given.id), None)
    if earlier is not None:
        return _confirm_again(study, trial, earlier, given), told(study, rater, trials, past)
    if rater.stage not in ("training", "trials") or trial.position != rater.position:
        raise RefusedError("this trial is not open")
    question, attempt = _asked(study, trial, past)
    if question != given.question:
        raise RefusedError("this question is not the one that is asked")
    value, samples = _checked(study, trial, given)
    _refuse_unplayed(study, rater, trial, given, now)
    known = _known(study, trial, question)
    holds = None if known is None else _holds(known, study.design.question(question), given.answer, value)
    correct = None if holds is None else int(holds)
    rater = wake(connection, rater)
    connection.execute(
        insert(schema.answers).values(
            id=given.id, trial=trial.id, rater=rater.id, question=question, attempt=attempt, answer=given.answer,
            value=value, correct=correct, samples=samples, playback=given.playback.model_dump_json(), given_at=now,
        )
    )  # fmt: skip
    past = (*past, Past(given.id, trial.id, question, attempt, given.answer, correct))
    rater, trials = _advance(connection, study, rater, trials, past, now)
    return _saved(study, trial, question, attempt, holds, replayed=False), told(study, rater, trials, past)


def _ahead(rater: Rater, trials: Sequence[Trial]) -> list[Trial]:
    """The open trial and the next one."""
    return [trial for trial in trials if rater.position <= trial.position <= rater.position + 1]


def _past(connection: Connection, rater: Rater, trials: Sequence[Trial], given: str = "") -> tuple[Past, ...]:
    """The answers to these trials, in the order of attempts, and the one of the id `given`."""
    table = schema.answers.c
    mine = or_(table.id == given, table.trial.in_([trial.id for trial in trials]))
    rows = connection.execute(
        select(table.id, table.trial, table.question, table.attempt, table.answer, table.correct)
        .where(table.rater == rater.id, mine)
        .order_by(table.attempt)
    )
    return tuple(Past(*row) for row in rows)


def _confirm_again(study: StudyData, trial: Trial, earlier: Past, given: Given) -> Saved:
    same = (earlier.trial, earlier.question, earlier.answer) == (given.trial, given.question, given.answer)
    if not same:
        raise RefusedError("another answer was saved under this id")
    correct = None if earlier.correct is None else bool(earlier.correct)
    return _saved(study, trial, earlier.question, earlier.attempt, correct, replayed=True)


def _saved(
    study: StudyData, trial: Trial, question: str, attempt: int, correct: bool | None, *, replayed: bool
) -> Saved:
    if trial.role != "training" or trial.known is None:
        return Saved(replayed, None, "", False)  # nobody learns which trials were checks
    training = study.design.training[trial.known]
    if training.question != question:
        return Saved(replayed, None, "", False)
    again = not correct and attempt < study.design.training_tries
    return Saved(replayed, correct, training.right if correct else training.wrong, again)


def _asked(study: StudyData, trial: Trial, past: Sequence[Past]) -> tuple[str, int]:
    """The question a trial waits for and which attempt at it, or ("", 0) when all are answered."""
    given: dict[str, list[int | None]] = {}
    for one in past:
        if one.trial == trial.id:
            given.setdefault(one.question, []).append(one.correct)
    for name in study.design.block(trial.block).questions:
        attempts = given.get(name, [])
        failed = trial.role == "training" and bool(attempts) and attempts[-1] == 0
        if not attempts or (failed and len(attempts) < study.design.training_tries):
            return name, len(attempts) + 1
    return "", 0


def _checked(study: StudyData, trial: Trial, given: Given) -> tuple[float | None, str]:
    """The number of an answer and its samples as JSON. Raises RefusedError when the question has no such answer."""
    question = study.design.question(given.question)
    if question.kind == "trace":
        return _checked_trace(study, trial, given)
    if given.samples or given.answer not in question.options:
        raise RefusedError("the question has no such answer", 422)
    if question.kind == "acr":
        return float(given.answer), ""
    if question.kind == "preference":
        return {"left": 1.0, "right": 0.0, "tie": 0.5}[given.answer], ""
    return None, ""


def _checked_trace(study: StudyData, trial: Trial, given: Given) -> tuple[float, str]:
    seconds = study.stimuli[trial.stimuli[0]].seconds
    times = [t for t, _ in given.samples]
    if given.answer != "trace" or len(times) < 2:
        raise RefusedError("a trace needs samples", 422)
    if any(b < a for a, b in pairwise(times)) or times[-1] > seconds + 1.0:
        raise RefusedError("the samples of a trace must follow the clip", 422)
    if times[-1] < TRACE_COVER * seconds or times[0] > (1 - TRACE_COVER) * seconds:
        raise RefusedError("the trace does not cover the clip", 422)
    samples = [[round(t, 3), round(v, 4)] for t, v in given.samples]
    return trace_mean(given.samples, seconds), json.dumps(samples, separators=(",", ":"))


def trace_mean(samples: Sequence[tuple[float, float]], seconds: float) -> float:
    """Time-weighted mean of a slider that stays where it is until the next sample, over [first sample, end]."""
    times = np.array([t for t, _ in samples] + [max(seconds, samples[-1][0])])
    values = np.array([v for _, v in samples])
    width = np.diff(times)
    return float(values.mean()) if width.sum() <= 0 else float((values * width).sum() / width.sum())


def _refuse_unplayed(study: StudyData, rater: Rater, trial: Trial, given: Given, now: float) -> None:
    if not study.design.session.complete_playback:
        return
    needed = sum(study.stimuli[name].seconds for name in trial.stimuli)
    if given.playback.watched < WATCHED or given.playback.plays < 1:
        raise RefusedError("the clip was not played to its end", 422)
    # A trial opened in the future was opened by a server whose clock is ahead: then nobody can tell.
    if 0 <= now - rater.turn_at < FASTER * needed:
        raise RefusedError("the clip cannot have been played to its end yet", 422)


def _known(study: StudyData, trial: Trial, question: str) -> Known | Trap | None:
    """The known answer of this question of this trial."""
    if trial.known is None:
        return None
    lists: dict[str, Sequence[Known | Trap]] = {
        "gold": study.design.gold, "trap": study.design.traps, "training": study.design.training,
    }  # fmt: skip
    known = lists[trial.role][trial.known]
    return known if known.question == question else None


def _holds(known: Known | Trap, question: AnyQuestion, answer: str, value: float | None) -> bool:
    if isinstance(known, Known):
        return known.holds(answer, value)
    if question.kind == "trace" and value is not None:
        return value >= TRACE_HIGH if known.answer == "high" else value <= TRACE_LOW
    return answer == known.answer


def _advance(
    connection: Connection, study: StudyData, rater: Rater, trials: tuple[Trial, ...], past: Sequence[Past], now: float
) -> tuple[Rater, tuple[Trial, ...]]:
    """After an answer: close the trial when it was the last question, open the next; returns both as they are then."""
    trial = trials[rater.position]
    if _asked(study, trial, past)[0]:
        return change(connection, rater, seen_at=now), trials
    connection.execute(update(schema.trials).where(schema.trials.c.id == trial.id).values(state="done", done_at=now))
    plan, position = rater.slots, rater.position + 1
    values: dict[str, Any] = {"seen_at": now, "position": position, "turn_at": now}
    if position == len(plan):
        values |= {"stage": "questions"} if study.design.questionnaire else session.finished(now)
    elif trial.role == "training" and plan[position].role != "training":
        values |= {"stage": "trials", "started_at": now}
    rater = change(connection, rater, **values)
    counted = trial.role == "trial" and not rater.excluded
    also = [Count(trial.block, trial.item, pending=-1, done=1)] if counted else []
    return rater, give(connection, study, rater, trials, also)


def state(connection: Connection, study: StudyData, rater: Rater) -> dict[str, Any]:
    """What the browser is told, read from the database."""
    trials = trials_of(connection, rater.id)
    ahead = _ahead(rater, trials) if rater.stage in ("training", "trials") else []
    return told(study, rater, trials, _past(connection, rater, ahead) if ahead else ())


def told(study: StudyData, rater: Rater, trials: Sequence[Trial], past: Sequence[Past]) -> dict[str, Any]:
    """What the browser is told: stage, progress, the open trial and the next one."""
    plan = rater.slots
    training = sum(slot.role == "training" for slot in plan)
    in_training = rater.stage == "training"
    found: dict[str, Any] = {
        "stage": rater.stage,
        "done": rater.position if in_training else rater.position - training,
        "total": training if in_training else len(plan) - training,
        "trial": None,
        "next": None,
    }
    if rater.stage in ("training", "trials"):
        for key, trial in zip(("trial", "next"), _ahead(rater, trials), strict=False):
            found[key] = _described(study, rater, trial, past)
    return found


def _described(study: StudyData, rater: Rater, trial: Trial, past: Sequence[Past]) -> dict[str, Any]:
    block = study.design.block(trial.block)
    shown = [study.stimuli[name] for name in trial.stimuli]
    asked, attempt = _asked(study, trial, past)
    questions = [_question(study, rater, trial, name) for name in block.questions]
    return {
        "id": trial.id,
        "kind": study.design.kind(trial.block),
        "intro": block.intro,
        "block": [other.name for other in study.design.blocks].index(trial.block) + 1,
        "clips": [{"url": f"media/{trial.id}/{side}", "seconds": s.seconds} for side, s in enumerate(shown)],
        "reference": f"media/{trial.id}/reference" if any(q["reference"] for q in questions) else None,
        "questions": questions,
        "step": block.questions.index(asked) if asked else len(questions),
        "attempt": attempt,
        "complete": study.design.session.complete_playback,
    }


def _question(study: StudyData, rater: Rater, trial: Trial, name: str) -> dict[str, Any]:
    question = study.design.question(name)
    known = _known(study, trial, name)
    told: dict[str, Any] = {"name": name, "kind": question.kind, "text": question.text, "reference": False}
    if isinstance(known, Trap):
        told["text"] = known.text or trap_text(known, question)
    if question.kind == "trace":
        return told | {"low": question.low, "high": question.high}
    if question.kind == "acr":
        labels = dict(zip(question.options, question.point_labels, strict=True))
        told["reference"] = question.reference
    else:
        labels = SIDE_LABELS if question.kind == "preference" else EMOTION_LABELS
    options = list(question.options)
    if isinstance(question, EmotionQuestion) and question.shuffle:
        order = np.random.default_rng(rater.seed).permutation(len(EMOTIONS))
        options[: len(EMOTIONS)] = [options[i] for i in order]
    return told | {"options": [{"value": value, "label": labels[value]} for value in options]}


def trap_text(trap: Trap, question: AnyQuestion) -> str:
    """The instruction of a trap: in the question itself, so that nobody who reads can miss it."""
    if question.kind == "trace":
        where = "right" if trap.answer == "high" else "left"
        return f"This is an attention check. Keep the slider at its {where} end for the whole clip."
    if question.kind == "emotion":
        label = EMOTION_LABELS[trap.answer]
    elif question.kind == "preference":
        label = SIDE_LABELS[trap.answer]
    else:
        label = trap.answer
    return f"This is an attention check. Whatever you saw, please choose “{label}”."


def media_of(
    connection: Connection, study: StudyData, rater: str, trial: str, which: Literal["0", "1", "reference"]
) -> str | None:
    """The file behind a trial's address, relative to the study's folder; None when the rater has no such trial."""
    table = schema.trials.c
    stimuli = connection.scalar(select(table.stimuli).where(table.id == trial, table.rater == rater))
    if stimuli is None:
        return None
    shown = [study.stimuli[name] for name in json.loads(cast("str", stimuli))]
    if which == "reference":
        return shown[0].reference or None
    return shown[int(which)].media if int(which) < len(shown) else None
