"""A `Table` as CSV, LaTeX (booktabs) and Markdown text."""

from __future__ import annotations

import csv
import io

from reports.tables import Cell, Row, Table

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "→": r"$\to$",
    "−": "$-$", "–": "--", "<": r"\textless{}", ">": r"\textgreater{}", "²": r"\textsuperscript{2}",
    "[": "{[}", "]": "{]}", "\n": " ", "\r": " ",
}  # fmt: skip


def to_csv(table: Table) -> str:
    """Full-precision values, intervals, counts and signatures: one line per method and column."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["method", "role", "column", "unit", "value", "ci_low", "ci_high", "n_scored", "n_expected", "best",
         "tied_with_best", "signature"]
    )  # fmt: skip
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            low, high = cell.ci or (None, None)
            flags = (int(cell.best), int(cell.tied_with_best))
            numbers = [_plain(v) for v in (cell.value, low, high, cell.n_scored, cell.n_expected)]
            writer.writerow(
                [_inert(row.key), row.role, _inert(column.key), column.unit, *numbers, *flags, cell.signature]
            )
    return out.getvalue()


def to_latex(table: Table) -> str:
    """A booktabs table float; best in bold, ties underlined, intervals small under the number."""
    heads = [f"{latex(c.title)} {latex(c.arrow)}".strip() for c in table.columns]
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}[t]",
        r"\centering",
        rf"\caption{{{latex(table.title)}. {latex(table.caption)}}}",
        rf"\begin{{tabular}}{{l{'c' * len(heads)}}}",
        r"\toprule",
    ]
    if any(title for title, _ in table.groups):
        spans = [rf"\multicolumn{{{span}}}{{c}}{{{latex(title)}}}" for title, span in table.groups]
        lines.append(" & ".join(["", *spans]) + r" \\")
    lines += [" & ".join(["Method", *heads]) + r" \\", r"\midrule"]
    for before, row in zip([None, *table.rows], table.rows, strict=False):
        if before is not None and _block(before) != _block(row):
            lines.append(r"\midrule")
        lines.append(" & ".join([latex(row.title), *(_latex_cell(c) for c in row.cells)]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def to_markdown(table: Table) -> str:
    """A pipe table; best in bold, ties marked with `=`; interval and count in the same cell."""
    heads = ["Method", *(f"{c.title} {c.arrow}".strip() for c in table.columns)]
    lines = ["| " + " | ".join(markdown(h) for h in heads) + " |", "|---" + "|---:" * len(table.columns) + "|"]
    lines += [
        "| " + " | ".join([markdown(row.title), *(_markdown_cell(c) for c in row.cells)]) + " |" for row in table.rows
    ]
    signatures = sorted({s for c in table.columns for s in c.signatures})
    notes = [markdown(table.caption), *(f"`{s.replace('`', '')}`" for s in signatures)]
    return "\n".join([f"**{markdown(table.title)}**", "", *lines, "", *notes, ""])


def latex(text: str) -> str:
    """Text with every character that LaTeX would interpret escaped."""
    return "".join(_LATEX.get(c, c) for c in text)


def markdown(text: str) -> str:
    """Text that a Markdown reader takes for text: no pipes, tags, emphasis, links or line breaks."""
    kept = " ".join(text.split())
    for sign in "\\`*_[]|":
        kept = kept.replace(sign, "\\" + sign)
    return kept.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


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
