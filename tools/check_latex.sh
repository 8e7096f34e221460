#!/bin/sh
# Compiles the LaTeX tables of a report: tools/check_latex.sh FOLDER (made by `eap-bench report RUN --files`).
# Needs pdflatex (Debian: apt-get install --no-install-recommends texlive-latex-base texlive-latex-recommended).
# Writes FOLDER/tables.pdf to look at. Exit code 0: all compile; 1: one does not; 2: usage; 3: no pdflatex.
set -eu
folder=${1:-}
[ -n "$folder" ] && [ -d "$folder" ] || { echo "usage: tools/check_latex.sh FOLDER" >&2; exit 2; }
command -v pdflatex >/dev/null || { echo "error: pdflatex is missing; install texlive-latex-recommended" >&2; exit 3; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
  printf '%s\n' '\documentclass[10pt]{article}' '\usepackage[T1]{fontenc}' '\usepackage[utf8]{inputenc}' \
    '\usepackage[margin=2cm]{geometry}' '\usepackage{booktabs,graphicx}' '\extrafloats{400}' '\begin{document}'
  count=0
  for table in "$folder"/*.tex; do
    [ -e "$table" ] || continue
    cat "$table"
    printf '%s\n' '\clearpage'
    count=$((count + 1))
  done
  printf '%s\n' '\end{document}'
} > "$work/all.tex"
tables=$(grep -c 'begin{table[}*]' "$work/all.tex" || true)
[ "$tables" -gt 0 ] || { echo "error: $folder holds no LaTeX tables; run eap-bench report RUN --files" >&2; exit 2; }
if ! (cd "$work" && pdflatex -interaction=nonstopmode -halt-on-error all.tex > log 2>&1); then
  grep -n -A6 '^!' "$work/log" >&2 || tail -20 "$work/log" >&2
  echo "error: the tables of $folder do not compile" >&2
  exit 1
fi
grep -h 'Overfull' "$work/log" | sed 's/^/warning: /' >&2 || true
cp "$work/all.pdf" "$folder/tables.pdf"
echo "$tables tables compile: $folder/tables.pdf"
