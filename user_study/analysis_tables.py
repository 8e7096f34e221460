"""The results as the report's tables (HTML, CSV, LaTeX, Markdown), headline sentences and trust checks."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reports.facts import number
from reports.study import AnswerCell, StudyResult, store_table
from reports.tables import EMPTY, Cell, Column, Row, Table
from reports.trust import Check
from user_study.analysis import Course, Duel, Outcome, Result
from user_study.statistics.comparisons import Pair
from user_study.statistics.crossed import FEW_CLIPS, FEW_RATERS, Estimate
from user_study.statistics.traces import MethodAgreement

CROSSED = "95 % intervals over crossed raters and clips (two-way clustered, Student's t)"
REFERENCE_WORDS = {"intensity_true": "true intensity", "intensity": "measured intensity"}


def cell(found: Estimate, digits: int = 2, scale: float = 1.0, signature: str = "") -> Cell:
    """An estimate as a cell; without a number a dash whose note says why."""
    if not found.known:
        return Cell(None, "–", note=found.note, signature=signature)
    ci = (found.low * scale, found.high * scale) if found.bounded else None
    value = found.value * scale
    return AnswerCell(
        value, number(value, digits), ci, found.n, digits=digits, note=found.note, signature=signature
    )  # fmt: skip


def _marked(cells: dict[str, Cell], order: Iterable[str], found: tuple[Pair, ...]) -> dict[str, Cell]:
    """Best of the competing methods, and those the paired interval does not tell from it."""
    ranked = [m for m in order if cells[m].value is not None]
    if len(ranked) < 2:
        return cells
    best = max(ranked, key=lambda m: (cells[m].value or 0.0, m))
    apart = {frozenset((p.first, p.second)): p.difference.excludes(0.0) for p in found}
    marked = dict(cells)
    marked[best] = replace(cells[best], best=True)
    for m in ranked:
        if m != best and not apart.get(frozenset((m, best)), False):
            marked[m] = replace(cells[m], tied_with_best=True)
    return marked


def main_table(result: Result, track: str) -> Table | None:
    """Methods x questions on one track: what a paper prints."""
    columns: list[Column] = []
    by_column: list[Mapping[str, Cell]] = []
    for o in (o for o in result.outcomes if o.track == track):
        competing = [m for m in result.competing if m in o.plain]
        if o.kind == "emotion":
            made = {m: cell(e, 1, 100.0, "emotion-accuracy|pool:answers|ci:crossed|v1")
                    for m, e in o.plain.items()}  # fmt: skip
            columns.append(_column(o, "Emotion acc.", "%", "answers that name the driving emotion; unsure is wrong"))
            by_column.append(_marked(made, competing, o.pairs))
            agreed = {m: cell(e, 1, 100.0, "emotion-consensus|dawid-skene|ci:wilson-clips|v1")
                      for m, e in o.adjusted.items()}  # fmt: skip
            if any_known(o.adjusted):
                text = "clips whose Dawid-Skene consensus is the emotion"
                columns.append(_column(o, "Consensus acc.", "%", text, "-ds"))
                by_column.append(agreed)
        else:
            scale = f"1–{o.points}"
            made = {m: cell(e, 2, 1.0, f"mos|scale:{o.points}|ci:crossed|v1") for m, e in o.plain.items()}
            columns.append(_column(o, "MOS", scale, "mean opinion score"))
            by_column.append(_marked(made, competing, o.pairs))
            model = {m: cell(e, 2, 1.0, f"mos|scale:{o.points}|model:p910-annex-e|ci:crossed|v1")
                     for m, e in o.adjusted.items()}  # fmt: skip
            if any_known(o.adjusted):
                columns.append(_column(o, "Annex E", scale, "quality after the rater model of P.910 Annex E", "-model"))
                by_column.append(model)
    for d in (d for d in result.duels if d.track == track):
        strengths = dict(zip(d.methods, d.strengths.strength, strict=True))
        columns.append(
            Column(f"{d.question}-won", "Preferred", "↑", "%", spoken(d.question), "comparisons won, ties half")
        )
        by_column.append({m: cell(e, 1, 100.0, "win-share|ties:half|ci:crossed|v1")
                          for m, e in d.plain.items()})  # fmt: skip
        columns.append(
            Column(f"{d.question}-bt", "Strength", "↑", "log", spoken(d.question), "Bradley-Terry with ties, mean 0")
        )
        by_column.append({m: cell(e, 2, 1.0, "bradley-terry|davidson|ci:crossed|v1") for m, e in strengths.items()})
    for c in (c for c in result.courses if c.track == track and c.reference == "intensity_true"):
        signature = "trace-pcc|lag:others|ci:crossed|v1"
        columns.append(
            Column(f"{c.question}-pcc", "Trace PCC", "↑", "", spoken(c.question), "slider against true intensity")
        )
        by_column.append({m.method: cell(m.single_pcc, 2, 1.0, signature) for m in c.result.methods})
    if not columns:
        return None
    signed = [
        replace(column, signatures=tuple(sorted({x.signature for x in cells.values() if x.signature})))
        for column, cells in zip(columns, by_column, strict=True)
    ]
    rows = tuple(
        Row(m, result.title(m), result.role(m), tuple(cells.get(m, EMPTY) for cells in by_column))
        for m in result.methods
    )
    caption = (
        f"{CROSSED}; below: answers. {_who(result)} Bold: best of the methods (the ground truth does not compete). "
        "“=”: cannot be told apart from the best, for the paired interval includes 0."
    )
    return Table(f"study-{track or 'all'}", _titled("User study", track), caption, tuple(signed), rows)


def model_note(o: Outcome) -> str:
    """Why the rater model (or the consensus) is to be doubted or could not be had; empty: neither."""
    missing = next((e.note for e in o.adjusted.values()), "") if not any_known(o.adjusted) else ""
    return o.model_note or missing


def any_known(found: Mapping[str, Estimate]) -> bool:
    """A column of dashes says nothing that the trust checks do not say: it is left out."""
    return any(e.known for e in found.values())


def _who(result: Result) -> str:
    made_up = "SIMULATED raters, not people. " if result.simulated else ""
    return f"{made_up}{len(result.cleaning.used)} of {len(result.cleaning.raters)} raters used."


def _titled(text: str, track: str) -> str:
    return f"{text}, {track} reference image" if track else text


def spoken(question: str) -> str:
    """A question's name as people read it: ``lip sync``."""
    return question.replace("_", " ")


