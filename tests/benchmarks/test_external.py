"""Other people's methods: a stand-in with the arguments of Wav2Lip's inference.py, which fails on some clips."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.external import check_template, find_result, run_command
from benchmarks.methods import load_method, method_names
from benchmarks.produce import finished_frames
from benchmarks.runner import RunSettings, run
from eap import media
from eap.data.clip import Clip
from eap.errors import ConfigError, DataError
from tests.benchmarks.fakes import FakeParts, micro_suite

AUDIO = np.zeros(6400, np.float32)
STAND_IN = """
import argparse, shutil, sys
p = argparse.ArgumentParser()
for name in ("checkpoint_path", "face", "audio", "outfile", "fps"):
    p.add_argument("--" + name, required=True)
a = p.parse_args()
open("calls", "a").write(a.audio + "\\n")
if "noface" in a.audio:
    raise ValueError("Face not detected! Ensure the video contains a face in all the frames.")
if "silent" not in a.audio:
    shutil.copy("made.mp4", a.outfile)
"""


def clip(name: str) -> Clip:
    return Clip(name, "M003", "angry", 3, "front", "001", Path("unused.mp4"))


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    repo = tmp_path / "Wav2Lip é x"
    repo.mkdir()
    (repo / "inference.py").write_text(STAND_IN.replace("\\\\n", "\\n"))
    media.write_video(repo / "made.mp4", np.full((10, 32, 32, 3), 99, np.uint8), 25.0)
    monkeypatch.setenv("EAP_WAV2LIP_REPO", str(repo))
    monkeypatch.setenv("EAP_WAV2LIP_PYTHON", sys.executable)
    return repo


def test_only_missing_clips_are_run_and_failures_keep_their_log(repo: Path, tmp_path: Path) -> None:
    method, image = load_method("wav2lip"), tmp_path / "face.png"
    made = run_command(method, clip("good"), "neutral", image, AUDIO, tmp_path)
    assert finished_frames(made, 11, 32).shape == (11, 32, 32, 3)
    assert run_command(method, clip("good"), "neutral", image, AUDIO, tmp_path) == made
    assert len((repo / "calls").read_text().splitlines()) == 1
    with pytest.raises(DataError, match="failed on noface: exit code 1: ValueError: Face not detected"):
        run_command(method, clip("noface"), "neutral", image, AUDIO, tmp_path)
    assert len((repo / "calls").read_text().splitlines()) == 3, "tried once more"
    assert "Face not detected" in (tmp_path / "external/wav2lip/neutral/noface.log").read_text()
    with pytest.raises(DataError, match="ended well and wrote no file"):
        run_command(method, clip("silent"), "neutral", image, AUDIO, tmp_path)
    with pytest.raises(DataError, match="leads out of"):
        run_command(method, clip("../../x"), "neutral", image, AUDIO, tmp_path)


def test_a_program_that_hangs_is_ended_with_its_children(repo: Path, tmp_path: Path) -> None:
    hanging = "import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', CHILD])\ntime.sleep(60)\n"
    child = "import time; time.sleep(3); open('outlived', 'w')"
    (repo / "inference.py").write_text(f"CHILD = {child!r}\n{hanging}")
    method = load_method("wav2lip").model_copy(update={"timeout": 1.0, "retries": 1})
    began = time.monotonic()
    with pytest.raises(DataError, match="failed on good: took more than 1 s"):
        run_command(method, clip("good"), "neutral", tmp_path / "face.png", AUDIO, tmp_path)
    assert 2 <= time.monotonic() - began < 20, "tried twice, a second each"
    time.sleep(3.5)
    assert not (repo / "outlived").exists()


def test_no_shell_reads_what_a_name_says(repo: Path, tmp_path: Path) -> None:
    name = "a b; touch pwned; $(touch pwned) `touch pwned` & é"
    made = run_command(load_method("wav2lip"), clip(name), "neutral", tmp_path / "face.png", AUDIO, tmp_path)
    assert made.name == f"{name}.mp4"
    assert name in (repo / "calls").read_text()
    assert not list(tmp_path.rglob("pwned"))


def test_templates_that_write_elsewhere() -> None:
    for command, said in (
        (["x", "{out}/../y"], "leads out"),
        (["x", "{out}.bak"], "alone"),
        (["x"], "no {out}"),
        (["x", "{home}", "{out}"], "unknown placeholder"),
    ):
        with pytest.raises(ValueError, match=said):
            check_template(command)


def test_results_and_what_was_given(tmp_path: Path) -> None:
    method = load_method(f"eat={tmp_path}")
    assert (method.kind, method.label) == ("results", "EAT (given: head pose, emotion label)")
    assert load_method(f"mine={tmp_path}").folder == str(tmp_path.resolve())
    with pytest.raises(DataError, match=r"good\.mp4 is missing"):
        find_result(str(tmp_path), clip("good"))
    with pytest.raises(ConfigError, match="--method eat=DIR"):
        load_method("eat")
    media.write_video(tmp_path / "short.mp4", np.zeros((3, 32, 32, 3), np.uint8), 25.0)
    with pytest.raises(DataError, match="3 frames at 25 fps, the clip has 10"):
        finished_frames(tmp_path / "short.mp4", 10, 32)
    shipped = {"atvgnet", "makeittalk", "wav2lip", "pc-avs", "synctalkface", "mead-baseline", "eamm", "eat"}
    assert shipped <= set(method_names())


def test_a_run_measures_a_folder_of_results(tmp_path: Path) -> None:
    folder = tmp_path / "their clips"
    frames = np.full((10, 32, 32, 3), 50, np.uint8)
    media.write_video(folder / "M2000_front_angry_3_200.mp4", frames, 25.0)
    settings = RunSettings(
        suite=micro_suite(tmp_path), methods=(f"eat={folder}",), out=tmp_path / "run", workers=1, report=False
    )
    outcome = run(settings, parts=FakeParts(tmp_path))
    assert outcome.info.methods[0].title == "EAT (given: head pose, emotion label)"
    assert "yuangan/EAT_code demo.py at 34ddda9" in " ".join(outcome.info.methods[0].inputs)
    scored = {record.clip for record in outcome.records if record.status == "ok"}
    assert scored == {"M2000_front_angry_3_200"}
    assert all("is missing" in record.reason for record in outcome.failed)


def test_a_command_without_its_environment_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="EAP_WAV2LIP_REPO does not name its checkout"):
        run(RunSettings(suite=micro_suite(tmp_path), methods=("wav2lip",)), parts=FakeParts(tmp_path))


WAV2LIP = """
# The arguments, steps and habits of Wav2Lip's inference.py: a fixed temporary file, one frame less than the sound,
# progress on standard output, an exception where its detector finds no face.
import argparse, os, wave
import av
import numpy as np
from PIL import Image

