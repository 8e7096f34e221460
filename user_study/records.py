"""What a study is made of once it runs: stimuli, trials, raters, answers; and the tidy tables it leaves behind.

The dataclasses `Answer`, `Trace`, `Rater` and `Stimulus` are the rows of `answers.csv`, `traces.csv`, `raters.csv` and
`stimuli.csv`: their fields are the columns, in order, and each field's text is its line in the codebook. Simulated
raters write the same rows.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from eap.errors import DataError
from eap.files import atomic_path

if TYPE_CHECKING:
    import pandas as pd

Role = Literal["trial", "repeat", "gold", "trap", "training"]
"""Why a trial was shown. Only `trial` rows are ratings; the others check raters."""
RaterState = Literal["active", "done", "dropped", "withdrawn", "blocked"]


def _col(text: str, unit: str = "", default: Any = dataclasses.MISSING) -> Any:
    return field(metadata={"text": text, "unit": unit}, default=default)


@dataclass(frozen=True, slots=True)
class Stimulus:
    """One clip that can be shown."""

    stimulus: str = _col("Opaque id, also the name of its files in the study's media folder")
    method: str = _col("Method that made the clip")
    track: str = _col("Reference track (neutral, emotional), empty for folders")
    clip: str = _col("Clip id in the source; the same sentence by another method has the same")
    identity: str = _col("Who speaks")
    emotion: str = _col("Driving emotion, empty where unknown", default="")
    level: int | None = _col("Driving level 1-3", default=None)
    sentence: str = _col("Sentence code", default="")
    media: str = _col("Video file, relative to the study directory", default="")
    reference: str = _col("Reference image, relative to the study directory, empty where there is none", default="")
    seconds: float = _col("Length", "s", 0.0)
    fps: float = _col("Frames per second", "1/s", 25.0)


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """One trial as it is given to a rater."""

    position: int
    """0-based place in the rater's session, training included."""
    block: str
    role: Role
    stimuli: tuple[str, ...]
    """One stimulus, or two: left and right."""
    questions: tuple[str, ...]
    repeat_of: int | None = None
    """Position of the trial that this one repeats."""
    known: int | None = None
    """Index into the design's gold, traps or training."""


@dataclass(frozen=True, slots=True)
class Rater:
    """One rater; nothing here identifies a person or a platform account."""

    rater: str = _col("Pseudonym, random")
    state: RaterState = _col("active, done, dropped (went silent), withdrawn, blocked (device check)")  # noqa: RUF009
    trials_planned: int = _col("Trials in this rater's session (training not counted)")
    trials_done: int = _col("Of these, completely answered")
    seed: int = _col("Seed of this rater's session: option order, order of trials", default=0)
    platform: str = _col("direct, prolific, mturk, simulated", default="direct")
    consent_version: str = _col("Version of the consent text agreed to", default="")
    consent_at: str = _col("When, UTC", default="")
    started_at: str = _col("First trial, UTC", default="")
    finished_at: str = _col("Everything saved, UTC; empty when not finished", default="")
    device: str = _col("phone, tablet, computer", default="")
    screen: str = _col("Window width x height @ device pixel ratio", default="")
    browser: str = _col("Browser family and major version", default="")
    check_tries: int = _col("Tries of the sound and picture check", default=0)
    paid: bool | None = _col("Screening tier 1; empty when not screened", default=None)
    used: bool | None = _col("Screening tier 2; empty when not screened", default=None)
    reasons: str = _col("Why not paid or not used", default="")
    model: str = _col("Rater model of a simulated rater, else empty", default="")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: one rater, one trial, one question."""

    rater: str = _col("Pseudonym of the rater")
    position: int = _col("0-based place in the rater's session, training included")
    block: str = _col("Block of the design")
    role: Role = _col("trial, repeat, gold, trap, training; only `trial` rows are ratings")  # noqa: RUF009
    question: str = _col("Question of the design")
    kind: str = _col("emotion, acr, preference, trace")
    answer: str = _col(
        "As given: an emotion or unsure; 1 to 5 or 10; left, right or tie (as seen); of a trace: `trace`"
    )
    value: float | None = _col(
        "The number of an ACR answer; the time-weighted mean of a trace; preference: 1 left, 0 right, 0.5 tie", "", None
    )
    stimulus: str = _col("Stimulus shown (pair: on the left)", default="")
    method: str = _col("Its method", default="")
    track: str = _col("Its reference track", default="")
    clip: str = _col("Its clip", default="")
    identity: str = _col("Its identity", default="")
    emotion: str = _col("Its driving emotion", default="")
    level: int | None = _col("Its driving level", default=None)
    sentence: str = _col("Its sentence", default="")
    stimulus_b: str = _col("Pair: stimulus on the right, else empty", default="")
    method_b: str = _col("Pair: its method, else empty", default="")
    chosen: str = _col("Pair: method chosen, empty for a tie", default="")
    expected: str = _col("Gold, trap, training: accepted answers, `|` between them, or low..high", default="")
    correct: bool | None = _col("Gold, trap, training: whether the answer was accepted", default=None)
    repeat_of: int | None = _col("Repeat: position of the first showing", default=None)
    attempt: int = _col("Training: 1 for the first try, 2 ...", default=1)
    seconds: float | None = _col("From the end of the (last first-time) playback to the answer", "s", None)
    plays: int = _col("How often the clip was played (pair: both together)", default=1)
    watched: float | None = _col("Share of the clip that was played (pair: the lesser)", "", None)
    stalls: int = _col("Interruptions of playback", default=0)
    stall_seconds: float = _col("Their total length", "s", 0.0)
    load_seconds: float | None = _col("Waiting for the clip before it could start", "s", None)
    frames: int | None = _col("Frames the browser decoded, as far as it says", default=None)
    frames_dropped: int | None = _col("Frames it dropped", default=None)
    hidden: int = _col("How often the page was left for another while the trial was open", default=0)
    answered_at: str = _col("When it was saved, UTC, server clock", default="")
    order: int = _col("Order in which answers were saved, over all raters", default=0)


@dataclass(frozen=True, slots=True)
class Trace:
    """One sample of one intensity trace."""

    rater: str = _col("Pseudonym of the rater")
    position: int = _col("0-based place in the rater's session")
    role: Role = _col("As in answers")  # noqa: RUF009
    question: str = _col("Question of the design")
    stimulus: str = _col("Stimulus")
    method: str = _col("Its method")
    track: str = _col("Its reference track")
    clip: str = _col("Its clip")
    t: float = _col("Media time of the sample", "s")
    value: float = _col("Slider, 0 (none) to 1 (very strong)")


@dataclass(frozen=True, slots=True)
class Intensity:
    """One frame of a stimulus' intensity r(t) as the run measured it: what traces are compared with."""

    stimulus: str = _col("Stimulus")
    method: str = _col("Its method")
    track: str = _col("Its reference track")
    clip: str = _col("Its clip")
    name: str = _col("intensity: measured on the shown clip; intensity_true: of the driving clip")
    t: float = _col("Time of the frame", "s")
    value: float = _col("r = sqrt(valence^2 + arousal^2)")


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """One answer of the questionnaire at the end."""

    rater: str = _col("Pseudonym of the rater")
    question: str = _col("Entry of the design's questionnaire")
    answer: str = _col("As given; before free text that begins like a formula (= + - @) stands an apostrophe")