def _column(o: Outcome, title: str, unit: str, text: str, suffix: str = "") -> Column:
    return Column(f"{o.question}{suffix}", title, "↑", unit, spoken(o.question), f"{spoken(o.question)}: {text}.")


def pair_table(result: Result, o: Outcome) -> Table:
    """All pairs of methods of one question: difference, p, p after Holm."""
    scale, digits = (100.0, 1) if o.kind == "emotion" else (1.0, 2)
    rows = []
    for p in o.pairs:
        told = cell(p.difference, digits, scale, "difference|ci:crossed|v1")
        ps = [AnswerCell(v, _p(v), n_scored=p.raters, note=p.note) if math.isfinite(v)
              else Cell(None, "–", note=p.note) for v in (p.p, p.p_holm)]  # fmt: skip
        verdict = Cell(float(p.differ), "yes" if p.differ else "no")
        name = f"{result.title(p.first)} − {result.title(p.second)}"
        rows.append(Row(f"{p.first}|{p.second}", name, "method", (told, *ps, verdict)))
    columns = (
        Column("difference", "Difference", "", "points of %" if o.kind == "emotion" else "points"),
        Column("p", "Wilcoxon p", "", "", help="signed-rank test over raters' means; n: raters who saw both"),
        Column("p_holm", "p (Holm)", "", "", help="adjusted over all pairs of this table"),
        Column("apart", "Told apart", "", "", help="interval leaves out 0 and adjusted p < .05"),
    )
    f = o.friedman
    test = (
        f"Friedman's test over {f.raters} raters: χ² = {f.statistic:.2f}, p {_equals(f.p)}, Kendall's W = {f.w:.2f}"
        + (f" ({f.left_out} raters who did not see every method left out)" if f.left_out else "")
        if math.isfinite(f.p)
        else f"Friedman's test: not possible ({f.note})"
    )
    kind = "confirmatory" if o.confirmatory else "exploratory"
    caption = f"{CROSSED}. {test}. This comparison is {kind}: it was fixed as such in the design file."
    return Table(
        f"pairs-{o.question}-{o.track}", _titled(f"{spoken(o.question)}: pairs of methods", o.track), caption, columns,
        tuple(rows),
    )  # fmt: skip


