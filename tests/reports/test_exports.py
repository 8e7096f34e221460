from __future__ import annotations

import csv
import io

from reports.exports import latex, markdown, to_csv, to_latex, to_markdown
from reports.tables import Cell, Column, Row, Table

TABLE = Table(
    "main",
    "Comparison, 100 % & more",
    "A caption.",
    (Column("psnr", "PSNR", "↑", "dB", "Image"), Column("lmd", "M_LMD", "↓", "px", "Lips")),
    (
        Row(
            "eap",
            "EAP",
            "method",
            (Cell(26.411, "26.41", (26.1, 26.7), 47, 48, best=True, digits=2), Cell(1.3, "1.300")),
        ),
        Row("=x|y", "[x] <b>", "floor", (Cell(None, "–"), Cell(-0.5, "−0.500", tied_with_best=True))),
    ),
)


def test_csv_keeps_full_precision_and_is_inert() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(TABLE))))
    assert len(rows) == 4
    assert float(rows[0]["value"]) == 26.411
    assert (rows[0]["n_scored"], rows[0]["n_expected"], rows[0]["best"]) == ("47", "48", "1")
    assert rows[2]["value"] == ""
    assert rows[2]["method"] == "'=x|y"  # a spreadsheet must not run it


def test_latex_is_booktabs_with_bold_best_and_escapes() -> None:
    text = to_latex(TABLE)
    assert r"\toprule" in text
    assert r"\eapcell{\textbf{26.41}}{{[}26.10, 26.70{]}\\[-2pt]\tiny 47/48}" in text
    assert "$-$0.500$^{=}$" in text
    assert r"100 \% \& more" in text
    assert r"M\_LMD $\downarrow$" in text
    # A row that began with a bare [ would be read as the optional argument of the \\ before it.
    assert "\n[x]" not in text
    assert text.count(r"\midrule") == 2  # head, and between method and floor


def test_wide_latex_tables_stand_in_blocks_of_nearly_equal_width() -> None:
    columns = tuple(Column(f"m{i}", f"m{i}") for i in range(15))
    row = Row("eap", "A name of a method that is long", "method", tuple(Cell(float(i), f"{i}") for i in range(15)))
    text = to_latex(Table("wide", "Wide", "A caption.", columns, (row,)))
    assert [text.count("{l" + "c" * n + "}") for n in (5, 6, 7)] == [3, 0, 0]  # 15 columns, at most 7 in a block
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 3
    assert r"\begin{table*}[t]" in text
    assert r"\begin{table}[t]" in to_latex(TABLE)
    assert text.count(r"\parbox[t]{2.8cm}{\raggedright A name of a method that is long} & ") == 3


def test_markdown_bold_and_counts() -> None:
    text = to_markdown(TABLE)
    assert "**26.41**<br>\\[26.10, 26.70\\] n=47/48" in text
    assert "&lt;b&gt;" in text
    assert "−0.500 =" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_escapes() -> None:
    assert latex("a_b\\c{d}") == r"a\_b\textbackslash{}c\{d\}"
    assert markdown("a|b\n<script>*") == "a\\|b &lt;script&gt;\\*"
