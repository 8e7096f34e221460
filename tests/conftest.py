"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Golden values and real clips that lie beside some checkouts, never inside the project."""
    path = REPOSITORY.parent / "shared"
    if not path.is_dir():
        pytest.skip("no shared/ beside this checkout: golden values and real clips are not here")
    return path


@pytest.fixture(autouse=True)
def _private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test gets its own cache folder unless it sets one itself."""
    monkeypatch.setenv("EAP_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
