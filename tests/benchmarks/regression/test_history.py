"""The history of a folder of runs: order, moves, drift, bisect hints, page."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import html

from benchmarks.baselines import accept
from benchmarks.history import History, commits_between, load_history
from benchmarks.history_page import ticks, write_page
from benchmarks.regression.config import Floor, GateConfig
from benchmarks.regression.verdict import State
from eap.errors import DataError
from tests.benchmarks.calling import Call
from tests.benchmarks.regression.fake_runs import Fake, worsen, write

CONFIG = GateConfig(floors={"psnr": Floor(absolute=0.5, relative=0.0)})


def dated(day: int, change: float, metric: str = "psnr") -> Fake:
    return Fake(change=worsen(metric, change), finished=f"2026-01-{day:02d}T00:00:00+00:00", commit=f"{day:040x}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs: fine, fine, 2 dB lost, fine again; written out of order; and things that are no runs."""
    root = tmp_path_factory.mktemp("runs")
    for name, day, change in (("d", 4, 0.0), ("a", 1, 0.0), ("c", 3, -2.0), ("b", 2, 0.1)):
        write(root / name, dated(day, change))
    write(root / "other", Fake(suite="mead"))
    write(root / "fewer", replace(dated(1, 0.0), identities=3))
    (root / "unfinished").mkdir()
    (root / "unfinished" / "run.json").write_text("{")
    (root / "notes.json").write_text("{}")
    return root


@pytest.fixture(scope="module")
def found(folder: Path) -> History:
    return load_history(folder, CONFIG)


def test_runs_are_ordered_by_time_and_strangers_are_named(found: History) -> None:
    assert [Path(run.source).name for run in found.runs] == ["a", "b", "c", "d"]
    assert any("unfinished" in line for line in found.skipped)
    assert any("fewer" in line and "clip lists differ" in line for line in found.skipped)


def test_the_step_that_lost_is_found_and_the_one_that_mended_it(found: History) -> None:
    moves = [(m.metric, m.method, m.track, m.first, m.second, m.state, m.drift) for m in found.moves]
    expected = [
        ("psnr", "eap", track, first, first + 1, state, False)
        for first, state in ((1, State.REGRESSED), (2, State.IMPROVED))
        for track in ("neutral", "emotional")
    ]
    assert moves == expected
    assert found.moves[0].worse == pytest.approx(2.1, abs=1e-5)


def test_the_bisect_hint_names_both_commits_and_skips_what_cannot_be_measured(found: History) -> None:
    start, run = found.moves[0].bisect
    assert start == f"git bisect start {3:040x} {2:040x}"
    assert "--metrics psnr" in run
    assert "exit 125" in run


def test_a_bisect_hint_is_a_script_that_bash_reads(found: History) -> None:
    script = found.moves[0].bisect[1].removeprefix("git bisect run ")
    stub = "eap-bench() { return 3; }; export -f eap-bench; "
    assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0
    done = subprocess.run(["bash", "-c", stub + script.replace("sh -c", "bash -c", 1)], check=False)
    assert done.returncode == 125


def test_a_slow_drift_is_seen_from_the_first_run(tmp_path: Path) -> None:
    for day in range(1, 6):
        write(tmp_path / str(day), dated(day, -0.3 * day))
    moves = load_history(tmp_path, CONFIG).moves
    assert {(m.first, m.second, m.drift, m.state) for m in moves} == {(0, 4, True, State.REGRESSED)}


def test_baseline_files_are_points_too(folder: Path, tmp_path: Path) -> None:
    for name in ("a", "c"):
        accept(folder / name, tmp_path / f"{name}.json", command="c")
    history = load_history(tmp_path, CONFIG)
    assert [move.state for move in history.moves] == [State.REGRESSED] * 2


def test_a_changed_tree_gives_no_bisect(tmp_path: Path) -> None:
    for day, change in ((1, 0.0), (2, -2.0)):
        write(tmp_path / str(day), replace(dated(day, change), commit=f"{day:040x}+changes"))
    moves = load_history(tmp_path, CONFIG).moves
    assert moves
    assert {move.bisect for move in moves} == {()}


def test_commits_are_counted_by_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "-q"], check=True)
    hashes = []
    for number in range(4):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", str(number)], check=True)
        done = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
        hashes.append(done.stdout.strip())
    assert commits_between(hashes[0], hashes[3]) == 3
    assert commits_between("f" * 40, hashes[3]) is None
    assert commits_between("", hashes[3]) is None


def test_the_page_holds_every_metric_and_is_the_same_twice(found: History, tmp_path: Path) -> None:
    page = write_page(found, tmp_path / "one")
    assert write_page(found, tmp_path / "two").read_bytes() == page.read_bytes()
    tree = html.fromstring(page.read_text())
    shown = [element.get("aria-label") for element in tree.iter("svg")]
    assert shown == [f"{metric} over 4 runs" for metric in dict.fromkeys(track.metric for track in found.tracks)]
    assert not tree.xpath("//script | //link | //img")
    assert sum(cell.get("class") == "bad" for cell in tree.iter("td")) == 2
    data = json.loads((tmp_path / "one" / "history.json").read_text())
    assert [run["commit"] for run in data["runs"]] == [f"{day:040x}" for day in (1, 2, 3, 4)]


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    write(tmp_path / "a<script>alert(1)</script>", replace(dated(1, 0.0), commit='"><script>x</script>'))
    page = write_page(load_history(tmp_path, CONFIG), tmp_path / "out")
    assert "<script" not in page.read_text()


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (23.1, 24.9), (-3e-5, 4e-5), (1e4, 9e5)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    values = ticks(low, high)
    assert 3 <= len(values) <= 8
    assert all(low <= value <= high for value in values)


def test_the_command(folder: Path, call: Call) -> None:
    said = call("history", "--runs", folder, "--out", "h")
    assert said.code == 0
    assert "4 runs of suite smoke" in said.out
    assert Path("h/index.html").is_file()
    assert len(json.loads(call("history", "--runs", folder, "--out", "h", "--json").out)["runs"]) == 4
    assert call("history", "--runs", folder, "--suite", "mead-full").code == 2
    assert call("history", "--runs", "nowhere").code == 2


def test_no_runs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run"):
        load_history(tmp_path, CONFIG)
