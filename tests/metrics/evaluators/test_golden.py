"""The ported networks against the reference implementations' outputs, under weights that a recipe makes.

`golden.json` holds small copies of numbers: MFCC from python_speech_features 0.6; SyncNet and Inception from this code
after it had been compared with the reference implementations on real clips (the tests that read `shared_dir`).
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmarks.evidence.recipe import recipe_state
from eap.errors import WeightsError
from eap.perception.official.loading import load_strictly, read_state
from metrics.evaluators.inception import Inception, eat_input, load_inception
from metrics.evaluators.syncnet import SyncNet, load_syncnet
from metrics.mfcc import mfcc, n_rows, to_int16
from metrics.sync import sync_score
from tests.metrics.evaluators.recipe import pictures, sound

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


@cache
def _syncnet() -> SyncNet:
    net = SyncNet()
    return load_strictly(net, recipe_state(net.state_dict()), "recipe")


@cache
def _inception() -> Inception:
    net = Inception()
    return load_strictly(net, recipe_state(net.state_dict()), "recipe")


def _rows(samples: NDArray[np.int16], n: int) -> NDArray[np.float32]:
    found = mfcc(samples)
    return np.pad(found, ((0, max(0, 4 * n - len(found))), (0, 0)), mode="edge")[: 4 * n].astype(np.float32)


def keys_sha256(net: torch.nn.Module) -> str:
    """Hash of names and shapes."""
    return hashlib.sha256(json.dumps([(k, list(v.shape)) for k, v in net.state_dict().items()]).encode()).hexdigest()


def test_mfcc_equals_python_speech_features() -> None:
    for case in GOLDEN["mfcc"]:
        found = mfcc(sound(case["samples"]))
        assert found.shape == (n_rows(case["samples"]), 13) == (case["rows"], 13)
        assert found[0] == pytest.approx(case["first"], abs=1e-5)
        assert found[-1] == pytest.approx(case["last"], abs=1e-5)
        assert found.mean(axis=0) == pytest.approx(case["mean"], abs=1e-5)


def test_mfcc_of_silence_and_of_nothing() -> None:
    silent = mfcc(np.zeros(1000, np.int16))
    assert silent.shape == (5, 13)
    assert silent[0, 0] == pytest.approx(np.log(np.finfo(float).eps))
    assert np.isfinite(silent).all()
    with pytest.raises(ValueError, match="not empty"):
        mfcc(np.zeros(0, np.int16))
    with pytest.raises(ValueError, match="mono"):
        mfcc(np.zeros((10, 2), np.int16))


def test_mfcc_blocks_are_seamless(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mfcc(sound(9000))
    monkeypatch.setattr("metrics.mfcc._BLOCK_ROWS", 7)
    assert mfcc(sound(9000)) == pytest.approx(whole, abs=1e-9)


def test_int16_comes_back() -> None:
    samples = np.array([-32768, -1, 0, 1, 32767], np.int16)
    assert np.array_equal(to_int16(samples.astype(np.float32) / 32768), samples)
    assert to_int16(np.array([1.5, -2.0])).tolist() == [32767, -32768]


def test_syncnet_stored_outputs() -> None:
    stored = GOLDEN["syncnet"]
    assert keys_sha256(SyncNet()) == stored["keys_sha256"]
    n = stored["frames"]
    video, audio = _syncnet().embed(pictures(n, 224), _rows(sound(640 * n), n))
    assert video.shape == audio.shape == (n - 4, 1024)
    assert video[:, :8] == pytest.approx(np.array(stored["video"]), rel=1e-4, abs=0.05)
    assert audio[:, :8] == pytest.approx(np.array(stored["audio"]), rel=1e-4, abs=0.05)
    distances = sync_score(video, audio).mean_distances
    assert distances == pytest.approx(np.array(stored["mdist"]), rel=1e-5)


def test_syncnet_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match="at least 5 frames"):
        SyncNet().embed(pictures(4, 224), np.zeros((16, 13), np.float32))
    with pytest.raises(ValueError, match=r"5 frames need MFCC rows \(20, 13\), got \(19, 13\)"):
        SyncNet().embed(pictures(5, 224), np.zeros((19, 13), np.float32))


def test_inception_stored_outputs() -> None:
    stored = GOLDEN["inception"]
    assert keys_sha256(Inception()) == stored["keys_sha256"]
    assert keys_sha256(Inception("torchvision")) == stored["torchvision_keys_sha256"]
    found = _inception().embed(pictures(1, 96))
    assert found[0, :16] == pytest.approx(stored["first"], abs=1e-4)
    assert (found.mean(), found.std()) == pytest.approx((stored["mean"], stored["std"]), abs=1e-5)
    assert _inception().embed(np.zeros((0, 96, 96, 3), np.uint8)).shape == (0, 2048)


def test_eat_input_has_its_faults() -> None:
    frame = np.zeros((1, 299, 299, 3), np.uint8)
    frame[..., 0] = 255  # red
    found = eat_input(frame)[0, :, 0, 0]
    # BGR: red is where blue belongs; 2x - 1 first, then * std / .5 + (mean - .5) / .5
    expected = [(-0.229 + 0.485 - 0.5) / 0.5, (-0.224 + 0.456 - 0.5) / 0.5, (0.225 + 0.406 - 0.5) / 0.5]
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


def _spoil(kind: str) -> tuple[dict[str, torch.Tensor], str]:
    state = dict(_syncnet().state_dict())
    if kind == "missing":
        del state["netfclip.3.bias"]
        return state, r"does not fit SyncNet: missing key 'netfclip\.3\.bias'"
    if kind == "unexpected":
        state["netfclip.9.bias"] = torch.zeros(3)
        return state, r"unexpected key 'netfclip\.9\.bias'"
    if kind == "shape":
        state["netfcaud.3.bias"] = torch.zeros(5)
        return state, r"key 'netfcaud\.3\.bias' has shape \(5,\), expected \(1024,\)"
    if kind == "type":
        state["netfcaud.3.bias"] = torch.zeros(1024, dtype=torch.int64)
        return state, r"key 'netfcaud\.3\.bias' is torch\.int64, expected torch\.float32"
    state["netfcaud.3.bias"] = torch.full((1024,), float("nan"))
    return state, "holds numbers that are not finite"


@pytest.mark.parametrize("kind", ["missing", "unexpected", "shape", "type", "nan"])
def test_the_first_key_that_does_not_fit_is_named(kind: str) -> None:
    state, says = _spoil(kind)
    with pytest.raises(WeightsError, match=says):
        load_strictly(SyncNet(), state, "file.model")


def test_files_are_read_without_running_code(tmp_path: Path) -> None:
    state = {key: tensor for key, tensor in _syncnet().state_dict().items() if "num_batches_tracked" not in key}
    torch.save(state, tmp_path / "old.model", _use_new_zipfile_serialization=False)  # as files of 2018 are
    net = load_syncnet(tmp_path / "old.model")
    assert not net.training
    assert not any(parameter.requires_grad for parameter in net.parameters())
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pth")
    with pytest.raises(WeightsError, match=r"module\.pth: holds more than tensors, and running code .* is refused"):
        read_state(tmp_path / "module.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="is not a table of named tensors"):
        read_state(tmp_path / "list.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "old.model").read_bytes()[:5000])
    with pytest.raises(WeightsError, match=r"cut\.pth: (damaged|holds more)"):
        load_inception(tmp_path / "cut.pth")
    (tmp_path / "bad.safetensors").write_bytes(b"x" * 50)
    with pytest.raises(WeightsError, match=r"bad\.safetensors: damaged, or not a weight file"):
        read_state(tmp_path / "bad.safetensors")
    with pytest.raises(WeightsError, match="no such file; fetch it with 'eap-bench weights fetch'"):
        read_state(tmp_path / "none.pth")


def test_safetensors_are_read(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.arange(3.0)}, tmp_path / "a.safetensors")
    assert read_state(tmp_path / "a.safetensors")["a"].tolist() == [0, 1, 2]


# --- the reference implementations' own numbers, beside this checkout ----------------------------------------


def test_golden_manifests(shared_dir: Path) -> None:
    for folder, net in (("syncnet", _syncnet()), ("fid", _inception())):
        manifest = json.loads((shared_dir / f"reference/{folder}/manifest.json").read_text())
        state = net.state_dict()
        assert {k: list(v.shape) for k, v in state.items()} == {key: shape for key, shape, _ in manifest["keys"]}
        digest = hashlib.sha256()
        for key in sorted(state):
            if state[key].ndim:
                digest.update(state[key].numpy().tobytes())
        assert digest.hexdigest() == manifest["all_weights_sha256"]


def test_golden_mfcc(shared_dir: Path) -> None:
    from scipy.io import wavfile

    for clip in ("bbaf2n", "id2_vcd_swwp2s", "lbbc2a"):
        stored = np.load(shared_dir / f"reference/syncnet/{clip}_mfcc.npz")
        _, samples = wavfile.read(shared_dir / f"reference/syncnet/{clip}_16k.wav")
        assert mfcc(samples) == pytest.approx(stored["mfcc_full"], abs=1e-5)
        assert mfcc(stored["audio_first_half_second"]) == pytest.approx(stored["mfcc_first_half_second"], abs=1e-5)


def _clip(shared_dir: Path, clip: str, n: int) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    from scipy.io import wavfile

    from eap.media import read_frames

    frames = next(read_frames(shared_dir / f"reference/syncnet/{clip}_crop224.mkv", fps=None, chunk=n))
    return frames[..., ::-1], wavfile.read(shared_dir / f"reference/syncnet/{clip}_16k.wav")[1]


def _scaled(golden: dict[str, Any]) -> SyncNet:
    net = SyncNet()
    state = recipe_state(net.state_dict())
    for key, factor in golden["scaled_weights"]["factors"].items():
        state[key] = state[key] * factor
    return load_strictly(net, state, "scaled recipe")


def test_golden_syncnet(shared_dir: Path) -> None:
    """12 frames of a real clip: 7 windows (whole clips: `python -m benchmarks.evidence.official_evaluators`)."""
    golden = json.loads((shared_dir / "reference/syncnet/golden.json").read_text())
    frames, samples = _clip(shared_dir, "bbaf2n", 12)
    expected = golden["recipe_weights"]["bbaf2n__frames12"]
    video, audio = _syncnet().embed(frames, _rows(samples, 12))
    found = sync_score(video[:-1], audio[:-1])
    assert len(video) - 1 == expected["n_windows"]
    assert found.mean_distances == pytest.approx(np.array(expected["mdist"]), rel=1e-5)
    assert video[0, :8] == pytest.approx(np.array(expected["v_embed0_first8"]), abs=0.02)


def test_golden_inception(shared_dir: Path) -> None:
    """2 real frames (all: `python -m benchmarks.evidence.official_evaluators`)."""
    frames = np.load(shared_dir / "reference/fid/frames16.npz")["frames"][:2]
    expected = np.load(shared_dir / "reference/fid/features.npz")["features16"][:2]
    assert np.abs(_inception().embed(frames) - expected).max() < 1e-4
