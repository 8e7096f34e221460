"""A user study, from clips to tables: what the command line and notebooks call."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eap.errors import ConfigError
from user_study import stimuli as clips
from user_study.design import EXAMPLE, Design, parse_design, read_design
from user_study.folder import StudyData, create_folder, open_folder

if TYPE_CHECKING:
    from user_study.records import Tables
    from user_study.serving import Ready, Serving


@dataclass(frozen=True)
class Plan:
    """What creating a study would do, before it does it."""

    design: Design
    text: str
    sources: tuple[clips.Source, ...]
    source_name: str


def plan(run: Path | None, folders: Sequence[tuple[str, Path]] = (), design: Path | None = None) -> Plan:
    """Read the design and find its clips in a run or in one folder per method.

    Without a design file the packaged example is used. Raises ConfigError, DataError.
    """
    if (run is None) == (not folders):
        raise ConfigError("a study needs clips from one place", fix="give either --run or --method NAME=FOLDER")
    path = design or EXAMPLE
    parsed = read_design(path)
    sources = clips.sources_of_run(run) if run is not None else clips.sources_of_folders(folders)
    chosen = clips.choose(sources, parsed.stimuli)
    name = str(run) if run is not None else ", ".join(f"{method}={folder}" for method, folder in folders)
    return Plan(parsed, path.read_text(encoding="utf-8"), tuple(chosen), name)


@dataclass(frozen=True)
class Study:
    """A study's folder and where its answers are.

    >>> study = Study.open("studies/talking-faces")  # doctest: +SKIP
    >>> study.status()["raters"]["done"]  # doctest: +SKIP
    40
    """

    data: StudyData
    database: str = ""
    """A PostgreSQL URL; empty: SQLite in the folder."""

    @classmethod
    def create(cls, folder: Path, planned: Plan, progress: Callable[[], None] = lambda: None) -> tuple[Study, str]:
        """Make the folder, whole or not at all; returns the study and its admin token (kept only as a hash)."""
        data, token = create_folder(folder, planned.text, planned.sources, planned.source_name, progress)
        return cls(data), token

    @classmethod
    def open(cls, folder: Path | str, database: str = "") -> Study:
        """An existing study. Raises DataError, ConfigError."""
        return cls(open_folder(folder), database)

    @property
    def design(self) -> Design:
        """The design as it was fixed."""
        return parse_design(self.data.design_text)

    def status(self, *, screening: bool = True) -> dict[str, Any]:
        """How it stands: raters, cells, checks, playback and, if asked for, screening."""
        from user_study import progress
        from user_study.store import Store

        store = Store(self.data, self.database)
        try:
            with store.database.read() as connection:
                told = progress.progress(connection, self.data).as_dict()
                return told | {"screening": progress.screening(connection, self.data) if screening else None}
        finally:
            store.close()

    def refill(self) -> dict[str, str]:
        """Have the cells of finished raters whom screening does not use filled by others; rater -> reason."""
        from user_study.store import Store

        unused: dict[str, str] = (self.status()["screening"] or {}).get("unused", {})
        store = Store(self.data, self.database)
        try:
            return {rater: reason for rater, reason in unused.items() if store.exclude(rater, reason or "not used")}
        finally:
            store.close()

    def tables(self) -> Tables:
        """All tables as of now, screened by the design's tiers."""
        from user_study import export
        from user_study.store import Store

        store = Store(self.data, self.database)
        try:
            with store.database.read() as connection:
                return with_tiers(self.data, export.tables(connection, self.data))
        finally:
            store.close()

    def export(self, directory: Path) -> list[Path]:
        """Write the tidy tables, the codebook and the design; pseudonyms only."""
        from user_study.records import write_tables

        return write_tables(directory, self.tables())

    def export_platform(self, path: Path) -> int:
        """Write platform accounts beside pseudonyms and codes, for payment; readable by its owner alone."""
        from sqlalchemy import select

        from user_study import export, schema, session
        from user_study.store import Store

        store = Store(self.data, self.database)
        try:
            with store.database.read() as connection:
                done = connection.scalars(select(schema.raters.c.id).where(schema.raters.c.state == "done"))
                codes = {rater: session.completion_code(self.data, rater) for rater in done}
                return export.write_platform(connection, path, codes)
        finally:
            store.close()

    def check(self, how: Serving, *, upgrade: bool = False) -> Ready:
        """Look at everything a server needs."""
        from user_study import serving

        return serving.check(self.data, self.database, how, upgrade=upgrade)

    def serve(self, how: Serving) -> None:
        """Serve until stopped."""
        from user_study import serving

        serving.serve(self.data, self.database, how)


def with_tiers(data: StudyData, tables: Tables) -> Tables:
    """The tables with `paid`, `used` and `reasons` of every rater filled in by the design's screening."""
    from user_study.screening import screen

    if tables.raters.empty:
        return tables
    judged = {checked.rater: checked for checked in screen(data.design, tables).raters}
    raters = tables.raters.copy()
    names = raters["rater"].tolist()
    raters["paid"] = raters["paid"].astype("boolean")
    raters["used"] = raters["used"].astype("boolean")
    for place, name in enumerate(names):
        if name in judged:
            raters.loc[place, "paid"] = judged[name].paid
            raters.loc[place, "used"] = judged[name].used
            raters.loc[place, "reasons"] = "; ".join(judged[name].reasons)
    return dataclasses.replace(tables, raters=raters)
