"""What a report says, as objects: the page is made of these, and a notebook can have the same ones.

report = reports.read("runs/mead")
report.tables["main-emotional"].select(columns=["psnr", "lse_d"])
report.plots["intensity"].csv
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from reports.breakdowns import By, ablation, breakdown
from reports.differences import groups
from reports.facts import MetricFacts, collect, decimals, number
from reports.links import Links
from reports.measured import Beside, validity_of
from reports.plot_style import Plot, Stroke, strokes
from reports.plots import plots
from reports.provenance import Source, source
from reports.series import Series
from reports.source import Run, load
from reports.standing import answers, ties
from reports.study import StudyResult, study_tables
from reports.tables import COMPETING, Table, main_table
from reports.trust import Check, checks
from reports.verdict import Finding, findings

NEUTRALIZATION = ("emotion_accuracy", "reference_leakage", "neutral_probability", "neutral_residual")
INTENSITY = ("intensity_pcc", "intensity_ccc", "saturation_index")
BY_IDENTITY = ("emotion_accuracy", "intensity_pcc", "saturation_index")


@dataclass(frozen=True)
class Section:
    """Tables that belong together."""

    key: str
    title: str
    note: str
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Ranking:
    """Tie groups: (metric title, one tuple of groups per track); a member is its name, value and interval."""

    tracks: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[tuple[str, ...], ...], ...]], ...]


@dataclass(frozen=True)
class Report:
    """Everything a run's page shows, computed when it is first asked for."""

    run: Run
    links: Links = field(repr=False)
    validity_from: Path | None = None
    """Folder of a validation of the metrics; without it the run's own folder `validity`, if there is one."""

    @cached_property
    def facts(self) -> dict[str, MetricFacts]:
        """Metrics in the page's order."""
        return collect(self.run.values, self.run.info.metrics)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The verdict."""
        return findings(self.run, self.facts)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """The trust checks."""
        return checks(self.run, self.facts)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The tables of the paper's kind, in the page's order; a section without tables is left out."""
        run, facts = self.run, self.facts
        moved = "emotional" if "emotional" in run.tracks else (run.tracks[-1] if run.tracks else "")
        found = (
            Section("comparison", "Comparison", "", _kept(main_table(run, facts, t) for t in run.tracks)),
            Section("ablation", "Ablation", "", _kept(ablation(run, facts, t) for t in run.tracks)),
            Section(
                "neutralization", "Neutralization, by source emotion",
                "Does the emotion of the reference image leave a trace? Columns are the emotions that it shows.",
                self._split(NEUTRALIZATION, (moved,), "source"),
            ),
            Section(
                "intensity", "Intensity, by emotion",
                "Does intensity over time follow the voice? Columns are the emotions of the voice.",
                self._split((*INTENSITY, "emotion_accuracy"), run.tracks, "emotion"),
            ),
            Section("identity", "By identity", "", self._split(BY_IDENTITY, run.tracks, "identity")),
        )  # fmt: skip
        return tuple(s for s in found if s.tables)

    def _split(self, metrics: tuple[str, ...], tracks: tuple[str, ...], by: By) -> tuple[Table, ...]:
        named = [self.facts[m] for m in metrics if m in self.facts]
        return _kept(breakdown(self.run, m, t, by) for m in named for t in tracks)

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Every table by its key (`main-neutral`, `ablation-emotional`, `emotion-intensity_pcc-neutral`, ...)."""
        return {t.key: t for s in self.sections for t in s.tables} | {t.key: t for t in self.study[1]}

    @cached_property
    def ranking(self) -> Ranking:
        """Which methods can be told apart, metric by metric."""
        run, names = self.run, self.run.named(*COMPETING)
        rows = []
        for metric in self.facts.values():
            cells = tuple(
                tuple(
                    tuple(_with_interval(run, metric, m, track) for m in group)
                    for group in groups(run, metric, track, names)
                )
                for track in run.tracks
            )
            if any(cells):
                rows.append((f"{metric.title} {metric.arrow}".strip(), cells))
        return Ranking(run.tracks, tuple(rows))

    @cached_property
    def series(self) -> Series:
        """Numbers over time."""
        return Series(self.run)

    @cached_property
    def strokes(self) -> dict[str, Stroke]:
        """Colour and dash of each method."""
        return strokes(self.run.methods)

    @cached_property
    def plots(self) -> dict[str, Plot]:
        """Every figure by its key."""
        beside = self.validity[0]
        drawn = (
            self.ties,
            *plots(self.run, self.series, self.strokes, self.links.file),
            *self.study_plots,
            beside.plot if beside else None,
        )
        return {p.key: p for p in drawn if p is not None}

    @cached_property
    def ties(self) -> Plot | None:
        """Which methods can be told apart, for a few metrics."""
        return ties(self.run, self.facts, self.strokes)

    @cached_property
    def study_plots(self) -> tuple[Plot, ...]:
        """The study's answers with intervals."""
        return answers(self.study[1], self.strokes)

    @cached_property
    def validity(self) -> tuple[Beside | None, str]:
        """The validation of the metrics beside the run, and why it cannot be shown."""
        return validity_of(self.run, self.validity_from)

    @cached_property
    def study(self) -> tuple[StudyResult | None, tuple[Table, ...], str]:
        """The user study beside the run, its tables, and why it cannot be shown."""
        return study_tables(self.run.root)

    def source(self, metric: str, method: str, track: str) -> Source:
        """Where one number comes from."""
        return source(self.run, metric, method, track)


def _kept(tables: Iterable[Table | None]) -> tuple[Table, ...]:
    return tuple(t for t in tables if t is not None)


def _with_interval(run: Run, metric: MetricFacts, method: str, track: str) -> str:
    row = run.pooled.get((metric.name, method, track))
    if row is None:
        return run.label(method)
    digits = decimals([row[0]])
    ends = f" [{number(row[1], digits)}, {number(row[2], digits)}]" if row[1] is not None else ""
    return f"{run.label(method)} {number(row[0], digits)}{ends}"


def read(run_dir: Path | str) -> Report:
    """The report of a run as objects, nothing written. Raises DataError when there is no readable `run.json`."""
    root = Path(run_dir)
    return Report(load(root), Links(root, root / "report"))
