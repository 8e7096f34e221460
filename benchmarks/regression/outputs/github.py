"""The verdict for GitHub Actions: annotations on standard output, Markdown appended to the step summary."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from benchmarks.regression.outputs import markdown, words
from benchmarks.regression.verdict import Comparison, State, Verdict

SHOWN = 10
"""Annotations of one kind that GitHub shows for a step."""
SUMMARY_LIMIT = 1_000_000
"""Bytes that GitHub takes for a step summary are 1 MiB; a character may be several."""

_TITLES = {
    State.REGRESSED: "Regressed",
    State.MISSING: "Could not measure",
    State.NOT_COMPARABLE: "Not comparable",
    State.INCONCLUSIVE: "Inconclusive",
}


def workflow_commands(verdict: Verdict) -> list[str]:
    """Workflow commands: errors for what fails, a warning for what is waived, a notice with the line otherwise."""
    failing = [State.REGRESSED, State.NOT_COMPARABLE, State.MISSING]
    if verdict.strict:
        failing.append(State.INCONCLUSIVE)
    errors = [
        _command("error", _TITLES[problem.state], f"{problem.what}; {problem.fix}") for problem in verdict.problems
    ]
    items = [item for item in words.ordered(verdict.comparisons) if item.counts and item.state in failing]
    errors += [_command("error", _TITLES[item.state], _sentence(item)) for item in items]
    if len(errors) > SHOWN:
        more = len(errors) - SHOWN + 1
        errors = [*errors[: SHOWN - 1], _command("error", "eap-bench", f"and {more} more; {verdict.outcome.line}")]
    warnings = [_command("warning", "Waived", f"{item.where}: {words.remark(item)}") for item in verdict.waived]
    warnings += [_command("warning", "Waiver expired", str(waiver)) for waiver in verdict.expired]
    if not errors and not verdict.outcome.passed:
        errors = [_command("error", "Could not measure", verdict.outcome.line)]
    return [*errors, *warnings[:SHOWN], *([] if errors else [_command("notice", "eap-bench", verdict.outcome.line)])]


def append_summary(verdict: Verdict, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Append the Markdown to ``$GITHUB_STEP_SUMMARY``; None where there is no such variable."""
    name = environment.get("GITHUB_STEP_SUMMARY")
    if not name:
        return None
    path = Path(name)
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(markdown.render(verdict, limit=SUMMARY_LIMIT // 4, whole="the job's artifact"))
    return path


def _sentence(item: Comparison) -> str:
    figures = f"{words.number(item.baseline)} -> {words.number(item.run)}, worse by {words.change(item)}"
    return "; ".join(filter(None, (f"{item.where}: {figures}, floor {words.number(item.floor)}", words.remark(item))))


def _command(kind: str, title: str, text: str) -> str:
    """``::kind title=...::text`` with the escapes GitHub asks for."""
    for sign, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        title, text = title.replace(sign, code), text.replace(sign, code)
    title = title.replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={title}::{text}"
