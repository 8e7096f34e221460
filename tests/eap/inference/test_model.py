"""Generation: exact over windows, the same into memory and into a file, honest about its input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from eap import media
from eap.bundle.store import WeightsMeta, save_weights
from eap.constants import EMOTIONS
from eap.errors import ConfigError, DataError, MediaError, WeightsError
from eap.inference import Control, IntensityCurve, Model, listening
from eap.inference.reading import IntensityReader
from eap.model import Talker
from eap.model.intensity import IntensityRegressor
from eap.perception.teachers import FaceTeacher
from tests.eap.inference.samples import IMAGE, scene, sweep, voice, world_face
from tests.eap.small_model import SMALL


def levels(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def test_one_frame_per_25th_of_a_second(model: Model) -> None:
    out = model.generate(IMAGE, voice(1.3))
    assert isinstance(out, media.Video)
    assert out.frames.shape == (32, 32, 32, 3)
    assert out.frames.dtype == np.uint8
    assert out.audio is not None
    assert len(out.audio) == (32 * 640)
    assert out.latents.emotion_probability.sum() == pytest.approx(1, abs=1e-5)


def test_latents_are_those_of_one_pass_of_the_model(model: Model, talker: Talker) -> None:
    """Against the model called directly on the whole clip, without windows."""
    from eap.acoustics import log_mel
    from eap.inference.painting import to_tensor

    audio = voice(2.0)
    got = model.explain(IMAGE, audio, r_hat=False)
    with torch.inference_mode():
        z_id, _ = talker.E_I(to_tensor(IMAGE, 32))
        want = talker.latents(z_id, torch.from_numpy(log_mel(audio))[None], emotional=True)
    assert want.alpha is not None
    assert want.z_exp is not None
    assert want.e is not None
    assert want.emotion_logits is not None
    pairs = [
        (got.z_id, want.z_id[0]), (got.z_lip, want.z_lip[0]), (got.lip_shape, want.lip_shape[0]), (got.a, want.a[0]),
        (got.alpha, want.alpha[0, :, 0]), (got.z_exp, want.z_exp[0]), (got.e, want.e[0]),
        (got.emotion_probability, want.emotion_logits[0].softmax(0)),
    ]  # fmt: skip
    for mine, theirs in pairs:
        assert mine.shape == tuple(theirs.shape)
        assert np.allclose(mine, theirs.numpy(), atol=2e-5)


def test_windows_change_nothing(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clip of several windows equals one pass over all of it."""
    audio = voice(6.0)
    whole = model.explain(IMAGE, audio, r_hat=False)
    monkeypatch.setattr("eap.inference.clip.WINDOW", 31)
    cut = model.explain(IMAGE, audio, r_hat=False)
    for name in ("z_lip", "alpha", "z_exp", "e", "emotion_probability"):
        assert np.allclose(getattr(whole, name), getattr(cut, name), atol=2e-5), name


def test_r_hat_is_psi_of_f_of_the_frames_drawn(model: Model, tmp_path: Path) -> None:
    torch.manual_seed(0)
    face, psi = FaceTeacher(), IntensityRegressor()
    save_weights("teacher", face, WeightsMeta("teacher", "FaceTeacher", 1), folder=tmp_path)
    save_weights("psi", psi, WeightsMeta("teacher", "IntensityRegressor", 2), folder=tmp_path)
    model.folder = tmp_path
    explained = model.explain(IMAGE, voice(0.8))
    frames = np.concatenate(list(model.draw(IMAGE, explained)))
    want = IntensityReader.from_bundle(tmp_path).read(frames)
    assert explained.r_hat is not None
    assert explained.r_hat.shape == (20,)
    assert np.allclose(explained.r_hat, want, atol=1e-6)
    assert np.ptp(explained.r_hat) > 0
    assert model.explain(IMAGE, voice(0.8), r_hat=False).r_hat is None
    assert model.generate(IMAGE, voice(0.2)).latents.r_hat is None


def test_r_hat_without_its_networks_is_refused(model: Model, tmp_path: Path) -> None:
    model.folder = tmp_path
    with pytest.raises(WeightsError, match="no weights 'psi'"):
        model.explain(IMAGE, voice(0.2))


