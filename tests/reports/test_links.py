from __future__ import annotations

from pathlib import Path

import pytest

from reports.links import Links, player_link


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "run" / "media" / "a b").mkdir(parents=True)
    (tmp_path / "run" / "media" / "a b" / "c#1.mp4").write_bytes(b"x")
    (tmp_path / "secret.mp4").write_bytes(b"x")
    return tmp_path / "run"


def test_links_are_relative_and_encoded(root: Path) -> None:
    assert Links(root, root / "report").href("media/a b/c#1.mp4") == "../media/a%20b/c%231.mp4"
    assert Links(root, root.parent / "elsewhere").href("media/a b/c#1.mp4") == "../run/media/a%20b/c%231.mp4"


@pytest.mark.parametrize(
    "path",
    ["", None, "../secret.mp4", "media/../../secret.mp4", "/etc/passwd", "javascript:alert(1)", "media/absent.mp4",
     "media\\..\\..\\secret.mp4", "media", "a\0b", "x" * 5000],
)  # fmt: skip
def test_nothing_outside_the_run_and_nothing_absent_is_linked(root: Path, path: str | None) -> None:
    assert Links(root, root / "report").href(path) is None


def test_a_symbolic_link_out_of_the_run_is_not_followed(root: Path) -> None:
    (root / "media" / "inside.mp4").symlink_to(root.parent / "secret.mp4")
    assert Links(root, root / "report").href("media/inside.mp4") is None


def test_player_link_is_encoded() -> None:
    assert player_link("a&b=c d", "neutral", "eap") == "#clip=a%26b%3Dc%20d&track=neutral&sound=eap"