parser = argparse.ArgumentParser()
for name in ("checkpoint_path", "face", "audio", "outfile"):
    parser.add_argument("--" + name, type=str, required=True)
parser.add_argument("--fps", type=float, default=25.0)
args = parser.parse_args()
assert os.path.isfile(args.checkpoint_path), args.checkpoint_path
image = np.asarray(Image.open(args.face).convert("RGB"))
with wave.open(args.audio) as sound:
    assert (sound.getframerate(), sound.getnchannels()) == (16000, 1)
    seconds = sound.getnframes() / sound.getframerate()
    loud = np.abs(np.frombuffer(sound.readframes(sound.getnframes()), "<i2")).mean()
frames = int(seconds * args.fps) - 1
print("Number of frames available for inference: 1")
print(f"Length of mel chunks: {frames}")
if "angry" in args.audio and "M2001" in args.audio:
    raise ValueError("Face not detected! Ensure the video contains a face in all the frames.")
os.makedirs("temp", exist_ok=True)
with av.open("temp/result.mp4", "w") as out:
    stream = out.add_stream("libx264", rate=25)
    stream.width, stream.height, stream.pix_fmt = image.shape[1], image.shape[0], "yuv420p"
    for _ in range(frames):
        out.mux(stream.encode(av.VideoFrame.from_ndarray(image.copy(), format="rgb24")))
    out.mux(stream.encode(None))
os.replace("temp/result.mp4", args.outfile)
"""


def test_a_run_with_an_adapter_that_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = tmp_path / "Wav2Lip"
    (repo / "checkpoints").mkdir(parents=True)
    (repo / "checkpoints" / "wav2lip_gan.pth").write_bytes(b"weights")
    (repo / "inference.py").write_text(WAV2LIP)
    monkeypatch.setenv("EAP_WAV2LIP_REPO", str(repo))
    monkeypatch.setenv("EAP_WAV2LIP_PYTHON", sys.executable)
    settings = RunSettings(
        suite=micro_suite(tmp_path), methods=("ground-truth", "wav2lip"), tracks=("neutral",), out=tmp_path / "run",
        workers=1, report=False,
    )  # fmt: skip
    outcome = run(settings, parts=FakeParts(tmp_path))
    theirs = {record.clip: record for record in outcome.records if record.method == "wav2lip"}
    failed = {clip for clip, record in theirs.items() if record.status == "failed"}
    assert failed == {clip for clip in theirs if clip.startswith("M2001_front_angry")}
    assert len(theirs) == 6
    assert len(failed) == 1
    assert all("Face not detected" in theirs[clip].reason for clip in failed)
    assert all(theirs[clip].values["psnr"].value is not None for clip in theirs.keys() - failed)
    log = next((tmp_path / "run" / "external" / "wav2lip" / "neutral").glob("*happy*.log")).read_text()
    assert "Length of mel chunks: 9" in log