def test_controls(model: Model) -> None:
    audio = voice(0.6)
    plain = model.explain(IMAGE, audio, r_hat=False)
    doubled = model.explain(IMAGE, audio, control=Control(intensity_scale=2.0), r_hat=False)
    assert np.allclose(doubled.alpha, 2 * plain.alpha)
    assert model.prototypes is not None
    happy = model.explain(IMAGE, audio, control=Control(emotion="happy"), r_hat=False)
    assert np.allclose(happy.z_exp, model.prototypes[EMOTIONS.index("happy")].numpy())
    assert np.array_equal(happy.alpha, plain.alpha)
    curve = IntensityCurve((0.0, 0.6), (0.0, 1.5))
    drawn = model.explain(IMAGE, audio, control=Control(intensity_curve=curve, intensity_scale=2.0), r_hat=False)
    assert np.allclose(drawn.alpha, 2 * 1.5 * (np.arange(15) + 0.5) / 15, atol=1e-6)
    assert np.array_equal(drawn.z_exp, plain.z_exp)
    flat = model.generate(IMAGE, audio, control=Control(intensity_scale=0.0)).frames
    assert levels(flat, model.generate(IMAGE, audio).frames) > 0


def test_weights_that_show_no_emotion_refuse_controls(talker: Talker) -> None:
    ant = Model(talker, name="ant", emotional=False)
    for control in (Control(emotion="sad"), Control(intensity_scale=0.5)):
        with pytest.raises(ConfigError, match="'ant' show no emotion"):
            ant.generate(IMAGE, voice(0.2), control=control)
        with pytest.raises(ConfigError, match="'ant' show no emotion"):
            ant.stream(IMAGE, control=control)
    explained = ant.explain(IMAGE, voice(0.2), r_hat=False)
    for term in (explained.alpha, explained.z_exp, explained.e, explained.emotion_probability):
        assert not term.any()
    eap = Model(talker, name="eap", emotional=True)
    with pytest.raises(ConfigError, match="no emotion prototypes"):
        eap.generate(IMAGE, voice(0.2), control=Control(emotion="sad"))


def test_neutralize_ignores_the_emotional_path(model: Model, talker: Talker) -> None:
    before = model.neutralize(IMAGE)
    assert before.shape == (32, 32, 3)
    with torch.no_grad():
        for p in talker.expression.parameters():
            p.mul_(3)
    assert np.array_equal(model.neutralize(IMAGE), before)


def test_neutralize_is_a_frame_of_a_silent_voice(talker: Talker) -> None:
    ant = Model(talker, name="ant", emotional=False)
    spoken = ant.generate(IMAGE, np.zeros(16000, np.float32))
    assert levels(ant.neutralize(IMAGE), spoken.frames[12]) <= 1


def test_a_face_put_back_into_its_picture(model: Model) -> None:
    picture = scene(world_face(), [(200, 90)])
    small = model.generate(picture, voice(0.2), crop=True)
    large = model.generate(picture, voice(0.2), crop=True, full_frame=True)
    assert small.frames.shape[1:] == (32, 32, 3)
    assert large.frames.shape[1:] == picture.shape
    changed = (large.frames != picture).any(axis=(0, 3))
    rows, columns = np.where(changed)
    assert changed.any()
    assert columns.min() >= 190, "background left of the face"
    assert rows.min() >= 80
    calm = model.neutralize(picture, crop=True, full_frame=True)
    assert calm.shape == picture.shape
    assert np.array_equal(calm[:80], picture[:80])
    assert not np.array_equal(calm, picture)


def test_files_are_like_arrays(model: Model, tmp_path: Path) -> None:
    picture, audio = scene(world_face(), [(200, 90)]), sweep(0.4, 16000)
    media.write_image(tmp_path / "p.png", picture)
    media.write_audio(tmp_path / "v.wav", audio, 16000)
    from_files = model.generate(tmp_path / "p.png", str(tmp_path / "v.wav"))
    from_arrays = model.generate(picture, audio, crop=True)
    assert levels(from_files.frames, from_arrays.frames) <= 2, "16 bits of sound are all that differs"
    as_is = model.generate(tmp_path / "p.png", tmp_path / "v.wav", crop=False)
    assert levels(as_is.frames, from_files.frames) > 2


