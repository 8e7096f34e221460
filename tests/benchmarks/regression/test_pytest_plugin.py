"""The fixture as a project uses it: a folder with a test, a baseline and a run, and pytest in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.regression.fake_runs import Fake, worsen, write

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose baseline was accepted from a good run, with a good and a worse run beside it."""
    from benchmarks.baselines import accept

    root = tmp_path_factory.mktemp("project")
    accept(write(root / "good"), root / "baselines" / "smoke.json", command="eap-bench baseline accept")
    write(root / "worse", Fake(change=worsen("psnr", -3.0)))
    (root / "test_metrics.py").write_text("def test_metrics(eap_gate):\n    eap_gate.check()\n")
    (root / "pytest.ini").write_text("[pytest]\neap_run = good\n")
    return root


def pytest_in(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Installed, the entry point loads the plugin; here it may not be installed yet, or be installed already.
    from importlib.metadata import entry_points

    named = any(point.value == "benchmarks.pytest_plugin" for point in entry_points(group="pytest11"))
    plugin = [] if named else ["-p", "benchmarks.pytest_plugin"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_a_good_run_passes_and_a_worse_one_fails_with_the_verdict(project: Path) -> None:
    assert pytest_in(project).returncode == 0
    failed = pytest_in(project, "--eap-run", "worse")
    assert failed.returncode == 1
    assert "eap-bench: regressed: 2 of" in failed.stdout
    assert "psnr of eap/neutral" in failed.stdout


def test_what_cannot_be_measured_fails_too(project: Path) -> None:
    failed = pytest_in(project, "--eap-baseline", "test_metrics.py")
    assert failed.returncode == 1
    assert "not comparable" in failed.stdout


def test_the_verdict_can_be_looked_at(project: Path) -> None:
    from benchmarks.pytest_plugin import Gate

    gate = Gate(project, run="good")
    assert gate.verdict().outcome.code == 0
    assert gate.verdict("worse").outcome.code == 1
    assert gate.verdict(baseline="worse").outcome.code == 0  # held against the worse run, the good one is better
    assert Path.cwd() != project


def test_without_a_run_the_suite_is_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from benchmarks.pytest_plugin import Gate
    from benchmarks.runner import RunSettings

    asked: list[RunSettings] = []

    def run(settings: RunSettings) -> SimpleNamespace:
        asked.append(settings)
        return SimpleNamespace(root=project / "good")

    monkeypatch.setattr("benchmarks.runner.run", run)
    assert Gate(project).verdict().outcome.code == 0
    Gate(project, run="worse").verdict(suite="mead")
    assert [settings.suite for settings in asked] == ["smoke", "mead"]


def test_the_entry_point_is_declared() -> None:
    import tomllib

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    assert declared == {"eap-bench": "benchmarks.pytest_plugin"}


def test_the_plugin_costs_a_pytest_run_nothing_heavy() -> None:
    code = "import sys; import benchmarks.pytest_plugin; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"torch", "numpy", "pandas", "scipy", "pydantic", "rich"}