Row = type[Stimulus] | type[Rater] | type[Answer] | type[Trace] | type[Intensity] | type[Questionnaire]
TABLES: dict[str, Row] = {
    "answers": Answer,
    "traces": Trace,
    "raters": Rater,
    "stimuli": Stimulus,
    "intensity": Intensity,
    "questionnaire": Questionnaire,
}
"""File stem of each table of an export -> its row."""


def columns(row: Row) -> tuple[str, ...]:
    """Column names of a table, in order."""
    return tuple(item.name for item in dataclasses.fields(row))


def codebook() -> list[dict[str, str]]:
    """One line per column of every table: table, column, type, unit, meaning."""
    return [
        {
            "table": f"{table}.csv",
            "column": item.name,
            "type": _type_name(item.type),
            "unit": item.metadata["unit"],
            "meaning": item.metadata["text"],
        }
        for table, row in TABLES.items()
        for item in dataclasses.fields(row)
    ]


def _type_name(annotation: Any) -> str:
    text = str(annotation)
    for name in ("int", "float", "bool"):
        if text.startswith(name):
            return name
    return "text"


_DTYPES = {"int": "Int64", "float": "float64", "bool": "boolean", "text": "str"}


def frame(rows: Iterable[Any], row: Row) -> pd.DataFrame:
    """Rows as a DataFrame with all columns, typed (Int64, float64, boolean, str), also when there are none."""
    import pandas as pd

    names = columns(row)
    table = pd.DataFrame([[getattr(item, name) for name in names] for item in rows], columns=list(names))
    return _typed(table, row)


def _typed(table: pd.DataFrame, row: Row) -> pd.DataFrame:
    for item in dataclasses.fields(row):
        kind: Any = _DTYPES[_type_name(item.type)]
        column = table[item.name]
        table[item.name] = column.fillna("").astype("str") if kind == "str" else column.astype(kind)
    return table


@dataclass(frozen=True)
class Tables:
    """All tables of a study, as exported or simulated; `design_text` is the design file as it was given."""

    answers: pd.DataFrame
    traces: pd.DataFrame
    raters: pd.DataFrame
    stimuli: pd.DataFrame
    intensity: pd.DataFrame
    questionnaire: pd.DataFrame
    design_text: str


def write_tables(directory: Path | str, tables: Tables) -> list[Path]:
    """Write every table as CSV, the codebook and the design file; each whole or not at all."""
    import pandas as pd

    root = Path(directory)
    root.mkdir(parents=True, exist_ok=True)
    written = []
    frames: dict[str, pd.DataFrame] = {name: typing.cast("pd.DataFrame", getattr(tables, name)) for name in TABLES}
    for name, table in (frames | {"codebook": pd.DataFrame(codebook())}).items():
        with atomic_path(root / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")
        written.append(root / f"{name}.csv")
    with atomic_path(root / "design.toml") as temporary:
        temporary.write_text(tables.design_text, encoding="utf-8")
    return [*written, root / "design.toml"]


def read_tables(directory: Path | str) -> Tables:
    """Read an export back. Raises DataError naming the file and column that is missing or not what it should be."""
    import pandas as pd

    root = Path(directory)
    frames: dict[str, pd.DataFrame] = {}
    for name, row in TABLES.items():
        path = root / f"{name}.csv"
        try:
            kinds = {item.name: _type_name(item.type) for item in dataclasses.fields(row)}
            text = {column: str for column, kind in kinds.items() if kind == "text"}
            gaps = {column: [""] for column, kind in kinds.items() if kind != "text"}
            # Without this a clip named "NA" would be read as missing.
            table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=gaps)
            frames[name] = _typed(table[list(columns(row))].copy(), row)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: {error}", fix="give the folder that `eap-bench study export` wrote") from None
    try:
        text_of_design = (root / "design.toml").read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{root}: no design.toml ({error.strerror})", fix="keep an export's files together") from None
    return Tables(design_text=text_of_design, **frames)