def _p(value: float) -> str:
    return "< .0001" if value < 1e-4 else f"{value:.4f}"


def _equals(value: float) -> str:
    return _p(value) if value < 1e-4 else f"= {_p(value)}"


def trace_table(result: Result, c: Course) -> Table:
    """Perceived intensity against r(t), per method."""
    found: dict[str, MethodAgreement] = {m.method: m for m in c.result.methods}
    rows = []
    for name in (m for m in result.methods if m in found):
        m = found[name]
        panel = [Cell(v, number(v, 2)) if math.isfinite(v) else EMPTY for v in (m.panel_pcc, m.panel_ccc)]
        singles = [cell(e, 2) for e in (m.single_pcc, m.single_ccc)]
        rows.append(Row(name, result.title(name), result.role(name), (*singles, *panel, Cell(m.still, str(m.still)))))
    columns = (
        Column("pcc", "PCC", "↑", "", "One rater", "correlation of one trace with r(t)"),
        Column("ccc", "CCC", "↑", "", "One rater", "concordance of one trace with r(t)"),
        Column("panel_pcc", "PCC", "↑", "", "Mean of all raters", "of the mean trace of each clip"),
        Column("panel_ccc", "CCC", "↑", "", "Mean of all raters", "of the mean trace of each clip"),
        Column("still", "Never moved", "", "traces", "", "scored 0"),
    )
    words = REFERENCE_WORDS[c.reference]
    lag = f"{c.result.lag:.2f} s" if math.isfinite(c.result.lag) else "unknown"
    caption = (
        f"Slider traces against the {words} r(t), after taking off each rater's reaction time (median {lag}), which is "
        f"looked for on the rater's other clips. {CROSSED}. "
        f"{c.result.left_out} traces of clips whose r hardly moves are left out"
        + (f", {c.result.short} of clips too short" if c.result.short else "")
        + "."
    )
    title = _titled(f"{spoken(c.question)}: perceived against {words}", c.track)
    return Table(f"trace-{c.question}-{c.reference}-{c.track}", title, caption, columns, tuple(rows))


def screening_table(result: Result, o: Outcome) -> Table:
    """What the screening changed."""
    scale, digits = (100.0, 1) if o.kind == "emotion" else (1.0, 2)
    rows = []
    for m in o.plain:
        used, all_ = o.plain[m], o.unscreened[m]
        moved = used.value * scale - all_.value * scale
        cells = (
            cell(used, digits, scale), cell(all_, digits, scale),
            Cell(moved, number(moved, digits, signed=True)),
        )  # fmt: skip
        rows.append(Row(m, result.title(m), result.role(m), cells))
    columns = (Column("used", "Used raters", "↑"), Column("all", "All raters", "↑"), Column("moved", "Moved", ""))
    caption = f"The same number with and without the answers that the pre-registered screening leaves out. {CROSSED}."
    title = _titled(f"{spoken(o.question)}: effect of the screening", o.track)
    return Table(f"screening-{o.question}-{o.track}", title, caption, columns, tuple(rows))


def all_tables(result: Result) -> list[Table]:
    """Every table, main ones first."""
    found = [t for track in result.tracks if (t := main_table(result, track)) is not None]
    found += [pair_table(result, o) for o in result.outcomes]
    found += [trace_table(result, c) for c in result.courses]
    return [*found, *(screening_table(result, o) for o in result.outcomes)]


def headlines(result: Result) -> list[str]:
    """The sentences a paper would print, each with its interval."""
    lines = []
    for o in result.outcomes:
        if (g := o.gain) is None:
            continue
        where = f" ({o.track} reference)" if len(result.tracks) > 1 else ""
        emotion = o.kind == "emotion"
        scale, digits = (100.0, 1) if emotion else (1.0, 2)
        unit = "percentage points" if emotion else f"points on 1–{o.points}"
        what = "emotion accuracy" if emotion else spoken(o.question)
        relative = f", that is {_gain(g.percent, 100.0, 0)} %" if g.percent.known and emotion else ""
        text = (
            f"{result.title(g.method)} has {_gain(g.points, scale, digits)} {unit} of {what}"
            f"{' more' if g.points.value >= 0 else ' (fewer)'} than the lowest-ranked method, "
            f"{result.title(g.lowest)}{relative}{where}"
        )
        if g.points.note:
            text += f" ({g.points.note})"
        if g.shared_bottom:
            names = ", ".join(result.title(m) for m in g.shared_bottom)
            text += f". {names} cannot be told apart from that bottom, so picking the lowest flatters the gain a little"
        lines.append(text + ".")
    return lines


