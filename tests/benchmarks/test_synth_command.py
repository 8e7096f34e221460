"""``eap-bench data synth``: what it announces, what it writes, what it refuses."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections import namedtuple
from pathlib import Path

import av
import pytest

from eap import media
from eap.data.mead import read_mead
from tests.benchmarks.calling import Call

SMALL = ["--emotion", "neutral,happy", "--levels", "1", "--seconds", "0.2", "--size", "32"]


def digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*.*"))
        if path.is_file() and not path.name.startswith(".")
    }


def test_same_seed_same_bytes_whatever_the_workers(call: Call, tmp_path: Path) -> None:
    one, two, other = tmp_path / "one", tmp_path / "two", tmp_path / "other"
    arguments = ["--identities", "1", "--takes", "2", *SMALL, "--json"]
    said = call("data", "synth", "--out", one, *arguments, "--workers", "1", "--seed", "3")
    assert json.loads(said.out) | {"estimate": {}} == {
        "out": str(one), "clips": 4, "written": 4, "kept": 0, "estimate": {},
    }  # fmt: skip
    assert call("data", "synth", "--out", two, *arguments, "--workers", "2", "--seed", "3").code == 0
    assert digests(one) == digests(two)
    assert len([name for name in digests(one) if name.endswith(".mp4") and "twin" not in name]) == 4
    assert call("data", "synth", "--out", other, *arguments, "--workers", "1", "--seed", "4").code == 0
    assert digests(one).keys() == digests(other).keys()
    assert digests(one) != digests(other)
    assert not read_mead(one).rejected


def test_cost_is_told_before_work_and_a_second_run_resumes(call: Call, tmp_path: Path) -> None:
    world = tmp_path / "w"
    said = call("data", "synth", "--out", world, "--identities", "1", *SMALL, "--dry-run")
    assert said.code == 0
    assert not world.exists()
    assert f"{world}: 2 clips, 20 frames to draw, about " in said.err.replace("\n", "")
    estimate = json.loads(
        call("data", "synth", "--out", world, "--identities", "1", *SMALL, "--workers", "1", "--json").out
    )["estimate"]
    written = sum(path.stat().st_size for path in world.rglob("*.*") if path.is_file())
    assert estimate["frames"] == 20
    assert 0.5 * written < estimate["bytes"] < 2 * written
    again = call("data", "synth", "--out", world, "--identities", "2", *SMALL, "--workers", "1")
    assert "(2 of 4 clips are there already)" in again.err.replace("\n", " ")
    assert "4 clips (2 written, 2 were there)" in again.out
    assert "all 4 clips are there already" in call("data", "synth", "--out", world, "--identities", "2", *SMALL).err


def test_views_show_one_performance(call: Call, tmp_path: Path) -> None:
    world = tmp_path / "w"
    arguments = ["--identities", "1", *SMALL, "--view", "front,left_30", "--no-twin", "--workers", "1", "--json"]
    assert json.loads(call("data", "synth", "--out", world, *arguments).out)["written"] == 4
    assert len(list(world.rglob("left_30/happy/level_1/*.mp4"))) == 1


def test_sound_at_48_khz(call: Call, tmp_path: Path) -> None:
    world = tmp_path / "w"
    arguments = ["--identities", "1", *SMALL, "--no-twin", "--workers", "1"]
    assert call("data", "synth", "--out", world, *arguments, "--rate", "48000").code == 0
    with av.open(str(next(world.rglob("*.m4a")))) as container:
        assert container.streams.audio[0].rate == 48000
    said = call("data", "synth", "--out", world, *arguments)
    assert said.code == 2
    assert "holds a world of {'rate': 48000}, asked for {'rate': 16000}; choose another folder" in said.err


@pytest.mark.parametrize("other", [["--seed", "1"], ["--seconds", "0.4"], ["--size", "34"], ["--twin"]])
def test_another_world_is_not_mixed_in(other: list[str], call: Call, tmp_path: Path) -> None:
    world = tmp_path / "w"
    arguments = ["--identities", "1", *SMALL, "--no-twin", "--workers", "1"]
    assert call("data", "synth", "--out", world, *arguments).code == 0
    before = digests(world)
    said = call("data", "synth", "--out", world, *arguments, *other)
    assert said.code == 2
    assert said.err.splitlines()[-1].endswith("choose another folder")
    assert digests(world) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "0"], "'--size': 0 is not in the range 32<=x<=512"),
        (["--size", "-64"], "'--size': -64 is not in the range"),
        (["--size", "100000"], "'--size': 100000 is not in the range"),
        (["--size", "big"], "'big' is not a valid integer"),
        (["--size", "97"], "--size 97 is odd: H.264 frames have even sides; use 96 or 98"),
        (["--identities", "0"], "--identities: 0 is nobody and nothing; give 1 or more"),
        (["--identities", "9999999"], "--identities: 9999999 means 9999999 of them"),
        (["--takes", "0"], "'--takes': 0 is not in the range"),
        (["--emotion", "joy"], "--emotion: unknown joy; choose from angry, contempt"),
        (["--view", "behind"], "--view: unknown behind; choose from front, left_30"),
        (["--levels", "4"], "--levels: 4 is outside 1 to 3"),
        (["--sentences", "0"], "--sentences: 0 is nobody and nothing"),
        (["--seconds", "0"], "'--seconds': 0"),
        (["--rate", "44100"], "'44100' is not one of '16000', '48000'"),
        (["--seed", "-1"], "'--seed': -1 is not in the range"),
        (["--workers", "0"], "'--workers': 0 is not in the range"),
    ],
)
def test_bad_values_are_one_line_and_write_nothing(
    arguments: list[str], words: str, call: Call, tmp_path: Path
) -> None:
    said = call("data", "synth", "--out", tmp_path / "w", *arguments)
    assert said.code == 2
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert words in said.err
    assert not (tmp_path / "w").exists()


def test_an_output_folder_that_holds_something_else_is_left_alone(call: Call, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"x")
    said = call("data", "synth", "--out", tmp_path / "photos", *SMALL)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "holds other files, not an embedded world; choose an empty folder" in said.err
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["holiday.jpg"]
    file = tmp_path / "photos" / "holiday.jpg"
    assert "is a file, not a folder" in call("data", "synth", "--out", file, *SMALL).err
    said = call("data", "synth", "--sheet", file)
    assert (said.code, said.err.splitlines()[-1]) == (
        2, f"error: {file}: is a file, not a folder; choose another folder for the gallery",
    )  # fmt: skip


def test_a_world_that_cannot_fit_is_refused_before_work(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 1000, 1000))
    said = call("data", "synth", "--out", tmp_path / "w", *SMALL)
    assert said.code == 2
    assert "are needed, 1 kB are free; free disk space, or ask for fewer clips" in said.err
    assert not list((tmp_path / "w").rglob("*.mp4"))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_disk_that_fills_leaves_whole_clips_and_goes_on(
    workers: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, plain = tmp_path / "w", media.write_video

    def fills(path: Path, *given: object, **named: object) -> None:
        if path.is_relative_to(world) and "happy" in path.parts and not path.stem.endswith("twin"):
            raise OSError(errno.ENOSPC, "No space left on device")
        plain(path, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(media, "write_video", fills)
    arguments = ["--identities", "2", *SMALL, "--workers", workers]
    said = call("data", "synth", "--out", world, *arguments)
    assert said.code == 2
    last = said.err.splitlines()[-1]
    assert last.startswith("error: ")
    assert "No space left on device; free disk space and run again: it resumes" in last
    half = read_mead(world)
    assert all(clip.emotion == "neutral" for clip in half.clips)
    monkeypatch.setattr(media, "write_video", plain)
    said = call("data", "synth", "--out", world, *arguments, "--json")
    assert json.loads(said.out)["written"] == 4 - len(half.clips)
    assert {clip.emotion for clip in read_mead(world).clips} == {"neutral", "happy"}
    assert not read_mead(world).rejected
