"""A `Table` as CSV, LaTeX (booktabs) and Markdown text."""

from __future__ import annotations

import csv
import io
import unicodedata
from typing import Any

from reports.tables import Cell, Row, Table

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "→": r"$\to$",
    "−": "$-$", "–": "--", "<": r"\textless{}", ">": r"\textgreater{}", "²": r"\textsuperscript{2}", "…": r"\ldots{}",
    "“": "``", "”": "''", "‘": "`", "’": "'", "√": r"$\surd$", "×": r"$\times$", "Δ": r"$\Delta$", "≥": r"$\geq$",
    "[": "{[}", "]": "{]}", "\n": " ", "\r": " ",
}  # fmt: skip


_CSV_HEAD = (
    "method", "role", "column", "unit", "value", "ci_low", "ci_high", "n_scored", "n_expected", "best",
    "tied_with_best", "signature",
)  # fmt: skip
WIDE = 6
"""LaTeX tables with more columns than this are scaled to the width of the text."""


def to_csv(table: Table) -> str:
    """Full-precision values, intervals, counts and signatures: one line per method and column."""
    head = ",".join(_CSV_HEAD) + "\n"
    return head + "".join(line for row in _csv_lines(table) for line in row)


def to_latex(table: Table) -> str:
    """A booktabs table float; best in bold, ties underlined, intervals small under the number."""
    parts = _latex_parts(table)
    tabular = r"\begin{tabular}{l" + "c" * len(table.columns) + "}"
    wide = len(table.columns) > WIDE
    lines = [parts["before"], (r"\resizebox{\linewidth}{!}{%" + "\n" if wide else "") + tabular, r"\toprule"]
    if any(title for title, _ in table.groups):
        spans = [rf"\multicolumn{{{span}}}{{c}}{{{latex(title)}}}" for title, span in table.groups]
        lines.append(" & ".join(["", *spans]) + r" \\")
    lines += [" & ".join([parts["first"], *parts["heads"]]) + r" \\", r"\midrule"]
    for i, (title, block, cells) in enumerate(parts["rows"]):
        if i and parts["rows"][i - 1][1] != block:
            lines.append(r"\midrule")
        lines.append(" & ".join([title, *cells]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}" + ("}" if wide else ""), r"\end{table}", ""])


def to_markdown(table: Table) -> str:
    """A pipe table; best in bold, ties marked with `=`; interval and count in the same cell."""
    parts = _markdown_parts(table)
    lines = ["| " + " | ".join([parts["first"], *parts["heads"]]) + " |", "|---" + "|---:" * len(table.columns) + "|"]
    lines += ["| " + " | ".join([title, *cells]) + " |" for title, cells in parts["rows"]]
    signatures = sorted({s for column in parts["signatures"] for s in column})
    return "\n".join([f"**{parts['title']}**", "", *lines, "", parts["note"], *signatures, ""])


def pieces(table: Table) -> dict[str, Any]:
    """The three formats in pieces: the page joins those of the rows and columns it shows, as the functions above do."""
    return {
        "csv": {"head": ",".join(_CSV_HEAD) + "\n", "rows": _csv_lines(table)},
        "latex": _latex_parts(table),
        "markdown": _markdown_parts(table),
        "wide": WIDE,
    }


def _csv_lines(table: Table) -> list[list[str]]:
    return [
        [_csv_line(row, column.key, column.unit, cell) for column, cell in zip(table.columns, row.cells, strict=True)]
        for row in table.rows
    ]


def _csv_line(row: Row, column: str, unit: str, cell: Cell) -> str:
    low, high = cell.ci or (None, None)
    flags = (int(cell.best), int(cell.tied_with_best))
    numbers = [_plain(v) for v in (cell.value, low, high, cell.n_scored, cell.n_expected)]
    out = io.StringIO()
    line = [_inert(row.key), row.role, _inert(column), unit, *numbers, *flags, cell.signature]
    csv.writer(out, lineterminator="\n").writerow(line)
    return out.getvalue()


def _latex_parts(table: Table) -> dict[str, Any]:
    before = [
        r"% needs \usepackage{booktabs} and, when scaled, \usepackage{graphicx}",
        r"\begin{table}[t]",
        r"\centering",
        rf"\caption{{{latex(table.title)}. {latex(table.caption)}}}",
    ]
    return {
        "before": "\n".join(before),
        "first": latex(table.head),
        "heads": [f"{latex(c.title)} {latex(c.arrow)}".strip() for c in table.columns],
        "groups": [latex(c.group) for c in table.columns],
        "rows": [[latex(row.title), _block(row), [_latex_cell(c) for c in row.cells]] for row in table.rows],
    }


def _markdown_parts(table: Table) -> dict[str, Any]:
    return {
        "title": markdown(table.title),
        "first": markdown(table.head),
        "heads": [markdown(f"{c.title} {c.arrow}".strip()) for c in table.columns],
        "rows": [[markdown(row.title), [_markdown_cell(c) for c in row.cells]] for row in table.rows],
        "note": markdown(table.caption),
        "signatures": [[f"`{s.replace('`', '')}`" for s in c.signatures] for c in table.columns],
    }


def latex(text: str) -> str:
    """Text with every character that LaTeX would interpret escaped, and none that pdflatex cannot set."""
    return "".join(_LATEX.get(c) or _settable(c) for c in text)


def markdown(text: str) -> str:
    """Text that a Markdown reader takes for text: no pipes, tags, emphasis, links or line breaks."""
    kept = " ".join(text.split())
    for sign in "\\`*_[]|":
        kept = kept.replace(sign, "\\" + sign)
    return kept.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _settable(sign: str) -> str:
    """The sign itself where pdflatex knows it (ASCII, Latin letters); else its plain form, or a question mark."""
    if " " <= sign <= "~" or "\u00c0" <= sign <= "\u017f":
        return sign
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return "".join(_LATEX.get(c, c) for c in plain if " " <= c <= "~") or "?"


def _block(row: Row) -> str:
    return "method" if row.role == "ablation" else row.role


def _latex_cell(cell: Cell) -> str:
    text = latex(cell.display)
    if cell.best:
        text = rf"\textbf{{{text}}}"
    elif cell.tied_with_best:
        text = rf"\underline{{{text}}}"
    return text + (rf" {{\scriptsize {latex(cell.interval)}}}" if cell.ci else "")


def _markdown_cell(cell: Cell) -> str:
    text = f"**{cell.display}**" if cell.best else cell.display + (" =" if cell.tied_with_best else "")
    extra = " ".join(markdown(part) for part in (cell.interval, cell.count and f"n={cell.count}") if part)
    return f"{text}<br>{extra}" if extra else text


def _plain(value: float | int | None) -> str:
    return "" if value is None else repr(value)


def _inert(text: str) -> str:
    """Text that a spreadsheet does not run as a formula."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
