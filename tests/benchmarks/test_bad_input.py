"""Bad input of every command that takes files: one line that names the file and the fix, never a traceback."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.bundled import load_talker
from eap import media
from tests.benchmarks.calling import Call, Said
from tests.benchmarks.small_bundle import write_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder)
    return folder


@pytest.fixture(autouse=True)
def _small_bundle(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("eap.bundle.store.BUNDLE_DIR", bundle)
    load_talker.cache_clear()
    yield


def frames(count: int, size: int = 96) -> np.ndarray:
    ramp = np.linspace(0, 255, size, dtype=np.uint8)
    picture = np.stack([np.tile(ramp, (size, 1)), np.tile(ramp[:, None], (1, size)), np.full((size, size), 90)], axis=2)
    return np.stack([np.roll(picture, 3 * i, axis=1) for i in range(count)]).astype(np.uint8)


def portrait() -> np.ndarray:
    from eap.synth.clip import ClipSpec, render_clip

    clip = render_clip(ClipSpec(2000, "neutral", 1, 200, seconds=0.04), size=96)
    assert clip.frames is not None
    return np.asarray(clip.frames[0])


def tone(count: int) -> np.ndarray:
    return (0.3 * np.sin(np.arange(count * 640) / 20)).astype(np.float32)


def float_wav(path: Path, samples: np.ndarray) -> None:
    """A 32-bit float WAV, which can hold NaN."""
    data = samples.astype("<f4").tobytes()
    head = b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    head += (3).to_bytes(2, "little") + (1).to_bytes(2, "little") + (16000).to_bytes(4, "little")
    head += (64000).to_bytes(4, "little") + (4).to_bytes(2, "little") + (32).to_bytes(2, "little")
    path.write_bytes(head + b"data" + len(data).to_bytes(4, "little") + data)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good and bad files."""
    root = tmp_path_factory.mktemp("files")
    media.write_image(root / "face.png", portrait())
    media.write_image(root / "ramp.png", frames(1)[0])
    media.write_image(root / "dot.png", np.zeros((1, 1, 3), np.uint8))
    media.write_audio(root / "voice.wav", tone(10), 16000)
    media.write_video(root / "good.mp4", frames(10), 25.0, tone(10), 16000)
    media.write_video(root / "silent.mp4", frames(10), 25.0)
    media.write_video(root / "one.mp4", frames(1), 25.0, tone(1), 16000)
    media.write_video(root / "long.mp4", frames(15), 25.0, tone(15), 16000)
    media.write_video(root / "large.mp4", frames(10, 128), 25.0, tone(10), 16000)
    (root / "empty.mp4").write_bytes(b"")
    (root / "empty.png").write_bytes(b"")
    (root / "empty.wav").write_bytes(b"")
    for name in ("text.mp4", "text.png", "text.wav"):
        (root / name).write_text("this is no media file\n" * 20)
    (root / "cut.mp4").write_bytes((root / "good.mp4").read_bytes()[:300])
    (root / "cut.png").write_bytes((root / "face.png").read_bytes()[:60])
    (root / "folder").mkdir()
    float_wav(root / "nan.wav", np.full(16000, np.nan))
    float_wav(root / "short.wav", np.zeros(100))
    with wave.open(str(root / "nothing.wav"), "wb") as stream:
        stream.setparams((1, 2, 16000, 0, "NONE", ""))
    return root


def assert_one_line(said: Said, name: str, codes: tuple[int, ...] = (2,)) -> None:
    lines = [line for line in said.err.splitlines() if not line.startswith("note:")]
    assert said.code in codes, said
    assert said.out == ""
    assert len(lines) == 1, said.err
    assert lines[0].startswith("error: ")
    assert name in lines[0]
    assert ";" in lines[0], "no fix is named"
    assert "unexpected" not in lines[0]


BAD_IMAGES = ["ramp.png", "missing.png", "folder", "empty.png", "text.png", "cut.png", "dot.png", "voice.wav"]
BAD_VOICES = ["missing.wav", "folder", "empty.wav", "text.wav", "silent.mp4", "nan.wav", "short.wav", "nothing.wav"]


