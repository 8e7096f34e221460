"""The verdict as Markdown, for a merge request's comment or a step summary."""

from __future__ import annotations

from benchmarks.regression.outputs import words
from benchmarks.regression.verdict import Comparison, State, Verdict

LIMIT = 65_536
"""Characters that GitHub takes in a comment."""

_HEAD = "| state | metric | row / track | baseline | run | worse | floor | clips | p paired / unpaired |"
_RULE = "|---|---|---|--:|--:|--:|--:|--:|--:|"


def render(verdict: Verdict, *, limit: int = LIMIT, whole: str = "the JSON verdict") -> str:
    """At most ``limit`` characters; what does not fit is left out by whole lines with a pointer to ``whole``."""
    outcome = verdict.outcome
    lines = [f"## eap-bench: {_plain(outcome.line)}", ""]
    lines += [f"- {_plain(line)}" for line in words.sides(verdict)]
    for problem in verdict.problems:
        lines += [f"- **{problem.state}**: {_plain(problem.what)}", f"  - {_plain(problem.fix)}"]
    if verdict.comparisons:
        lines.append(f"- {_plain(words.counts(verdict))}")
    lines += [f"- note: {_plain(note)}" for note in words.footnotes(verdict)]
    items = words.ordered(verdict.comparisons)
    notable = [item for item in items if item.gated and item.state is not State.UNCHANGED]
    rest = [item for item in items if item not in notable]
    if notable:
        lines += ["", *_table(notable)]
        lines += ["", *(f"- {_plain(item.where)}: {_plain(text)}" for item in notable if (text := words.remark(item)))]
    if rest:
        lines += ["", f"<details><summary>{len(rest)} more: unchanged and informational</summary>", ""]
        lines += [*_table(rest), "", "</details>"]
    lines += ["", words.LEGEND.format(level=100 * verdict.confidence)]
    return cut(lines, limit, whole)


def cut(lines: list[str], limit: int, whole: str) -> str:
    """The lines, or as many as fit with a last line that says how many are missing and where they are."""
    text = "\n".join(lines) + "\n"
    if len(text) <= limit:
        return text
    pointer = "\n\n</details>\n\n... {count} lines left out (limit of the page): all of it is in {whole}\n"
    room = limit - len(pointer.format(count=len(lines), whole=whole))
    kept: list[str] = []
    for line in lines:
        if len(line) + 1 > room:
            break
        room -= len(line) + 1
        kept.append(line)
    tail = pointer.format(count=len(lines) - len(kept), whole=whole)
    opened = sum("<details>" in line for line in kept) > sum("</details>" in line for line in kept)
    return "\n".join(kept) + (tail if opened else tail.replace("\n\n</details>", ""))


def _table(items: list[Comparison]) -> list[str]:
    return [_HEAD, _RULE, *(_row(item) for item in items)]


def _row(item: Comparison) -> str:
    state = words.standing(item)
    cells = (
        f"**{state}**" if item.counts and item.state is not State.UNCHANGED else state,
        item.metric,
        f"{item.method} / {item.track}",
        words.number(item.baseline),
        words.number(item.run),
        words.change(item),
        words.number(item.floor),
        f"{item.n_pairs}/{item.n_pairs + item.n_lost}",
        f"{words.probability(item.p_paired)} / {words.probability(item.p_unpaired)}",
    )
    return "| " + " | ".join(_plain(cell) for cell in cells) + " |"


def _plain(text: str) -> str:
    """No table bars, no HTML, one line."""
    flat = " ".join(text.split())
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
