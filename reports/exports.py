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
WIDE = 7
"""Columns of a block of a LaTeX table; a table of more has several blocks."""
NARROW = 3
"""LaTeX tables with more columns than this go over both columns of a two-column paper."""
LONG = 20
"""Names of rows with more letters than this are broken into lines in LaTeX."""
_NEEDS = r"% needs \usepackage{booktabs,graphicx}"
_FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
_GAP = "\n\n\\vspace{4pt}\n\n"


def to_csv(table: Table) -> str:
    """Full-precision values, intervals, counts and signatures: one line per method and column."""
    head = ",".join(_CSV_HEAD) + "\n"
    return head + "".join(line for row in _csv_lines(table) for line in row)


def to_latex(table: Table) -> str:
    r"""A booktabs table float: best in bold, ties marked with `=`, interval and clips scored / expected under a number.

    More columns than `WIDE` stand in several blocks below one another, so that they can be read in print; a block that
    is still wider than the text is scaled down to it. A table of more than `NARROW` columns goes over both columns of a
    two-column paper (`table*`).
    """
    parts, count = _latex_parts(table), len(table.columns)
    float_ = "table*" if count > NARROW else "table"
    blocks = [_latex_block(parts, places) for places in _spread(count)]
    return "\n".join([_NEEDS, rf"\begin{{{float_}}}[t]", parts["before"], _GAP.join(blocks), rf"\end{{{float_}}}", ""])


def _spread(count: int) -> list[range]:
    """Places of the columns of each block: as few blocks as `WIDE` allows, of nearly equal size."""
    blocks = max(1, -(-count // WIDE))
    size = -(-count // blocks)
    return [range(start, min(start + size, count)) for start in range(0, max(count, 1), max(size, 1))]


def _latex_block(parts: dict[str, Any], places: range) -> str:
    lines = [_FIT, r"\begin{tabular}{l" + "c" * len(places) + "}", r"\toprule"]
    spans: list[tuple[str, int]] = []
    for group in (parts["groups"][i] for i in places):
        spans = [*spans[:-1], (group, spans[-1][1] + 1)] if spans and spans[-1][0] == group else [*spans, (group, 1)]
    if any(title for title, _ in spans):
        lines.append(" & ".join(["", *(rf"\multicolumn{{{n}}}{{c}}{{{title}}}" for title, n in spans)]) + r" \\")
    lines += [" & ".join([parts["first"], *(parts["heads"][i] for i in places)]) + r" \\", r"\midrule"]
    for r, (title, block, cells) in enumerate(parts["rows"]):
        if r and parts["rows"][r - 1][1] != block:
            lines.append(r"\midrule")
        lines.append(" & ".join([title, *(cells[i] for i in places)]) + r" \\[2pt]")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}}"])


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
        "print": {"wide": WIDE, "narrow": NARROW, "needs": _NEEDS, "fit": _FIT, "gap": _GAP},
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
        r"\providecommand{\eapcell}[2]{\begin{tabular}[t]{@{}c@{}}#1\\[-2pt]\tiny #2\end{tabular}}",
        r"\centering",
        rf"\caption{{{latex(table.title)}. {latex(table.caption)}}}",
    ]
    return {
        "before": "\n".join(before),
        "first": latex(table.head),
        "heads": [f"{latex(c.title)} {latex(c.arrow)}".strip() for c in table.columns],
        "groups": [latex(c.group) for c in table.columns],
        "rows": [[_latex_title(row.title), _block(row), [_latex_cell(c) for c in row.cells]] for row in table.rows],
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


def _latex_title(title: str) -> str:
    text = latex(title)
    return rf"\parbox[t]{{2.8cm}}{{\raggedright {text}}}" if len(title) > LONG else text


def _latex_cell(cell: Cell) -> str:
    text = latex(cell.display)
    if cell.best:
        text = rf"\textbf{{{text}}}"
    elif cell.tied_with_best:
        text += "$^{=}$"
    under = r"\\[-2pt]\tiny ".join(latex(part) for part in (cell.interval, cell.count) if part)
    return rf"\eapcell{{{text}}}{{{under}}}" if under else text


def _markdown_cell(cell: Cell) -> str:
    text = f"**{cell.display}**" if cell.best else cell.display + (" =" if cell.tied_with_best else "")
    extra = " ".join(markdown(part) for part in (cell.interval, cell.count and f"n={cell.count}") if part)
    return f"{text}<br>{extra}" if extra else text


def _plain(value: float | int | None) -> str:
    return "" if value is None else repr(value)


def _inert(text: str) -> str:
    """Text that a spreadsheet does not run as a formula."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