@pytest.mark.parametrize("rate", [44100, 48000, 22050, 8000])
def test_any_sample_rate(rate: int, model: Model, tmp_path: Path) -> None:
    """The same sound at another rate gives the same latents but for what the rate lacks, from arrays and files."""
    want = model.explain(IMAGE, sweep(1.0, 16000), r_hat=False).lip_shape
    got = model.explain(IMAGE, sweep(1.0, rate), rate=rate, r_hat=False).lip_shape
    assert got.shape == want.shape
    assert np.corrcoef(got[2:-2].ravel(), want[2:-2].ravel())[0, 1] > (0.99 if rate > 16000 else 0.9)
    media.write_audio(tmp_path / "v.wav", sweep(1.0, rate), rate)
    filed = model.explain(IMAGE, tmp_path / "v.wav", r_hat=False).lip_shape
    assert np.allclose(filed, got, atol=1e-3)


def test_written_is_what_is_generated(model: Model, tmp_path: Path) -> None:
    audio = voice(1.3)
    seen: list[tuple[int, int]] = []
    control = Control(emotion="sad")
    made = model.write(tmp_path / "w.mp4", IMAGE, audio, control=control, progress=lambda *at: seen.append(at))
    model.generate(IMAGE, audio, control=control).save(tmp_path / "g.mp4")
    written, saved = media.read_video(tmp_path / "w.mp4"), media.read_video(tmp_path / "g.mp4")
    assert (made.frames, made.width, made.height, made.fps) == (32, 32, 32, 25.0)
    assert seen == [(16, 32), (32, 32)]
    assert levels(written.frames, saved.frames) <= 3
    assert written.audio is not None
    assert saved.audio is not None
    assert len(written.audio) == len(saved.audio) == 32 * 640
    assert np.allclose(written.audio, saved.audio, atol=1e-3)
    assert made.peak == pytest.approx(float(np.abs(audio).max()))


def test_the_files_own_rate_is_kept(model: Model, tmp_path: Path) -> None:
    media.write_image(tmp_path / "p.png", IMAGE)
    media.write_audio(tmp_path / "v.wav", sweep(0.5, 44100), 44100)
    model.write(tmp_path / "o.mp4", tmp_path / "p.png", tmp_path / "v.wav", crop=False)
    info = media.probe(tmp_path / "o.mp4")
    assert info.audio_rate == 44100
    sound = media.read_audio(tmp_path / "o.mp4", 44100)
    assert np.corrcoef(sound[2000:20000], sweep(0.5, 44100)[2000:20000])[0, 1] > 0.95


def test_a_damaged_voice_leaves_no_video(model: Model, tmp_path: Path) -> None:
    media.write_audio(tmp_path / "v.m4a", voice(3.0), 16000)
    data = (tmp_path / "v.m4a").read_bytes()
    (tmp_path / "v.m4a").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(MediaError, match=r"v\.m4a"):
        model.write(tmp_path / "o.mp4", IMAGE, tmp_path / "v.m4a")
    assert not (tmp_path / "o.mp4").exists()


