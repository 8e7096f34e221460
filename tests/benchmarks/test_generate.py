"""``generate`` and ``neutralize`` on pictures and voices as people have them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.bundled import load_talker
from eap import media
from tests.benchmarks.calling import Call, Said
from tests.benchmarks.small_bundle import write_bundle
from tests.eap.inference.samples import scene, sweep, world_face


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder, ("eap", "ant"))
    return folder


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return world_face(128)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, face: np.ndarray) -> Path:
    root = tmp_path_factory.mktemp("files")
    media.write_image(root / "face.png", face)
    media.write_image(root / "room.png", scene(face, [(200, 90)]))
    media.write_audio(root / "voice.wav", sweep(0.4, 16000), 16000)
    return root


@pytest.fixture(autouse=True)
def _loaded_anew() -> Iterator[None]:
    load_talker.cache_clear()
    yield
    load_talker.cache_clear()


@pytest.fixture
def generate(call: Call, bundle: Path, files: Path, tmp_path: Path) -> Any:
    def run(*options: object, image: str = "face.png", audio: str = "voice.wav") -> Said:
        paths = ["--image", files / image, "--audio", files / audio, "--out", tmp_path / "out.mp4"]
        return call("generate", *paths, "--bundle", bundle, *options)

    return run


def of_mode(mode: str, face: np.ndarray, path: Path) -> Path:
    """The face as a file of another kind; ``path`` without suffix."""
    picture = Image.fromarray(face)
    if mode == "gray":
        picture.convert("L").save(path.with_suffix(".png"))
    elif mode == "gray+alpha":
        picture.convert("LA").save(path.with_suffix(".png"))
    elif mode == "16-bit":
        gray = np.asarray(picture.convert("L")).astype(np.uint16) * 257
        Image.fromarray(gray).save(path.with_suffix(".png"))
    elif mode == "palette+alpha":
        seen = np.asarray(picture.quantize(64))
        marked = Image.fromarray(seen, "P")
        marked.putpalette(picture.quantize(64).getpalette() or [])
        marked.save(path.with_suffix(".png"), transparency=200)  # an entry that no pixel has
    elif mode == "rgba":
        picture.convert("RGBA").save(path.with_suffix(".webp"), lossless=True)
        return path.with_suffix(".webp")
    elif mode == "cmyk":
        picture.convert("CMYK").save(path.with_suffix(".jpg"), quality=95)
        return path.with_suffix(".jpg")
    elif mode == "exif":
        exif = Image.Exif()
        exif[0x0112] = 6  # stored turned to the left: shown turned by 90 degrees clockwise
        picture.rotate(90, expand=True).save(path.with_suffix(".jpg"), quality=95, exif=exif)
        return path.with_suffix(".jpg")
    return path.with_suffix(".png")


MODES = ("gray", "gray+alpha", "16-bit", "palette+alpha", "rgba", "cmyk", "exif")


@pytest.mark.parametrize("mode", MODES)
def test_images_of_every_kind(
    mode: str, face: np.ndarray, bundle: Path, files: Path, call: Call, tmp_path: Path
) -> None:
    """The same face in another kind of file is found and comes out upright and alike."""
    room = scene(face, [(200, 90)])
    path = of_mode(mode, room, tmp_path / "picture")
    said = call("neutralize", "--image", path, "--out", tmp_path / "n.png", "--bundle", bundle, "--json")
    assert said.code == 0, said.err
    crop = json.loads(said.out)["crop"]
    assert crop["left"] == pytest.approx(200, abs=15)
    assert crop["top"] == pytest.approx(90, abs=15)
    call("neutralize", "--image", files / "room.png", "--out", tmp_path / "plain.png", "--bundle", bundle)
    made, plain = (media.read_image(tmp_path / name).astype(float) for name in ("n.png", "plain.png"))
    assert np.corrcoef(made.mean(2).ravel(), plain.mean(2).ravel())[0, 1] > 0.7


def test_several_faces_say_which_was_taken(generate: Any, face: np.ndarray, files: Path) -> None:
    small = np.asarray(Image.fromarray(face).resize((96, 96), Image.Resampling.LANCZOS))
    room = scene(face, [(270, 90)])
    room[100:196, 30:126] = small
    media.write_image(files / "two.png", room)
    said = generate("--json", image="two.png")
    assert "note: 2 faces in" in said.err
    assert "taken: the largest" in said.err
    facts = json.loads(said.out)
    assert facts["faces_found"] == 2
    assert facts["crop"]["left"] > 200
    said = generate("--face", "2", image="two.png")
    assert "taken: number 2 by size" in said.err
    assert said.code == 0
    said = generate("--face", "3", image="two.png")
    assert said.code == 2
    assert "two.png: no face number 3, 2 found; choose 1 to 2" in said.err
    assert "(" not in generate().err, "one face needs no remark"


def test_a_tiny_face_is_refused_with_its_size(call: Call, bundle: Path, face: np.ndarray, tmp_path: Path) -> None:
    tiny = np.asarray(Image.fromarray(face).resize((32, 32), Image.Resampling.LANCZOS))
    media.write_image(tmp_path / "far.png", scene(tiny, [(120, 120)], 280, 300))
    said = call("neutralize", "--image", tmp_path / "far.png", "--out", tmp_path / "n.png", "--bundle", bundle)
    assert said.code == 2
    assert "far.png: the face is only" in said.err
    assert "pixels wide; give a larger picture of the face" in said.err


def test_the_whole_picture(generate: Any, files: Path, bundle: Path, call: Call, tmp_path: Path) -> None:
    room = media.read_image(files / "room.png")
    said = generate("--full-frame", "--json", image="room.png")
    facts = json.loads(said.out)
    assert (facts["width"], facts["height"]) == (420, 300)
    video = media.read_video(tmp_path / "out.mp4")
    assert video.frames.shape == (10, 300, 420, 3)
    wall = np.abs(video.frames[:, :, :180].astype(int) - room[:, :180].astype(int)).mean()
    assert wall < 4, "the background is the picture's but for the encoder"
    out = tmp_path / "n.png"
    options = ["--out", out, "--bundle", bundle, "--full-frame"]
    assert call("neutralize", "--image", files / "room.png", *options).code == 0
    made = media.read_image(out)
    assert made.shape == room.shape
    crop = facts["crop"]
    outside = np.ones(room.shape[:2], bool)
    outside[max(crop["top"], 0) : crop["top"] + crop["side"], crop["left"] : crop["left"] + crop["side"]] = False
    assert np.array_equal(made[outside], room[outside])
    assert not np.array_equal(made, room)


def test_large_pictures_are_scaled_for_video_only(call: Call, bundle: Path, face: np.ndarray, tmp_path: Path) -> None:
    media.write_image(tmp_path / "wide.png", scene(face, [(800, 90)], 300, 2400))
    media.write_audio(tmp_path / "v.wav", sweep(0.04, 16000), 16000)
    paths = ["--image", tmp_path / "wide.png", "--bundle", bundle, "--full-frame"]
    said = call("generate", *paths, "--audio", tmp_path / "v.wav", "--out", tmp_path / "o.mp4", "--json")
    assert (json.loads(said.out)["width"], json.loads(said.out)["height"]) == (1920, 240)
    call("neutralize", *paths, "--out", tmp_path / "n.png")
    assert media.read_image(tmp_path / "n.png").shape == (300, 2400, 3)


def test_an_intensity_curve_overrides_the_voice(generate: Any, tmp_path: Path) -> None:
    (tmp_path / "rise.csv").write_text("seconds,intensity\n0,0\n0.4,1\n")
    said = generate("--intensity-curve", tmp_path / "rise.csv", "--json")
    assert "note: what the voice says about emotion is overridden" in said.err
    assert json.loads(said.out)["alpha"] == pytest.approx({"least": 0.05, "mean": 0.5, "most": 0.95}, abs=1e-5)
    said = generate("--intensity-curve", tmp_path / "rise.csv", "--intensity-scale", "2", "--json")
    assert json.loads(said.out)["alpha"]["most"] == pytest.approx(1.9, abs=1e-5)
    assert "overridden" not in generate().err
    (tmp_path / "bad.csv").write_text("0,0\n0,1\n")
    for name, complaint in (("bad.csv", "line 2: time 0 does not come after 0"), ("none.csv", "No such file")):
        said = generate("--intensity-curve", tmp_path / name)
        assert said.code == 2
        assert said.err.count("\n") == 1
        assert name in said.err
        assert complaint in said.err


def test_weights_without_emotion_refuse_to_be_controlled(generate: Any) -> None:
    said = generate("--weights", "ant", "--emotion", "sad")
    assert said.code == 2
    assert "the weights 'ant' show no emotion to control; use the weights 'eap'" in said.err


@pytest.mark.parametrize(
    ("name", "samples", "remark"),
    [
        ("silent", np.zeros(6400), "silent.wav is silent"),
        ("clipped", np.sign(np.sin(np.arange(6400) / 9)) * 0.9999, "clipped.wav is clipped (100.0% of its samples"),
        ("fine", 0.5 * np.sin(np.arange(6400) / 9), ""),
        ("brief", 0.5 * np.sin(np.arange(1600) / 9), ""),
    ],
)
def test_voices_that_say_little(name: str, samples: np.ndarray, remark: str, generate: Any, files: Path) -> None:
    media.write_audio(files / f"{name}.wav", samples.astype(np.float32), 16000)
    said = generate("--json", audio=f"{name}.wav")
    assert said.code == 0
    assert json.loads(said.out)["frames"] == len(samples) // 640
    remarks = [line for line in said.err.splitlines() if "silent" in line or "clipped" in line]
    assert len(remarks) == bool(remark)
    assert remark in said.err


@pytest.mark.parametrize("rate", [44100, 48000])
def test_voices_of_other_rates_keep_their_sound(rate: int, generate: Any, files: Path, tmp_path: Path) -> None:
    media.write_audio(files / f"v{rate}.wav", sweep(0.4, rate), rate)
    assert generate(audio=f"v{rate}.wav").code == 0
    info = media.probe(tmp_path / "out.mp4")
    assert info.audio_rate == rate
    assert info.n_frames == 10


@pytest.mark.parametrize("name", ["eap.safetensors", "manifest.json"])
def test_damaged_weights_are_named(name: str, files: Path, call: Call, tmp_path: Path) -> None:
    write_bundle(tmp_path / "b")
    (tmp_path / "b" / name).write_bytes(b"these are no weights")
    paths = ["--image", files / "face.png", "--audio", files / "voice.wav", "--out", tmp_path / "o.mp4"]
    said = call("generate", *paths, "--bundle", tmp_path / "b")
    assert said.code == 2
    errors = [line for line in said.err.splitlines() if not line.startswith("note:")]
    assert len(errors) == 1
    assert name in errors[0]
    assert not (tmp_path / "o.mp4").exists()
