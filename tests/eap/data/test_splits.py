from __future__ import annotations

from pathlib import Path

import pytest

from eap.data.clip import Clip, Manifest, Rejected, clip_id
from eap.data.splits import TEST_IDENTITIES, split
from eap.errors import DataError


def clip(identity: str, emotion: str, level: int, number: int) -> Clip:
    sentence = f"{number:03d}"
    name = clip_id(identity, "front", emotion, level, sentence)
    path = Path(f"/d/{identity}/video/front/{emotion}/level_{level}/{sentence}.mp4")
    return Clip(name, identity, emotion, level, "front", sentence, path)


WORLD = Manifest(
    Path("/d"),
    tuple(
        clip(identity, emotion, level, number)
        for identity in (*TEST_IDENTITIES, "M005")
        for emotion, level in (("angry", 1), ("angry", 3), ("happy", 3), ("neutral", 1))
        for number in range(1, 13)
    ),
)


def test_eat() -> None:
    parts = split(WORLD, "eat")
    assert {item.identity for item in parts.train} == {"M005"}
    assert len(parts.test) == 4 * 3 * 12
    assert {(item.emotion, item.level) for item in parts.neither} == {("angry", 1)}


def test_edtalk_has_four_emotions_of_m030() -> None:
    parts = split(WORLD, "edtalk")
    assert {item.emotion for item in parts.test if item.identity == "M030"} == {"happy", "neutral"}
    assert {item.level for item in parts.test if item.identity == "M003" and item.emotion == "angry"} == {1, 3}
    assert {item.identity for item in parts.neither} == {"M030"}
    assert {item.identity for item in parts.train} == {"M005"}


def test_mead_readme_takes_the_last_of_each_level() -> None:
    parts = split(WORLD, "mead-readme")
    own = [item for item in parts.test if item.identity == "M005"]
    assert sorted(item.sentence for item in own if item.emotion == "neutral") == [f"{n:03d}" for n in range(3, 13)]
    assert sorted(item.sentence for item in own if item.level == 3 and item.emotion == "angry") == [
        f"{n:03d}" for n in range(7, 13)
    ]
    assert len(parts.train) + len(parts.test) == len(WORLD)


def test_a_damaged_file_moves_no_other_clip() -> None:
    lost = WORLD.get("M005_front_angry_3_012")
    rest = Manifest(WORLD.root, tuple(c for c in WORLD if c is not lost), (Rejected(lost.video, "empty"),))
    before = {item.id for item in split(WORLD, "mead-readme").test} - {lost.id}
    assert {item.id for item in split(rest, "mead-readme").test} == before


@pytest.mark.parametrize(
    "line",
    [
        "M005_front_angry_3_002",
        "M005_ang_3_002",
        "M005#angry#level_3#002.mp4",
        "/x/M005/video/front/angry/level_3/002.mp4",
    ],
)
def test_lists(tmp_path: Path, line: str) -> None:
    path = tmp_path / "list é.txt"
    path.write_text(f"# comment\n{line}\nW999_ang_3_001\n", encoding="utf-8")
    parts = split(WORLD, path)
    assert [item.id for item in parts.test] == ["M005_front_angry_3_002"]
    assert parts.absent == ("W999_ang_3_001",)
    (tmp_path / "list.json").write_text(f'["{line}"]')
    assert len(split(WORLD, tmp_path / "list.json").test) == 1


def test_bad_rules(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such rule, and no file"):
        split(WORLD, "eatt")
    with pytest.raises(DataError, match="leaves no clip for testing among 48"):
        split(WORLD.filter(identities=["M005"]), "eat")
    (tmp_path / "l.json").write_text('{"a": 1}')
    with pytest.raises(DataError, match="not a list of names"):
        split(WORLD, tmp_path / "l.json")