@pytest.mark.parametrize(
    ("audio", "complaint"),
    [
        (np.zeros(100, np.float32), "shorter than one video frame"),
        (np.zeros(0, np.float32), "shorter than one video frame"),
        (np.full(16000, np.nan, np.float32), "NaN"),
        (np.zeros((16000, 2), np.float32), "one channel"),
        (np.zeros(16000, np.int16), "int16"),
    ],
)
def test_bad_audio_is_named(model: Model, audio: np.ndarray, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        model.generate(IMAGE, audio)


@pytest.mark.parametrize("name", ["silent", "clipped", "a tenth of a second"])
def test_odd_voices_are_spoken(model: Model, name: str) -> None:
    sounds = {
        "silent": np.zeros(8000, np.float32),
        "clipped": np.sign(voice(0.5)).astype(np.float32),
        "a tenth of a second": voice(0.1),
    }
    out = model.generate(IMAGE, sounds[name])
    assert len(out.frames) == len(sounds[name]) // 640
    assert np.isfinite(out.latents.alpha).all()


def test_bad_images_are_named(model: Model) -> None:
    for image in (np.zeros((40, 40), np.uint8), np.zeros((8, 8, 3), np.uint8), np.zeros((40, 40, 3), np.float32)):
        with pytest.raises(DataError, match="image of shape"):
            model.generate(image, voice(0.2))  # type: ignore[arg-type]


def bundle_with(folder: Path, talker: Talker, **changes: object) -> None:
    config = {"model": SMALL.to_dict(), "emotional": True} | changes
    state = {**talker.state_dict(), "prototypes": torch.zeros(8, 24)}
    save_weights("mine", state, WeightsMeta("model", "Talker", 0, config=config), folder=folder)


def test_bundle_round_trip_and_weights_of_other_kinds(talker: Talker, tmp_path: Path) -> None:
    bundle_with(tmp_path, talker)
    loaded = Model.from_bundle("mine", tmp_path)
    direct = Model(talker, name="mine", emotional=True)
    assert levels(loaded.generate(IMAGE, voice(0.3)).frames, direct.generate(IMAGE, voice(0.3)).frames) <= 2, (
        "float16 storage costs at most a level or two"
    )
    save_weights("judge", {"w": torch.zeros(1)}, WeightsMeta("evaluator", "X", 1), folder=tmp_path)
    save_weights("other", {"w": torch.zeros(1)}, WeightsMeta("model", "Wav2Lip", 1), folder=tmp_path)
    for name in ("judge", "other"):
        with pytest.raises(WeightsError, match="not the weights of a talking-face model"):
            Model.from_bundle(name, tmp_path)
    with pytest.raises(WeightsError, match="no weights 'nobody'"):
        Model.from_bundle("nobody", tmp_path)


@pytest.mark.parametrize("damage", ["cut", "swapped", "text", "missing", "pickle"])
def test_damaged_and_foreign_files_are_refused_unread(talker: Talker, tmp_path: Path, damage: str) -> None:
    """The sum is checked before the file is looked into: not even its header is parsed."""
    bundle_with(tmp_path, talker)
    path = tmp_path / "mine.safetensors"
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[:-100])
    elif damage == "swapped":
        path.write_bytes(data[:-4] + b"abcd")
    elif damage == "text":
        path.write_text("no weights")
    elif damage == "missing":
        path.unlink()
    else:
        torch.save(talker.state_dict(), path)
    with pytest.raises(WeightsError, match=r"mine\.safetensors"):
        Model.from_bundle("mine", tmp_path)


def test_weights_of_another_version_are_one_line(talker: Talker, tmp_path: Path) -> None:
    for settings in (SMALL.to_dict() | {"latent": 32}, SMALL.to_dict() | {"wings": 2}, SMALL.to_dict() | {"size": 33}):
        bundle_with(tmp_path, talker, model=settings)
        with pytest.raises(WeightsError, match="do not fit the model of this version") as raised:
            Model.from_bundle("mine", tmp_path)
        assert len(str(raised.value)) < 200
    config = {"model": SMALL.to_dict(), "emotional": True}
    state = talker.state_dict()
    save_weights("few", {**state, "prototypes": torch.zeros(7, 24)}, WeightsMeta("model", "Talker", 0, config=config),
                 folder=tmp_path)  # fmt: skip
    with pytest.raises(WeightsError, match=r"prototypes of shape \(7, 24\)"):
        Model.from_bundle("few", tmp_path)


def test_weights_that_are_no_numbers(talker: Talker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle_with(tmp_path, talker)
    state = {key: value.clone() for key, value in talker.state_dict().items()}
    state["G.block8.conv1.weight"][0] = float("nan")
    monkeypatch.setattr("eap.inference.model.load_weights", lambda *_: state)
    with pytest.raises(WeightsError, match=r"G\.block8\.conv1\.weight holds NaN"):
        Model.from_bundle("mine", tmp_path)


def test_context_is_as_far_as_the_model_reaches(model: Model) -> None:
    """Sound beyond the context changes nothing in the first frame's latents; within it, something."""
    reach = listening.context(SMALL)
    audio = voice(2.0)
    before = model.explain(IMAGE, audio, r_hat=False)
    for frame, differs in ((reach, False), (SMALL.reach * SMALL.layers, True)):
        other = audio.copy()
        other[frame * 640 :] = 0.3 * np.sin(np.arange(len(audio) - frame * 640))
        after = model.explain(IMAGE, other, r_hat=False)
        assert bool(np.abs(before.z_lip[0] - after.z_lip[0]).max() > 1e-6) is differs
