"""All outputs of one verdict: JSON against its schema, JUnit against the public one, Markdown's limit, GitHub."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from lxml import etree

from benchmarks.regression.check import check
from benchmarks.regression.document import SCHEMA, VerdictDocument, schema, to_json
from benchmarks.regression.outputs import console, github, junit, markdown, words
from benchmarks.regression.verdict import Comparison, Problem, Side, State, Verdict, Waiver
from tests.benchmarks.regression.fake_runs import Fake, worsen, write

XSD = Path(__file__).parent / "data" / "junit-10.xsd"
WAIVER = Waiver("psnr", None, None, "known | <b>bad</b>", date(2030, 1, 1))


def one(state: State, **fields: Any) -> Comparison:
    defaults: dict[str, Any] = {
        "baseline": 24.0, "run": 23.0, "worse": 1.0, "worse_low": 0.5, "worse_high": 1.5, "floor": 0.1, "n_pairs": 24,
        "n_identities": 6, "p_paired": 0.0004, "p_unpaired": 0.31, "signature": "psnr|v1", "gated": True,
    }  # fmt: skip
    return Comparison("psnr", "eap", "neutral", state, **(defaults | fields))


def verdict_of(*comparisons: Comparison, **fields: Any) -> Verdict:
    side = Side("runs/a", "smoke", "strict", "0" * 40, "2026-01-02T03:04:05+00:00", "eap-bench run", 24, "f" * 64)
    return Verdict(side, side, comparisons, made="2026-01-02T03:04:05+00:00", **fields)


ODD = one(State.MISSING, why="a|b <i>\x00\x1b[31m & \n::error::x % ]]>", fix="", worse=float("nan"), run=float("nan"))
VERDICTS = {
    "every state": verdict_of(*(one(state) for state in State)),
    "not gated": verdict_of(*(one(state, gated=False) for state in State)),
    "waived": verdict_of(*(one(state, waiver=WAIVER) for state in State), expired=(WAIVER,), unused=(WAIVER,)),
    "strict": verdict_of(one(State.INCONCLUSIVE), strict=True),
    "odd text": verdict_of(ODD, notes=("other weights: eap",)),
    "problem": replace(
        Verdict(Side("r"), Side("b"), (), (Problem(State.NOT_COMPARABLE, "other | suite", "run that"),)), made=""
    ),
    "nothing": verdict_of(),
}


@pytest.fixture(params=VERDICTS, ids=str)
def verdict(request: pytest.FixtureRequest) -> Verdict:
    return VERDICTS[request.param]


def test_the_schema_in_the_tree_is_that_of_the_code() -> None:
    """Run `python -m benchmarks.regression.document` after a deliberate addition; keys of version 1 never change."""
    assert json.loads(SCHEMA.read_text()) == json.loads(json.dumps(schema()))


def test_json_is_valid_by_an_independent_validator(verdict: Verdict) -> None:
    document = json.loads(json.dumps(to_json(verdict), allow_nan=False))
    checker = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    checker.check_schema(checker.schema)
    checker.validate(document)
    assert document["exit_code"] == verdict.outcome.code
    assert document["line"] == verdict.outcome.line
    assert VerdictDocument.model_validate_json(json.dumps(document)).version == 1


@pytest.mark.parametrize("key", ["state", "exit_code", "comparisons", "version"])
def test_the_schema_refuses_a_document_without(key: str) -> None:
    document = to_json(VERDICTS["every state"])
    document.pop(key)
    checker = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    assert not checker.is_valid(document)


def test_junit_is_valid_by_the_public_schema(verdict: Verdict) -> None:
    document = etree.fromstring(junit.render(verdict).encode())
    etree.XMLSchema(etree.parse(str(XSD))).assertValid(document)
    assert int(document.get("tests", "0")) == len(document.findall("testcase")) > 0
    for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert int(document.get(attribute, "-1")) == len(document.findall(f"testcase/{tag}"))


def test_junit_tells_failure_from_error_and_agrees_with_the_exit_code(verdict: Verdict) -> None:
    document = etree.fromstring(junit.render(verdict).encode())
    failures, errors = document.findall("testcase/failure"), document.findall("testcase/error")
    assert verdict.outcome.code == (1 if failures else 3 if errors else 0)


def test_markdown_keeps_every_row_within_the_limit(verdict: Verdict) -> None:
    text = markdown.render(verdict)
    assert text.startswith("## eap-bench: ")
    assert len(text) <= markdown.LIMIT
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} <= {10}
    assert "<b>" not in text
    assert "<i>" not in text


@pytest.mark.parametrize("limit", [65_536, 5_000, 1_200])
def test_markdown_is_cut_by_whole_lines_with_a_pointer(limit: int) -> None:
    many = verdict_of(*(one(State.REGRESSED, why=f"row {i} " + "x" * 200) for i in range(2000)))
    text = markdown.render(many, limit=limit, whole="verdict.json")
    assert limit - 1000 < len(text) <= limit
    assert text.rstrip().endswith("all of it is in verdict.json")
    assert text.count("<details>") == text.count("</details>")
    left = int(text.rsplit("... ", 1)[1].split()[0])
    whole = markdown.render(many, limit=10**9).splitlines()
    kept = text.rsplit("... ", 1)[0].strip().splitlines()
    assert kept == whole[: len(kept)]
    assert abs(left + len(kept) - len(whole)) <= 1


def test_a_cut_inside_the_folded_part_closes_it() -> None:
    many = verdict_of(*(one(State.UNCHANGED) for _ in range(3000)))
    text = markdown.render(many)
    assert len(text) <= markdown.LIMIT
    assert text.count("<details>") == text.count("</details>") == 1
    assert "lines left out" in text


def test_github_commands_are_escaped_and_agree_with_the_exit_code(verdict: Verdict) -> None:
    commands = github.workflow_commands(verdict)
    assert commands
    assert all("\n" not in line and "\r" not in line for line in commands)
    assert all(line.split(" ", 1)[0] in ("::error", "::warning", "::notice") for line in commands)
    assert any(line.startswith("::error") for line in commands) == (verdict.outcome.code != 0)


def test_github_percent_and_newline() -> None:
    line = next(line for line in github.workflow_commands(VERDICTS["odd text"]) if line.startswith("::error"))
    assert "%25" in line
    assert "%0A" in line
    assert line.startswith("::error title=Could not measure::psnr of eap/neutral")


def test_github_shows_ten_and_counts_the_rest() -> None:
    commands = github.workflow_commands(verdict_of(*(one(State.REGRESSED) for _ in range(25))))
    errors = [line for line in commands if line.startswith("::error")]
    assert len(errors) == github.SHOWN
    assert "and 16 more" in errors[-1]


def test_the_step_summary_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    assert github.append_summary(VERDICTS["every state"], {"GITHUB_STEP_SUMMARY": str(path)}) == path
    assert path.read_text().startswith("before\n## eap-bench: regressed")
    assert github.append_summary(VERDICTS["every state"], {}) is None


def test_the_console_says_the_same_line_last(verdict: Verdict, capsys: pytest.CaptureFixture[str]) -> None:
    console.show(verdict, everything=True)
    printed = capsys.readouterr().out.strip().splitlines()
    assert printed[-1] == " ".join(verdict.outcome.line.split("\n"))
    for problem in verdict.problems:
        assert any(problem.what in line for line in printed)


def test_figures_in_words() -> None:
    assert [words.number(v) for v in (0.0, 1.23456, 24.0, 1e-5, float("nan"))] == ["0", "1.235", "24", "1.00e-05", "-"]
    assert [words.probability(v) for v in (0.0004, 0.031, 1.0, float("nan"))] == ["<.001", ".031", "1", "-"]
    assert words.change(one(State.REGRESSED)) == "+1 [0.5, 1.5]"
    assert words.change(one(State.REGRESSED, worse_low=float("nan"))) == "+1 [no interval]"


def test_every_output_of_a_real_comparison_names_the_regression(tmp_path: Path) -> None:
    old = write(tmp_path / "old")
    found = check(write(tmp_path / "new", Fake(change=worsen("psnr", -3.0))), old)
    assert "psnr of eap/neutral" in markdown.render(found)
    assert 'classname="smoke.eap.neutral"' in junit.render(found)
    assert any("psnr of eap/neutral" in line for line in github.workflow_commands(found))
    assert [c["metric"] for c in to_json(found)["comparisons"] if c["state"] == "regressed"] == ["psnr", "psnr"]
