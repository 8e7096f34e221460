"""Runs made of invented numbers, each written once a session."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # so that tests can share `tests.reports.fake_run` however pytest is started
    sys.path.insert(0, str(ROOT))

import reports  # noqa: E402
from reports.source import Run, load  # noqa: E402
from tests.reports.chromium import ARGUMENTS, CHROMIUM, SLOW  # noqa: E402
from tests.reports.fake_run import Recipe, write_run  # noqa: E402


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six methods, two tracks, five identities; one clip has videos; ANT failed on `sad`."""
    recipe = Recipe(identities=5, videos=1, failing=frozenset({("ant", "sad")}))
    return write_run(tmp_path_factory.mktemp("run") / "mead", recipe)


@pytest.fixture(scope="session")
def run(run_dir: Path) -> Run:
    """The same, loaded."""
    return load(run_dir)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, timeout=SLOW)
        yield found
        found.close()


@pytest.fixture(scope="module")
def url(run_dir: Path) -> str:
    """The page of `run_dir`."""
    return reports.build(run_dir).as_uri()
