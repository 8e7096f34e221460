"""The tidy tables out of a study's database: pseudonyms only, one row per answer, a codebook beside them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, Row, select

from eap.files import atomic_write
from user_study import schema
from user_study.design import Known, Trap
from user_study.folder import StudyData
from user_study.records import Answer, Questionnaire, Rater, Stimulus, Tables, Trace, frame

if TYPE_CHECKING:
    import pandas as pd


class Export(NamedTuple):
    """What was written."""

    directory: Path
    answers: int
    raters: int


def utc(stamp: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC, empty for 0."""
    return datetime.fromtimestamp(stamp, UTC).isoformat(timespec="milliseconds") if stamp else ""


def tables(connection: Connection, study: StudyData) -> Tables:
    """All tables as of now. Raters who withdrew are in `raters` alone, unless the consent keeps their answers."""
    raters = {row.id: row for row in connection.execute(select(schema.raters).order_by(schema.raters.c.number))}
    trials = {row.id: row for row in connection.execute(select(schema.trials))}
    given = connection.execute(select(schema.answers).order_by(schema.answers.c.number)).all()
    asked = connection.execute(
        select(schema.questionnaire).order_by(schema.questionnaire.c.rater, schema.questionnaire.c.question)
    )
    done: dict[str, int] = {}
    for trial in trials.values():
        done[trial.rater] = done.get(trial.rater, 0) + (trial.state == "done" and trial.role != "training")
    answers = [_answer(study, row, trials[row.trial], order) for order, row in enumerate(given)]
    traces = [sample for row in given if row.samples for sample in _samples(study, row, trials[row.trial])]
    return Tables(
        answers=frame(answers, Answer),
        traces=frame(traces, Trace),
        raters=frame([_rater(row, done.get(row.id, 0)) for row in raters.values()], Rater),
        stimuli=frame(study.stimuli.values(), Stimulus),
        intensity=_intensity(study),
        questionnaire=frame([_questionnaire(study, row) for row in asked], Questionnaire),
        design_text=study.design_text,
    )


def _questionnaire(study: StudyData, row: Row[Any]) -> Questionnaire:
    free = any(ask.name == row.question and ask.kind == "text" for ask in study.design.questionnaire)
    return Questionnaire(row.rater, row.question, _plain(row.answer) if free else row.answer)


def _answer(study: StudyData, row: Row[Any], trial: Row[Any], order: int) -> Answer:
    names = json.loads(trial.stimuli)
    left = study.stimuli[names[0]]
    right = study.stimuli[names[1]] if len(names) > 1 else None
    playback: Mapping[str, Any] = json.loads(row.playback)
    chosen = ""
    if right is not None and row.answer in ("left", "right"):
        chosen = left.method if row.answer == "left" else right.method
    return Answer(
        rater=row.rater, position=trial.position, block=trial.block, role=trial.role, question=row.question,
        kind=study.design.question(row.question).kind, answer=row.answer, value=row.value, stimulus=left.stimulus,
        method=left.method, track=left.track, clip=left.clip, identity=left.identity, emotion=left.emotion,
        level=left.level, sentence=left.sentence, stimulus_b=right.stimulus if right else "",
        method_b=right.method if right else "", chosen=chosen, expected=_expected(study, trial, row.question),
        correct=None if row.correct is None else bool(row.correct), repeat_of=trial.repeat_of, attempt=row.attempt,
        seconds=playback["seconds"], plays=playback["plays"], watched=playback["watched"],
        stalls=playback["stalls"], stall_seconds=playback["stall_seconds"], load_seconds=playback["load_seconds"],
        frames=playback["frames"], frames_dropped=playback["frames_dropped"], hidden=playback["hidden"],
        answered_at=utc(row.given_at), order=order,
    )  # fmt: skip


def _expected(study: StudyData, trial: Row[Any], question: str) -> str:
    if trial.known is None:
        return ""
    lists: dict[str, Sequence[Known | Trap]] = {
        "gold": study.design.gold, "trap": study.design.traps, "training": study.design.training,
    }  # fmt: skip
    known = lists[trial.role][trial.known]
    if known.question != question:
        return ""
    if isinstance(known, Trap):
        return known.answer
    if known.accept:
        return "|".join(known.accept)
    return f"{'' if known.low is None else f'{known.low:g}'}..{'' if known.high is None else f'{known.high:g}'}"


def _samples(study: StudyData, row: Row[Any], trial: Row[Any]) -> Iterator[Trace]:
    shown = study.stimuli[json.loads(trial.stimuli)[0]]
    for t, value in json.loads(row.samples):
        yield Trace(
            row.rater, trial.position, trial.role, row.question, shown.stimulus, shown.method, shown.track, shown.clip,
            t, value,
        )  # fmt: skip


def _rater(row: Row[Any], done: int) -> Rater:
    device = json.loads(row.device)
    plan = json.loads(row.plan)
    return Rater(
        rater=row.id, state=row.state, trials_planned=sum(slot["role"] != "training" for slot in plan),
        trials_done=done, seed=row.seed, platform=row.platform, consent_version=row.consent_version,
        consent_at=utc(row.consent_at), started_at=utc(row.started_at), finished_at=utc(row.finished_at),
        device=device.get("kind", ""), screen=device.get("screen", ""), browser=device.get("browser", ""),
        check_tries=row.check_tries, reasons=row.excluded,
    )  # fmt: skip


def _intensity(study: StudyData) -> pd.DataFrame:
    import pandas as pd

    names = dict.fromkeys(("stimulus", "method", "track", "clip", "name"), str)
    return pd.read_csv(study.folder / "intensity.csv", dtype=names, keep_default_na=False)


def write_platform(connection: Connection, path: Path, code: Mapping[str, str]) -> int:
    """Who is to be paid: platform accounts beside pseudonyms. Personal data: it is never part of the tables."""
    rows = connection.execute(select(schema.raters).order_by(schema.raters.c.number)).all()
    with atomic_write(path, "w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["rater", "state", "platform", "account", "study", "session", "finished_at", "code"])
        for row in rows:
            writer.writerow(
                [row.id, row.state, row.platform, _plain(row.platform_rater), _plain(row.platform_study),
                 _plain(row.platform_session), utc(row.finished_at), code.get(row.id, "")]
            )  # fmt: skip
    path.chmod(0o600)
    return len(rows)


def _plain(text: str) -> str:
    """Text from outside that spreadsheets must not run as a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text
