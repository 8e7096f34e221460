"""The ready-made files: their shell steps run here as services run them, with a finished run in place of a suite."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from benchmarks.baselines import accept
from benchmarks.cli import COMMANDS, cli
from tests.benchmarks.regression.fake_runs import Fake, worsen, write

ROOT = Path(__file__).resolve().parents[3]
ACTION = ROOT / "integrations" / "github" / "action.yml"
GITLAB = ROOT / "integrations" / "gitlab" / "eap-gate.yml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
DOCUMENT = ROOT / "docs" / "regression-gate.md"


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a baseline, a good and a worse run, and `eap-bench` on its own PATH."""
    root = tmp_path_factory.mktemp("project")
    accept(write(root / "good"), root / "baselines" / "smoke.json", command="eap-bench baseline accept")
    write(root / "worse", Fake(change=worsen("psnr", -3.0)))
    program = root / "bin" / "eap-bench"
    program.parent.mkdir()
    # The suite would be run for a minute: a finished run stands in for it.
    program.write_text(
        f'#!/bin/sh\n[ "$*" = "${{*#*--suite}}" ] || set -- check --run good "${{@:4}}"\n'
        f'PYTHONPATH={ROOT} exec {sys.executable} -m benchmarks.cli "$@"\n'.replace("#!/bin/sh", "#!/bin/bash")
    )
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    return root


def shell(project: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables, "PATH": f"{project / 'bin'}:{os.environ['PATH']}"}
    # GitHub runs `shell: bash` with these flags.
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def action(project: Path, folder: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str], str]:
    """Run the check step; also what it wrote to GITHUB_OUTPUT and to the step summary."""
    document = load(ACTION)
    given = {name: spec["default"] for name, spec in document["inputs"].items()} | inputs
    step = next(step for step in document["runs"]["steps"] if step.get("id") == "check")
    variables = {}
    for name, value in step["env"].items():
        wanted = value.removeprefix("${{ inputs.").removesuffix(" }}")
        variables[name] = given[wanted]
    files = {name: folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for path in files.values():
        path.write_text("")
    done = shell(project, step["run"], **variables, **{name: str(path) for name, path in files.items()})
    outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
    return done, outputs, files["GITHUB_STEP_SUMMARY"].read_text()


@pytest.mark.parametrize(("run", "code"), [("good", 0), ("worse", 1)])
def test_the_action_keeps_the_exit_code_and_writes_everything(
    run: str, code: int, project: Path, tmp_path: Path
) -> None:
    done, outputs, summary = action(project, tmp_path, run=run, output=str(tmp_path / "gate"))
    assert (done.returncode, outputs["exit-code"]) == (code, str(code))
    assert Path(outputs["verdict"]).is_file()
    assert {path.name for path in (tmp_path / "gate").iterdir()} == {"verdict.json", "verdict.md", "junit.xml"}
    assert ("::error title=Regressed::" in done.stdout) == (code == 1)
    assert summary.startswith("## eap-bench: ")


def test_the_action_runs_the_suite_and_passes_arguments_on(project: Path, tmp_path: Path) -> None:
    done, outputs, _ = action(project, tmp_path, output=str(tmp_path / "gate"), arguments="--strict --metrics psnr")
    assert (done.returncode, outputs["exit-code"]) == (0, "0")


def test_usage_and_unmeasured_have_their_own_titles(project: Path, tmp_path: Path) -> None:
    done, outputs, _ = action(project, tmp_path, run="nowhere", output=str(tmp_path / "gate"))
    assert (done.returncode, outputs["exit-code"]) == (2, "2")
    assert "::error title=eap-bench usage::" in done.stdout
    (tmp_path / "broken.json").write_text('{"format": 1')
    done, outputs, _ = action(
        project, tmp_path, run="good", baseline=str(tmp_path / "broken.json"), output=str(tmp_path)
    )
    assert outputs["exit-code"] == "3"
    assert "::error title=Not comparable::" in done.stdout


def test_inputs_of_the_action_are_never_part_of_a_script(project: Path, tmp_path: Path) -> None:
    steps = load(ACTION)["runs"]["steps"]
    assert all("${{" not in step.get("run", "") for step in steps)
    done, outputs, _ = action(project, tmp_path, run='good"; touch pwned; "', output=str(tmp_path / "gate"))
    assert outputs["exit-code"] == "2"
    assert not (project / "pwned").exists()
    assert done.returncode == 2


def test_the_action_is_a_composite_action() -> None:
    document = load(ACTION)
    assert document["runs"]["using"] == "composite"
    assert all("shell" in step for step in document["runs"]["steps"] if "run" in step)
    assert all({"description"} <= spec.keys() for spec in document["inputs"].values())


@pytest.mark.parametrize("suite", ["smoke"])
def test_the_gitlab_job_runs_and_its_reports_are_where_it_says(suite: str, project: Path, tmp_path: Path) -> None:
    job = load(GITLAB)["eap-gate"]
    script = f"cd {project}\n" + "\n".join(job["script"])
    done = shell(project, script, EAP_GATE_SUITE=suite)
    assert done.returncode == 0, done.stderr
    assert (project / job["artifacts"]["reports"]["junit"]).is_file()
    assert job["artifacts"]["when"] == "always"
    assert job["variables"]["EAP_GATE_SUITE"] == "smoke"


def test_the_hook_is_a_command_that_exists() -> None:
    (hook,) = load(HOOKS)
    program, command, *arguments = hook["entry"].split()
    assert (program, command in COMMANDS) == ("eap-bench", True)
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    options = {name for parameter in found.params for name in parameter.opts}
    assert {argument for argument in arguments if argument.startswith("--")} <= options
    assert hook["stages"] == ["pre-push", "manual"]


def test_the_hook_runs(project: Path) -> None:
    (hook,) = load(HOOKS)
    assert shell(project, hook["entry"]).returncode == 0


def test_the_document_shows_what_is_there() -> None:
    text = DOCUMENT.read_text()
    for word in (
        "integrations/github",
        "integrations/gitlab/eap-gate.yml",
        "id: eap-gate",
        "eap_gate",
        "eap-bench.toml",
    ):
        assert word in text


def test_examples_of_the_document_are_valid() -> None:
    """Every toml block is read as settings, every yaml block parses, every python block compiles."""
    import re
    import tomllib

    from benchmarks.regression.config import load_config

    blocks = re.findall(r"```(toml|yaml|python)\n(.*?)```", DOCUMENT.read_text(), flags=re.S)
    assert {kind for kind, _ in blocks} == {"toml", "yaml", "python"}
    for kind, text in blocks:
        if kind == "toml":
            assert "check" in tomllib.loads(text)
            Path("eap-bench.toml").write_text(text)
            assert load_config().waivers
        elif kind == "yaml":
            assert yaml.safe_load(text)
        else:
            compile(text, "document", "exec")


def test_commands_of_the_document_exist(call: Any) -> None:
    import re
    import shlex

    lines = re.findall(r"^eap-bench [^\n|]*", DOCUMENT.read_text(), flags=re.M)
    assert lines
    for line in lines:
        words = shlex.split(line.split("#")[0])[1:]
        path = [word for word in words[:2] if not word.startswith("-")][: 2 if words[0] == "baseline" else 1]
        said = call(*path, "--help")
        assert said.code == 0
        assert all(word in said.out for word in words if word.startswith("--"))
