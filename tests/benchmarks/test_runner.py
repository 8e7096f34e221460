from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.faults import DiskFull, NoRoom
from benchmarks.observer import Cost, Observer
from benchmarks.plan import Task
from benchmarks.runner import RunOutcome, RunSettings, run
from benchmarks.suites import Suite
from eap.errors import ConfigError
from metrics.rundir import RunFiles
from tests.benchmarks.fakes import METRICS, FakeParts, micro_suite

ROOT = Path(__file__).resolve().parents[2]

# 6 clips; ground truth and mismatched audio once each, EAP and the still image on both tracks.
N_TASKS = 6 * (1 + 1 + 2 + 2)
N_ROWS = 6 * 4 * 2


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the fake world rendered once."""
    root = tmp_path_factory.mktemp("world")
    from benchmarks.suites import load_suite

    FakeParts(root).world(load_suite(micro_suite(root)), 1, lambda done, total: None)
    return root / "world"


@pytest.fixture(scope="session")
def whole(world: Path, tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    """One undisturbed run, for comparison. Tests only read it."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "world").symlink_to(world)
    return run(RunSettings(suite=micro_suite(folder), out=folder / "out", workers=1), parts=FakeParts(folder))


@pytest.fixture(autouse=True)
def _same_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of one test belong together even where a source file is edited meanwhile."""
    monkeypatch.setattr("benchmarks.runner.code_version", lambda: "the code")


@pytest.fixture
def parts(tmp_path: Path, world: Path) -> FakeParts:
    (tmp_path / "world").symlink_to(world)
    return FakeParts(tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> RunSettings:
    return RunSettings(suite=micro_suite(tmp_path), out=tmp_path / "out", workers=1)


def tables(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(root.glob("*.parquet"))}


def frame(root: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(root / f"{name}.parquet")


def test_a_run_has_a_row_for_every_method_track_and_clip(whole: RunOutcome) -> None:
    outcome = whole
    assert len(FakeParts(whole.root.parent).measured()) == N_TASKS
    assert len(outcome.records) == N_ROWS
    assert not outcome.failed
    assert outcome.report is not None
    assert outcome.report.is_file()
    values = frame(outcome.root, "values")
    assert len(values) == len(METRICS) * 4 * 2
    assert set(values["n_scored"]) == {6}
    assert set(values["n_expected"]) == {6}
    assert outcome.info.finished >= outcome.info.started


def test_media_and_references_lie_where_the_journal_says(whole: RunOutcome) -> None:
    outcome = whole
    for record in outcome.records:
        assert (outcome.root / record.media).is_file()
        talks = record.method in ("eap", "still-image")
        assert bool(record.reference) == talks
        assert (record.reference_emotion is not None) == talks
        if talks:
            assert (outcome.root / record.reference).is_file()
            assert (record.reference_emotion == "neutral") == (record.track == "neutral")
            assert record.track == "neutral" or record.reference_emotion != record.emotion


def test_methods_without_reference_stand_on_both_tracks_with_one_measurement(whole: RunOutcome) -> None:
    truth = [record for record in whole.records if record.method == "ground-truth"]
    by_track = {track: [r.values for r in truth if r.track == track] for track in ("neutral", "emotional")}
    assert by_track["neutral"] == by_track["emotional"]
    assert len({record.media for record in truth}) == 6


def test_the_second_run_is_served_from_the_directory(parts: FakeParts, settings: RunSettings) -> None:
    first = run(settings, parts=parts)
    before = tables(first.root)
    second = run(settings, parts=parts)
    assert second.from_cache
    assert not first.from_cache
    assert len(parts.measured()) == N_TASKS
    assert tables(second.root) == before
    assert second.to_json()["values"] == first.to_json()["values"]


def test_the_default_directory_is_named_by_suite_and_content(parts: FakeParts, settings: RunSettings) -> None:
    free = RunSettings(suite=settings.suite, workers=1)
    first = run(free, parts=parts)
    assert first.root.parent == Path("runs")
    assert first.root.name.startswith("micro-")
    assert run(free, parts=parts).from_cache
    other = run(RunSettings(suite=settings.suite, workers=1, methods=("eap",)), parts=parts)
    assert other.root != first.root


def test_after_ctrl_c_nothing_is_measured_twice_and_the_tables_are_equal(
    parts: FakeParts, settings: RunSettings, tmp_path: Path, whole: RunOutcome
) -> None:
    stopped = FakeParts(parts.root, interrupt_after=17)
    with pytest.raises(KeyboardInterrupt, match=r"\d+ finished rows are kept in"):
        run(settings, parts=stopped)
    assert len(parts.measured()) == 17
    assert not (tmp_path / "out" / "values.parquet").exists()
    resumed = run(settings, parts=parts)
    assert len(parts.measured()) == len(set(parts.measured())) == N_TASKS
    assert tables(resumed.root) == tables(whole.root)


def test_a_pool_gives_the_tables_of_one_process(parts: FakeParts, settings: RunSettings, whole: RunOutcome) -> None:
    pooled = run(replace(settings, workers=2), parts=parts)
    assert tables(whole.root) == tables(pooled.root)


def start_apart(settings: RunSettings, parts: FakeParts, workers: int) -> subprocess.Popen[str]:
    """The run in a process group of its own; returns when the journal holds some lines."""
    code = (
        "import signal, sys\n"
        "from pathlib import Path\n"
        # A shell starts background jobs with Ctrl-C ignored, and children inherit that.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import benchmarks.runner\n"
        "from benchmarks.runner import RunSettings, run\n"
        "from tests.benchmarks.fakes import FakeParts\n"
        "benchmarks.runner.code_version = lambda: 'the code'\n"
        f"settings = RunSettings(suite={settings.suite!r}, out=Path({str(settings.out)!r}), workers={workers})\n"
        "try:\n"
        f"    run(settings, parts=FakeParts(Path({str(parts.root)!r}), pause=0.1))\n"
        "except KeyboardInterrupt as error:\n"
        "    print(error, file=sys.stderr)\n"
        "    sys.exit(130)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, process_group=0
    )
    assert settings.out is not None
    journal = settings.out / "clips.jsonl"
    deadline = time.monotonic() + 120
    while (not journal.exists() or journal.read_text().count("\n") < 9) and time.monotonic() < deadline:
        time.sleep(0.02)
    return child


def test_after_kill_9_the_run_goes_on(
    parts: FakeParts, settings: RunSettings, tmp_path: Path, whole: RunOutcome
) -> None:
    child = start_apart(settings, parts, workers=1)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    with open(tmp_path / "out" / "clips.jsonl", "a") as stream:
        stream.write('{"method": "eap", "tra')  # a line torn by the kill
    done = {record.key for record in RunFiles(tmp_path / "out").read_journal()}
    assert 0 < len(done) < N_ROWS
    before = parts.measured()
    resumed = run(settings, parts=parts)
    again = parts.measured()[len(before) :]
    # At most the clip in flight, measured but not yet journalled, is done again.
    assert len(set(again) & set(before)) <= 1
    assert not {tuple(line.split("/")) for line in again} & done
    assert tables(resumed.root) == tables(whole.root)


def test_ctrl_c_from_a_terminal_stops_the_pool_quietly(
    parts: FakeParts, settings: RunSettings, whole: RunOutcome
) -> None:
    child = start_apart(settings, parts, workers=2)
    os.killpg(child.pid, signal.SIGINT)  # a terminal signals the workers too
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "finished rows are kept in" in said
    assert said.count("\n") == 1
    assert tables(run(settings, parts=parts).root) == tables(whole.root)


def test_a_failed_clip_is_a_row_with_its_reason_and_the_run_goes_on(parts: FakeParts, settings: RunSettings) -> None:
    outcome = run(settings, parts=FakeParts(parts.root, fail_clip="M2001_front_happy"))
    assert [(r.method, r.track) for r in outcome.failed] == [("eap", "neutral"), ("eap", "emotional")]
    assert {r.reason for r in outcome.failed} == {"ValueError: the model could not"}
    value = outcome.table.value("psnr", "eap", "neutral")
    assert (value.n_scored, value.n_expected) == (5, 6)
    assert outcome.table.value("psnr", "still-image", "neutral").n_scored == 6
    rows = frame(outcome.root, "clip_values")
    assert rows[rows["value"].isna()]["clip"].str.contains("M2001_front_happy").all()


def test_failed_clips_are_tried_again_only_on_request(parts: FakeParts, settings: RunSettings) -> None:
    run(settings, parts=FakeParts(parts.root, fail_clip="M2001_front_happy"))
    assert len(run(settings, parts=parts).failed) == 2
    mended = run(replace(settings, retry_failed=True), parts=parts)
    assert not mended.failed
    assert len(parts.measured()) == N_TASKS
    assert frame(mended.root, "values")["n_scored"].eq(6).all()


def test_a_worker_that_dies_costs_its_clip_and_not_the_run(parts: FakeParts, settings: RunSettings) -> None:
    deadly = FakeParts(parts.root, die_clip="M2000_front_angry")
    asked = RunSettings(suite=settings.suite, out=settings.out, workers=2, methods=("ground-truth",))
    outcome = run(asked, parts=deadly)
    assert {(r.clip[:17], r.track) for r in outcome.failed} == {
        ("M2000_front_angry", "neutral"),
        ("M2000_front_angry", "emotional"),
    }
    assert "died" in outcome.failed[0].reason
    assert outcome.n_scored == 10


def test_a_full_disk_stops_cleanly_and_the_same_call_goes_on(
    parts: FakeParts, settings: RunSettings, tmp_path: Path, whole: RunOutcome
) -> None:
    with pytest.raises(DiskFull, match=r"the disk is full; .* finished rows are kept") as caught:
        run(settings, parts=FakeParts(parts.root, full_after=11))
    assert "run the same command again" in str(caught.value)
    assert tables(run(settings, parts=parts).root) == tables(whole.root)
    assert len(parts.measured()) == len(set(parts.measured()))


def test_too_little_space_is_said_before_the_work(
    parts: FakeParts, settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.runner.BYTES_PER_CLIP", 10**15)
    with pytest.raises(NoRoom, match="MB are needed"):
        run(settings, parts=parts)
    assert not parts.measured()


def test_a_directory_of_another_run_is_refused(parts: FakeParts, settings: RunSettings) -> None:
    run(settings, parts=parts)
    with pytest.raises(ConfigError, match=r"holds another run .*methods"):
        run(RunSettings(suite=settings.suite, out=settings.out, workers=1, methods=("eap",)), parts=parts)


def test_a_folder_of_something_else_is_refused(parts: FakeParts, settings: RunSettings, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("precious")
    with pytest.raises(ConfigError, match="something else"):
        run(settings, parts=parts)


def test_the_cost_is_announced_before_the_first_clip(parts: FakeParts, settings: RunSettings) -> None:
    class Watcher(Observer):
        def __init__(self) -> None:
            self.seen: list[str] = []

        def announce(self, suite: Suite, root: Path, cost: Cost) -> None:
            assert (cost.clips, cost.methods, cost.tasks, cost.done) == (6, 4, N_TASKS, 0)
            assert cost.seconds > 0
            self.seen.append("cost")

        def advance(self, task: Task) -> None:
            self.seen.append("clip")

    watcher = Watcher()
    run(settings, parts=parts, observer=watcher)
    assert watcher.seen == ["cost", *["clip"] * N_TASKS]


def test_one_track_and_chosen_metrics(parts: FakeParts, settings: RunSettings) -> None:
    asked = RunSettings(suite=settings.suite, workers=1, tracks=("emotional",), metrics=("psnr",), methods=("eap",))
    outcome = run(asked, parts=parts)
    assert {value.track for value in outcome.table.values} == {"emotional"}
    assert {value.metric for value in outcome.table.values} == {"psnr"}
    assert len(parts.measured()) == 6


def test_the_run_directory_says_what_it_is_of(whole: RunOutcome) -> None:
    info = json.loads((whole.root / "run.json").read_text())
    assert info["suite"] == "micro"
    assert info["world"] == "embedded"
    assert [clip["emotion"] for clip in info["clips"]] == ["angry", "happy", "neutral"] * 2
    assert info["weights"] == {"eap": "0" * 64}
    assert info["methods"][3]["inputs"][0].startswith("The clip's own frames with the audio of another clip")
