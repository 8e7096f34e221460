"""Everything on the page, gathered into one context for the templates."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from reports.breakdowns import MOST_IDENTITIES
from reports.compare import Comparison
from reports.content import Report, Section
from reports.exports import pieces
from reports.facts import MetricFacts
from reports.packing import compress
from reports.player import payload
from reports.provenance import clip_list_hash, drawer
from reports.source import Run
from reports.tables import Table
from reports.worst import worst

HERE = Path(__file__).parent
SECTIONS = (
    ("verdict", "Verdict"),
    ("trust", "Trust"),
    ("tables", "Tables"),
    ("study", "User study"),
    ("validity", "Validity"),
    ("plots", "Plots"),
    ("player", "Side by side"),
    ("worst", "Worst clips"),
    ("failed", "Failed rows"),
    ("provenance", "Provenance"),
)
STATUS_WORDS = {
    "supported": "supported",
    "partly": "partly supported",
    "unclear": "not separated",
    "contradicted": "contradicted",
    "missing": "not measured",
}
MOST_FAILED_ROWS = 500

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How a page differs from the usual one: a heading, a lab's own templates, a comparison of runs."""

    heading: str = ""
    templates: Path | None = None
    comparison: Comparison | None = None


@dataclass(frozen=True)
class ShownTable:
    """A table as the template needs it: the table's own fields, an id that is safe in the page, its signatures."""

    table: Table
    dom_id: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.table, name)

    @property
    def signatures(self) -> tuple[str, ...]:
        """Every signature of the table's numbers."""
        return tuple(sorted({s for c in self.table.columns for s in c.signatures if s}))


def render(report: Report, page_dir: Path, options: Options | None = None, progress: Progress | None = None) -> str:
    """The whole page as HTML. Posters of the worst clips are written into `page_dir`; nothing else is."""
    options = options or Options()
    say = progress or (lambda _: None)
    run, facts, links = report.run, report.facts, report.links
    say("tables")
    tables = _shown(report)
    say("plots")
    beside, unread = report.validity
    apart = {p.key for p in (report.ties, *report.study_plots, beside.plot if beside else None) if p}
    drawn = tuple(report.plots.values())
    say("player")
    player = payload(run, facts, report.series, report.strokes, links)
    say("worst clips")
    failed = [r for r in run.records if r.status != "ok"]
    study, study_shown, problem = report.study
    study_tables = tuple(ShownTable(t, f"study-{i}") for i, t in enumerate(study_shown, start=1))
    everything = [t for _, shown in tables for t in shown] + list(study_tables)
    absent = {"study": not study, "validity": not beside}
    sections = [s for s in SECTIONS if not absent.get(s[0])]
    context: dict[str, Any] = {
        "run": run,
        "heading": options.heading or (f"Suite {run.info.suite}" if run.info.suite else "Run without a suite name"),
        "facts_line": _facts_line(run),
        "embedded": run.info.world == "embedded",
        "missing": (*run.missing, *(line for line in (problem, unread) if line)),
        "sections": sections,
        "words": STATUS_WORDS,
        "comparison": options.comparison,
        "findings": () if options.comparison else report.findings,
        "ranking": report.ranking,
        "checks": report.checks,
        "table_sections": tables,
        "study": study,
        "study_tables": study_tables,
        "many_identities": n if (n := len({c.identity for c in run.clips})) > MOST_IDENTITIES else 0,
        "plots": tuple(p for p in drawn if p.key not in apart),
        "ties": report.ties,
        "study_plots": report.study_plots,
        "validity": beside,
        "player_packed": compress(player) if player else "",
        "worst": worst(run, facts, links, page_dir, report.series),
        "failed": {"total": len(failed), "rows": failed[:MOST_FAILED_ROWS]},
        "provenance": _provenance(run),
        "records": _records(run, facts),
        "exports_packed": compress({t.dom_id: pieces(t.table) for t in everything}),
        "plots_packed": compress({p.key: p.csv for p in drawn}),
        "source_json": inline_json(drawer(run, facts)),
        "css": _static("page.css", options.templates),
        "page_js": _static("page.js", options.templates),
        "player_js": _static("player.js", options.templates),
    }
    say("page")
    return _environment(options.templates).get_template("page.html").render(context)


def _shown(report: Report) -> list[tuple[Section, tuple[ShownTable, ...]]]:
    # Ids are made here, not from names: a track may be called anything.
    return [
        (section, tuple(ShownTable(t, f"{section.key}-{i}") for i, t in enumerate(section.tables, start=1)))
        for section in report.sections
    ]


def _facts_line(run: Run) -> list[str]:
    identities = {c.identity for c in run.clips if c.identity}
    emotions = {c.emotion for c in run.clips if c.emotion}
    return [
        f"{len(run.clips)} {'clip' if len(run.clips) == 1 else 'clips'}",
        f"{len(identities)} {'identity' if len(identities) == 1 else 'identities'}",
        f"{len(emotions)} {'emotion' if len(emotions) == 1 else 'emotions'}",
        f"{len(run.methods)} {'method' if len(run.methods) == 1 else 'methods'}",
        f"reference images: {', '.join(run.tracks) or 'none'}",
        f"protocol {run.info.protocol or 'not recorded'}",
        f"finished {run.info.finished}" if run.info.finished else "not finished",
    ]


def _provenance(run: Run) -> list[tuple[str, str]]:
    info = run.info
    return [
        ("Command", info.command or "not recorded"),
        ("Commit", info.commit or "not recorded"),
        ("Suite", info.suite or "not recorded"),
        ("Protocol", info.protocol or "not recorded"),
        ("World", info.world),
        ("Data", info.data or "made by the suite"),
        ("Seed", str(info.seed)),
        ("Clip list (SHA-256)", clip_list_hash(run.clips)),
        ("Started", info.started or "not recorded"),
        ("Finished", info.finished or "not finished"),
    ]


def _records(run: Run, facts: dict[str, MetricFacts]) -> list[tuple[str, list[tuple[str, str]]]]:
    signatures: dict[str, set[str]] = {}
    for metric, signature in zip(run.values["metric"], run.values["signature"], strict=True):
        signatures.setdefault(str(metric), set()).add(str(signature))
    return [
        (
            "Signatures of the metrics",
            [(m.title, " ; ".join(sorted(signatures.get(n, {"not measured"})))) for n, m in facts.items()],
        ),
        ("Methods and what they were given", [(m.title or m.name, " ".join(m.inputs) or m.kind) for m in run.methods]),
        ("Evaluators (SHA-256)", sorted(run.info.evaluators.items())),
        ("Weights (SHA-256)", sorted(run.info.weights.items())),
        ("Versions", sorted(run.info.versions.items())),
    ]


def inline_json(value: object) -> Markup:
    """JSON that cannot leave its script element: no `<`, `>`, `&`, and no line separators of JavaScript."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


@cache
def _environment(own: Path | None) -> Environment:
    folders = [*([own] if own else []), HERE / "templates"]
    # A lab's page.html may start with {% extends "base/page.html" %} and change a few blocks of ours.
    loader = ChoiceLoader([FileSystemLoader(folders), PrefixLoader({"base": FileSystemLoader(HERE / "templates")})])
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _static(name: str, own: Path | None) -> Markup:
    """A file of ours, or the lab's of the same name, put into the page as it is; `extra.css` is added to the style."""
    first = own / name if own and (own / name).is_file() else HERE / "static" / name
    extra = own / "extra.css" if own and name == "page.css" else None
    text = first.read_text("utf-8") + (extra.read_text("utf-8") if extra and extra.is_file() else "")
    return Markup(text)