@pytest.mark.parametrize("name", BAD_IMAGES)
@pytest.mark.parametrize("command", ["generate", "neutralize"])
def test_bad_images(command: str, name: str, files: Path, call: Call, tmp_path: Path) -> None:
    out = tmp_path / ("out.mp4" if command == "generate" else "out.png")
    voice = ["--audio", files / "voice.wav"] if command == "generate" else []
    said = call(command, "--image", files / name, *voice, "--out", out, "--weights", "eap")
    assert_one_line(said, name)
    assert not out.exists()


@pytest.mark.parametrize("name", BAD_VOICES)
def test_bad_voices(name: str, files: Path, call: Call, tmp_path: Path) -> None:
    said = call("generate", "--image", files / "face.png", "--audio", files / name, "--out", tmp_path / "out.mp4")
    assert_one_line(said, name)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("out", ["out.txt", "folder.mp4", "file/out.mp4"])
def test_bad_targets_are_refused_before_the_work(out: str, files: Path, call: Call, tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").write_text("x")
    said = call("generate", "--image", files / "face.png", "--audio", files / "voice.wav", "--out", tmp_path / out)
    assert_one_line(said, out.split("/")[0])
    assert "note:" not in said.err


@pytest.mark.parametrize("scale", ["nan", "-1", "inf"])
def test_bad_scale(scale: str, files: Path, call: Call) -> None:
    media_options = ["--image", files / "face.png", "--audio", files / "voice.wav", "--out", "o.mp4"]
    assert_one_line(call("generate", *media_options, "--intensity-scale", scale), "--intensity-scale")


def test_unknown_weights(files: Path, call: Call) -> None:
    media_options = ["--image", files / "face.png", "--audio", files / "voice.wav", "--out", "o.mp4"]
    assert_one_line(call("generate", *media_options, "--weights", "nobody"), "nobody")
    assert_one_line(call("generate", *media_options, "--weights", "judge-sync"), "judge-sync")


def test_a_full_disk_leaves_no_half_file(
    files: Path, call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "out.mp4")

    monkeypatch.setattr(media.VideoWriter, "write", full)
    media_options = ["--image", files / "face.png", "--audio", files / "voice.wav", "--out", tmp_path / "out.mp4"]
    assert_one_line(call("generate", *media_options), "the disk is full", (3,))


def test_generate_says_what_the_weights_know(files: Path, call: Call, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    said = call("generate", "--image", files / "face.png", "--audio", files / "good.mp4", "--out", out)
    assert said.code == 0
    assert "note: the bundled weights were trained on the embedded world alone" in said.err
    video = media.read_video(out)
    assert video.frames.shape == (10, 96, 96, 3)
    assert video.audio is not None
    options = ["--intensity-scale", "0.5", "--emotion", "sad", "--json"]
    said = call("generate", "--image", files / "face.png", "--audio", files / "voice.wav", "--out", out, *options)
    assert json.loads(said.out)["frames"] == 10


def test_a_picture_without_a_face_can_be_taken_as_it_is(files: Path, call: Call, tmp_path: Path) -> None:
    said = call("neutralize", "--image", files / "ramp.png", "--out", tmp_path / "o.png", "--weights", "eap")
    assert "no face found; give a face seen from the front, or --no-crop" in said.err
    options = ["--out", tmp_path / "o.png", "--weights", "eap", "--no-crop"]
    assert call("neutralize", "--image", files / "ramp.png", *options).code == 0


def test_neutralize_writes_an_image(files: Path, call: Call, tmp_path: Path) -> None:
    out = tmp_path / "calm.png"
    assert call("neutralize", "--image", files / "face.png", "--out", out, "--weights", "eap").code == 0
    assert media.read_image(out).shape == (96, 96, 3)


BAD_VIDEOS = ["missing.mp4", "empty.mp4", "text.mp4", "cut.mp4", "voice.wav", "face.png"]


@pytest.mark.parametrize("name", BAD_VIDEOS)
@pytest.mark.parametrize("side", ["generated", "reference"])
def test_score_bad_videos(name: str, side: str, files: Path, call: Call) -> None:
    paths = {"generated": files / "good.mp4", "reference": files / "good.mp4"} | {side: files / name}
    said = call("score", "--generated", paths["generated"], "--reference", paths["reference"], "--metrics", "psnr")
    assert_one_line(said, name, (2, 3))


@pytest.mark.parametrize(("name", "reason"), [("long.mp4", "15 frames"), ("large.mp4", "128")])
def test_score_of_what_does_not_match(name: str, reason: str, files: Path, call: Call) -> None:
    said = call("score", "--generated", files / name, "--reference", files / "good.mp4", "--metrics", "psnr")
    assert_one_line(said, reason, (3,))


def test_score_of_sync_without_audio_and_of_one_frame(files: Path, call: Call) -> None:
    for name, reason in (("silent.mp4", "audio"), ("one.mp4", "short")):
        options = ["--generated", files / name, "--reference", files / name, "--metrics", "lse_c", "--force-bundled"]
        assert_one_line(call("score", *options), reason, (3,))


def test_score_keeps_what_can_be_measured(files: Path, call: Call) -> None:
    options = ["--generated", files / "silent.mp4", "--reference", files / "silent.mp4", "--force-bundled"]
    said = call("score", *options, "--metrics", "ssim,lse_c")
    assert said.code == 0
    assert "ssim" in said.out
    assert "not measured: lse_c" in said.err


def test_score_of_folders(files: Path, call: Call, tmp_path: Path) -> None:
    for folder in ("made", "true"):
        (tmp_path / folder).mkdir()
    assert_one_line(call("score", "--generated", tmp_path / "made", "--reference", tmp_path / "true"), "true")
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "true" / name).write_bytes((files / "good.mp4").read_bytes())
    (tmp_path / "made" / "c.mp4").write_bytes((files / "good.mp4").read_bytes())
    assert_one_line(call("score", "--generated", tmp_path / "made", "--reference", tmp_path / "true"), "made")
    (tmp_path / "made" / "a.mp4").write_bytes((files / "good.mp4").read_bytes())
    (tmp_path / "made" / "b.mp4").write_bytes(b"")
    said = call(
        "score", "--generated", tmp_path / "made", "--reference", tmp_path / "true", "--metrics", "ssim", "--json"
    )
    (value,) = json.loads(said.out)["values"]
    assert (value["n_scored"], value["n_expected"]) == (1, 2)
    assert_one_line(call("score", "--generated", files / "good.mp4", "--reference", tmp_path / "true"), "folder")


def test_run_explains_what_a_mead_folder_looks_like(call: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for data in ("empty", "missing"):
        said = call("run", "--suite", "mead", "--data", tmp_path / data, "--method", "eap")
        assert_one_line(said, data)
        assert "M003/video/front/angry/level_3/012.mp4" in said.err
    assert not (tmp_path / "runs").exists()


def test_run_refuses_real_faces_unless_forced(files: Path, call: Call, tmp_path: Path) -> None:
    clip = tmp_path / "MEAD" / "M003" / "video" / "front" / "angry" / "level_3" / "001.mp4"
    clip.parent.mkdir(parents=True)
    clip.write_bytes((files / "good.mp4").read_bytes())
    said = call("run", "--suite", "mead", "--data", tmp_path / "MEAD", "--method", "eap")
    assert_one_line(said, "MEAD")
    assert "--force-bundled" in said.err


def test_run_into_a_file_and_into_a_foreign_folder(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "x").write_text("x")
    for name in ("file", "foreign"):
        assert_one_line(call("run", "--suite", "smoke", "--method", "eap", "--out", tmp_path / name), name)


def test_report_of_what_is_no_run(call: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "missing"):
        assert_one_line(call("report", "--run", tmp_path / name), name)


def test_weights_and_doctor_name_a_damaged_file(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_bundle(tmp_path / "b")
    monkeypatch.setattr("eap.bundle.store.BUNDLE_DIR", tmp_path / "b")
    assert call("weights", "verify").code == 0
    assert call("doctor").code == 0
    assert {item["name"] for item in json.loads(call("weights", "list", "--json").out)["weights"]} >= {"eap"}
    path = tmp_path / "b" / "eap.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    said = call("weights", "verify")
    assert said.code == 1
    assert "eap.safetensors" in said.err
    said = call("doctor", "--json")
    assert said.code == 1
    assert [check["name"] for check in json.loads(said.out)["checks"] if not check["ok"]] == ["weights"]
