"""A user study beside a run: the file `<run>/study/study.json`, and its tables on the run's page.

`user_study` writes the file with `write_study`; nothing of it is computed here. Tables are the report's own `Table`, so
they export to CSV, LaTeX and Markdown like every other.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from eap.errors import DataError
from eap.files import write_json
from reports.source import Role
from reports.tables import Cell, Column, Row, Table

FOLDER = "study"
FILE = "study.json"


@dataclass(frozen=True)
class AnswerCell(Cell):
    """A cell that stands on answers: there is no number that was expected."""

    @property
    def count(self) -> str:
        """How many answers, as printed under the number."""
        return "" if self.n_scored is None else f"n={self.n_scored}"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoredCell(_Part):
    """A `Cell`."""

    value: float | None
    display: str
    ci: tuple[float, float] | None = None
    n_scored: int | None = None
    n_expected: int | None = None
    tied_with_best: bool = False
    href: str | None = None
    best: bool = False
    digits: int = 3
    signature: str = ""
    note: str = ""


class StoredColumn(_Part):
    """A `Column`."""

    key: str
    title: str
    arrow: str = ""
    unit: str = ""
    group: str = ""
    help: str = ""
    signatures: tuple[str, ...] = ()
    lower_first: bool = False


class StoredRow(_Part):
    """A `Row`."""

    key: str
    title: str
    role: Role
    cells: tuple[StoredCell, ...]


class StoredTable(_Part):
    """A `Table`."""

    key: str
    title: str
    caption: str
    columns: tuple[StoredColumn, ...]
    rows: tuple[StoredRow, ...]

    def table(self) -> Table:
        """As the report draws it."""
        rows = tuple(
            Row(row.key, row.title, row.role, tuple(AnswerCell(**cell.model_dump()) for cell in row.cells))
            for row in self.rows
        )
        columns = tuple(Column(**column.model_dump()) for column in self.columns)
        return Table(self.key, self.title, self.caption, columns, rows)


class StudyResult(_Part):
    """study.json: what the run's report shows of a user study."""

    format: Literal[1] = 1
    name: str
    title: str
    raters: int
    raters_used: int
    answers_used: int
    simulated: bool
    design_sha256: str
    headlines: tuple[str, ...]
    tables: tuple[StoredTable, ...]

    @property
    def facts(self) -> str:
        """One line on what the numbers stand on."""
        made_up = "SIMULATED raters, no people: " if self.simulated else ""
        return (
            f"{made_up}{self.raters_used} of {self.raters} raters used after screening, {self.answers_used} answers; "
            f"design {self.design_sha256[:12]}."
        )


def store_table(table: Table) -> StoredTable:
    """A table as the file keeps it."""
    fields: dict[str, Any] = asdict(table)
    return StoredTable.model_validate(fields)


def write_study(folder: Path, result: StudyResult) -> Path:
    """Write study.json into a folder (`<run>/study` or any other); returns its path."""
    write_json(folder / FILE, result.model_dump(mode="json"))
    return folder / FILE


def read_study(run: Path) -> StudyResult | None:
    """The study of a run; None when there is none. Raises DataError for a file that cannot be read."""
    path = run / FOLDER / FILE
    if not path.is_file():
        return None
    try:
        return StudyResult.model_validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        reason = " ".join(str(error).split())[:160]
        raise DataError(f"{path}: not a study result ({reason})", fix="run `eap-bench study analyze` again") from None


def study_tables(run: Path) -> tuple[StudyResult | None, tuple[Table, ...], str]:
    """The study, its tables, and why it cannot be shown (an unreadable file is a line on the page, not its end)."""
    try:
        found = read_study(run)
    except DataError as error:
        return None, (), error.message
    return found, tuple(t.table() for t in found.tables) if found else (), ""