def _gain(e: Estimate, scale: float, digits: int) -> str:
    ends = f" [{number(e.low * scale, digits)}, {number(e.high * scale, digits)}]" if e.bounded else " (no interval)"
    return number(e.value * scale, digits) + ends


def checks(result: Result) -> list[Check]:
    """What a reader must know before believing a number; shown when they pass, too."""
    used, raters = len(result.cleaning.used), len(result.cleaning.raters)
    clips = min((e.clips for o in result.outcomes for e in o.plain.values()), default=0)
    planned = result.design.raters
    found = [
        Check("Raters", "pass" if used >= max(FEW_RATERS, planned) else "warn",
              f"{used} of {raters} raters are used; {planned} were planned"
              + (f"; with fewer than {FEW_RATERS} intervals are rough guesses." if used < FEW_RATERS else ".")),
        Check("Clips", "pass" if clips >= FEW_CLIPS else "warn",
              f"every method was rated on {clips} clips or more; fewer than {FEW_CLIPS} say little on other clips."),
        Check("Answers left out", "pass" if result.answers_used >= 0.8 * result.answers_given else "warn",
              f"{result.answers_used} of {result.answers_given} answers are of used raters."),
        Check("Playback", "pass" if result.stalled <= 0.05 else "warn",
              f"{result.stalled:.1%} of the used answers saw a stall."),
    ]  # fmt: skip
    for o in result.outcomes:
        found.append(_agreement(o))
        if note := model_note(o):
            found.append(Check(f"Rater model of {spoken(o.question)}", "warn", f"{note}."))
    for d in result.duels:
        found.append(_duel_check(d))
    return found


def _agreement(o: Outcome) -> Check:
    """Krippendorff's alpha of every level that suits the question, on one line."""
    title = f"Agreement on {spoken(o.question)}"
    known = {level: alpha for level, alpha in o.alpha.items() if alpha.known}
    if not known:
        return Check(title, "warn", f"no α: {next((alpha.note for alpha in o.alpha.values()), 'nothing to compare')}.")
    fine = len(known) == len(o.alpha) and all(alpha.low > 0 for alpha in known.values())
    alphas = ", ".join(f"{_gain(alpha, 1.0, 2)} ({level})" for level, alpha in known.items())
    clips = max(alpha.clips for alpha in known.values())
    text = f"Krippendorff's α = {alphas} over {clips} clips; ICC(2,1) = {o.components.icc_single:.2f}."
    return Check(title, "pass" if fine else "warn", text)


def _duel_check(d: Duel) -> Check:
    if d.strengths.note:
        return Check(f"Comparisons of {spoken(d.question)}", "warn", f"{d.strengths.note}.")
    habit = d.left.excludes(0.5)
    text = f"{d.left.n} comparisons, {d.ties} without a preference; left preferred: {d.left.value:.0%}"
    return Check(f"Comparisons of {spoken(d.question)}", "warn" if habit else "pass", f"{text}.")


def study_result(result: Result, design_text: str) -> StudyResult:
    """What the run's report keeps of it: headline sentences and the main and pair tables."""
    tables = [t for track in result.tracks if (t := main_table(result, track)) is not None]
    tables += [pair_table(result, o) for o in result.outcomes if o.confirmatory]
    tables += [trace_table(result, c) for c in result.courses]
    return StudyResult(
        name=result.design.name, title=result.design.title, raters=len(result.cleaning.raters),
        raters_used=len(result.cleaning.used), answers_used=result.answers_used, simulated=result.simulated,
        design_sha256=hashlib.sha256(design_text.encode()).hexdigest(), headlines=tuple(headlines(result)),
        tables=tuple(store_table(t) for t in tables),
    )  # fmt: skip
