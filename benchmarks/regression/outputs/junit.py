"""The verdict as JUnit XML: a failure is a measured regression, an error is what could not be measured."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from benchmarks.regression.outputs import words
from benchmarks.regression.verdict import Comparison, Problem, State, Verdict

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(verdict: Verdict) -> str:
    """One test case a comparison (class ``suite.method.track``, name metric), valid against the public schemas."""
    cases = [_of_problem(problem, verdict) for problem in verdict.problems]
    cases += [_of_comparison(item, verdict) for item in verdict.comparisons]
    outcome = verdict.outcome
    if not outcome.passed and all(case.find("failure") is None and case.find("error") is None for case in cases):
        cases += [_of_problem(Problem(outcome.state, outcome.line, "run the suite again"), verdict)]

    def count(tag: str) -> str:
        return str(sum(case.find(tag) is not None for case in cases))

    suite = ElementTree.Element(
        "testsuite",
        name=_clean(f"eap-bench check {verdict.run.suite}".strip()),
        tests=str(len(cases)),
        failures=count("failure"),
        errors=count("error"),
        skipped=count("skipped"),
        time="0",
        timestamp=(verdict.made or "1970-01-01T00:00:00")[:19],
        hostname="localhost",
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _properties(verdict):
        ElementTree.SubElement(properties, "property", name=name, value=_clean(value))
    suite.extend(cases)
    ElementTree.SubElement(suite, "system-out").text = _clean(
        "\n".join([verdict.outcome.line, *words.footnotes(verdict)])
    )
    ElementTree.SubElement(suite, "system-err")
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def _properties(verdict: Verdict) -> list[tuple[str, str]]:
    found = [("verdict", verdict.outcome.line), ("exit_code", str(verdict.outcome.code))]
    for word, side in (("run", verdict.run), ("baseline", verdict.baseline)):
        found += [(f"{word}.source", side.source), (f"{word}.commit", side.commit)]
    return found


def _case(name: str, classname: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", name=_clean(name), classname=_clean(classname), time="0")


def _of_problem(problem: Problem, verdict: Verdict) -> ElementTree.Element:
    case = _case("comparable", f"{verdict.run.suite or 'run'}.gate")
    child = ElementTree.SubElement(case, "error", message=_clean(problem.what), type=problem.state.value)
    child.text = _clean(problem.fix)
    return case


def _of_comparison(item: Comparison, verdict: Verdict) -> ElementTree.Element:
    case = _case(item.metric, f"{verdict.run.suite}.{item.method}.{item.track}")
    message = _clean(f"{words.standing(item)}: worse by {words.change(item)}, floor {words.number(item.floor)}")
    tag = _tag(item, strict=verdict.strict)
    if tag == "skipped":
        ElementTree.SubElement(case, tag, message=message)
    elif tag:
        child = ElementTree.SubElement(case, tag, message=message, type=item.state.value)
        figures = f"baseline {words.number(item.baseline)}, run {words.number(item.run)}, {item.n_pairs} clips"
        child.text = _clean("; ".join(filter(None, (figures, words.remark(item)))))
    return case


def _tag(item: Comparison, *, strict: bool) -> str:
    if item.state is State.UNCHANGED or (item.counts and item.state is State.IMPROVED):
        return ""
    if not item.counts:
        return "skipped"
    if item.state is State.REGRESSED:
        return "failure"
    if item.state is State.INCONCLUSIVE and not strict:
        return "skipped"
    return "error"


def _clean(text: str) -> str:
    return _ILLEGAL.sub("", text)
