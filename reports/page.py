"""Everything on the page, gathered into one context for the templates."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.differences import groups
from reports.exports import to_csv, to_latex, to_markdown
from reports.facts import MetricFacts, collect
from reports.links import Links
from reports.player import payload
from reports.plot_style import strokes
from reports.plots import plots
from reports.series import Series
from reports.source import Run
from reports.tables import COMPETING, MOST_PARTS, Table, breakdown, main_table
from reports.trust import checks
from reports.verdict import findings
from reports.worst import worst

HERE = Path(__file__).parent
SECTIONS = (
    ("verdict", "Verdict"),
    ("trust", "Trust"),
    ("tables", "Tables"),
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
BREAKDOWNS = ("emotion_accuracy", "reference_leakage", "intensity_pcc", "saturation_index")
MOST_FAILED_ROWS = 500

Progress = Callable[[str], None]


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


@dataclass(frozen=True)
class Ranking:
    """Tie groups: (metric title, one tuple of groups per track)."""

    tracks: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[tuple[str, ...], ...], ...]], ...]


def render(run: Run, page_dir: Path, progress: Progress | None = None) -> str:
    """The whole page as HTML. Posters of the worst clips are written into `page_dir`; nothing else is."""
    say = progress or (lambda _: None)
    facts = collect(run.values, run.info.metrics)
    links = Links(run.root, page_dir)
    series, lines = Series(run), strokes(run.methods)
    say("tables")
    main, parts = _tables(run, facts)
    ranking = _ranking(run, facts)
    say("plots")
    drawn = plots(run, series, lines)
    say("player")
    player = payload(run, facts, series, lines, links)
    say("worst clips")
    failed = [r for r in run.records if r.status != "ok"]
    exports = {
        t.dom_id: {"csv": to_csv(t.table), "latex": to_latex(t.table), "markdown": to_markdown(t.table)}
        for t in (*main, *parts)
    }
    context: dict[str, Any] = {
        "run": run,
        "heading": f"Suite {run.info.suite}" if run.info.suite else "Run without a suite name",
        "facts_line": _facts_line(run),
        "embedded": run.info.world == "embedded",
        "missing": run.missing,
        "sections": SECTIONS,
        "words": STATUS_WORDS,
        "findings": findings(run, facts),
        "ranking": ranking,
        "checks": checks(run, facts),
        "main_tables": main,
        "breakdowns": parts,
        "many_identities": n if (n := len({c.identity for c in run.clips})) > MOST_PARTS else 0,
        "plots": drawn,
        "player_json": _inline_json(player) if player else None,
        "worst": worst(run, facts, links, page_dir),
        "failed": {"total": len(failed), "rows": failed[:MOST_FAILED_ROWS]},
        "provenance": _provenance(run),
        "records": _records(run, facts),
        "exports_json": _inline_json(exports),
        "css": _static("page.css"),
        "page_js": _static("page.js"),
        "player_js": _static("player.js"),
    }
    say("page")
    return _environment().get_template("page.html").render(context)


def _tables(run: Run, facts: dict[str, MetricFacts]) -> tuple[list[ShownTable], list[ShownTable]]:
    main = [t for track in run.tracks if (t := main_table(run, facts, track))]
    parts = [
        t
        for metric in BREAKDOWNS
        if metric in facts
        for track in run.tracks
        for by in ("emotion", "identity")
        if (t := breakdown(run, facts[metric], track, by))
    ]
    # Ids are made here, not from names: a track may be called anything.
    first = [ShownTable(t, f"comparison-{i}") for i, t in enumerate(main, start=1)]
    return first, [ShownTable(t, f"breakdown-{i}") for i, t in enumerate(parts, start=1)]


def _ranking(run: Run, facts: dict[str, MetricFacts]) -> Ranking:
    names = run.named(*COMPETING)
    rows = []
    for metric in facts.values():
        cells = tuple(
            tuple(tuple(run.label(m) for m in group) for group in groups(run, metric, track, names))
            for track in run.tracks
        )
        if any(cells):
            rows.append((f"{metric.title} {metric.arrow}".strip(), cells))
    return Ranking(run.tracks, tuple(rows))


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


def _inline_json(value: object) -> Markup:
    """JSON that cannot leave its script element: no `<`, `>`, `&`, and no line separators of JavaScript."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _static(name: str) -> Markup:
    """A file of ours, put into the page as it is."""
    return Markup((HERE / "static" / name).read_text("utf-8"))
