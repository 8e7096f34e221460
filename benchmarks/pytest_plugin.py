"""The gate as a pytest fixture: ``def test_metrics(eap_gate): eap_gate.check()``.

Installed with eap-bench (entry point ``pytest11``). Options and ini settings: ``--eap-run``/``eap_run`` a finished run,
``--eap-suite``/``eap_suite`` a suite to run first (default smoke), ``--eap-baseline``/``eap_baseline`` the baseline.
Relative paths, eap-bench.toml and ``baselines/`` are taken from pytest's root folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from benchmarks.regression.verdict import Verdict


@dataclass(frozen=True)
class Gate:
    """What a test is given: `verdict` to look at, `check` to fail on."""

    root: Path
    run: str = ""
    suite: str = ""
    baseline: str = ""

    def verdict(self, run: Path | str = "", *, suite: str = "", baseline: Path | str = "") -> Verdict:
        """The verdict on a finished run, or on a suite that is run first; what is not given is taken from the options.

        Raises EapError for usage errors, as the command does.
        """
        from benchmarks.regression.check import check

        given = str(run) or ("" if suite else self.run)
        held_against = str(baseline) or self.baseline
        with _inside(self.root):
            directory = Path(given) if given else _run_suite(suite or self.suite or "smoke")
            return check(directory, held_against or None)

    def check(self, run: Path | str = "", *, suite: str = "", baseline: Path | str = "") -> Verdict:
        """The verdict, or a failed test with the verdict as its text (also when nothing could be measured)."""
        from benchmarks.regression.outputs import markdown

        __tracebackhide__ = True
        verdict = self.verdict(run, suite=suite, baseline=baseline)
        if not verdict.outcome.passed:
            pytest.fail(markdown.render(verdict, limit=8000), pytrace=False)
        return verdict


def _run_suite(suite: str) -> Path:
    from benchmarks.runner import RunSettings, run

    return run(RunSettings(suite=suite, report=False)).root


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Relative paths mean the project's folder, wherever pytest was started."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


_SETTINGS = {
    "run": "a run directory to judge, instead of running a suite",
    "suite": "the suite to run and judge (default: smoke)",
    "baseline": "baseline file or run directory (default: baselines/<suite>.json)",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("eap-bench")
    for name, help_text in _SETTINGS.items():
        group.addoption(f"--eap-{name}", dest=f"eap_{name}", default=None, help=help_text)
        parser.addini(f"eap_{name}", help_text, default="")


@pytest.fixture(scope="session")
def eap_gate(pytestconfig: pytest.Config) -> Gate:
    """The regression gate with this session's options."""

    def setting(name: str) -> str:
        return str(pytestconfig.getoption(f"eap_{name}") or pytestconfig.getini(f"eap_{name}"))

    return Gate(pytestconfig.rootpath, setting("run"), setting("suite"), setting("baseline"))
