from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from eap.constants import EMOTIONS
from eap.errors import WeightsError
from metrics.evaluators.hsemotion import HSEmotion, eight, preprocess, seven
from tests.metrics.evaluators.onnx_writer import write_onnx
from tests.metrics.evaluators.recipe import pictures

RNG = np.random.default_rng(3)
WEIGHT, BIAS = RNG.standard_normal((3, 10)).astype(np.float32), RNG.standard_normal(10).astype(np.float32)


def _package_preprocess(face: np.ndarray, size: int) -> np.ndarray:
    """hsemotion_onnx 0.3.1, step by step."""
    x = cv2.resize(face, (size, size)) / 255
    x[..., 0] = (x[..., 0] - 0.485) / 0.229
    x[..., 1] = (x[..., 1] - 0.456) / 0.224
    x[..., 2] = (x[..., 2] - 0.406) / 0.225
    return np.asarray(x.transpose(2, 0, 1), np.float32)


@pytest.mark.parametrize(("shape", "size"), [((90, 70), 224), ((300, 310), 260), ((1, 1), 224)])
def test_preprocessing_is_the_packages(shape: tuple[int, int], size: int) -> None:
    face = pictures(1, 310)[0, : shape[0], : shape[1]]
    found = preprocess(face, size)
    assert found.dtype == np.float32
    assert np.array_equal(found, _package_preprocess(face, size))


def test_preprocessing_by_hand() -> None:
    white = np.full((5, 5, 3), 255, np.uint8)
    assert preprocess(white, 224)[:, 0, 0] == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, 0.594 / 0.225])


@pytest.mark.parametrize("batch", ["n", 1])
def test_the_network_sees_each_face(tmp_path: Path, batch: int | str) -> None:
    net = HSEmotion(write_onnx(tmp_path / "n.onnx", WEIGHT, BIAS, batch=batch), "enet_b0_8_va_mtl")
    faces = [picture[: 40 + i, : 50 + 2 * i] for i, picture in enumerate(pictures(19, 80))]
    scores = net.scores(faces)
    expected = [preprocess(face, 224).mean(axis=(1, 2)) @ WEIGHT + BIAS for face in faces]
    assert scores == pytest.approx(np.stack(expected), abs=1e-4)
    assert net.affect(scores) == pytest.approx(scores[:, 8:])  # raw, neither squashed nor exchanged
    powers = np.exp(scores[:, :8].astype(np.float64))
    assert net.emotion(scores) == pytest.approx(powers / powers.sum(axis=1, keepdims=True), abs=1e-6)
    assert net.scores([]).shape == (0, 10)


def test_sizes_and_heads_by_name() -> None:
    names = ("enet_b0_8_best_afew", "enet_b2_8", "enet_b2_7", "enet_b0_8_va_mtl")
    assert [HSEmotion(Path("x"), n).size for n in names] == [224, 260, 260, 224]
    assert [HSEmotion(Path("x"), n).outputs for n in names] == [8, 8, 7, 10]
    with pytest.raises(ValueError, match="no valence and arousal"):
        HSEmotion(Path("x"), "enet_b2_8").affect(np.zeros((1, 8), np.float32))


def test_contempt_is_left_out_of_seven() -> None:
    assert EMOTIONS == ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
    row = np.array([[0.1, 0.5, 0.05, 0.05, 0.1, 0.1, 0.05, 0.05]], np.float32)
    assert seven(row) == pytest.approx(np.array([[0.2, 0.1, 0.1, 0.2, 0.2, 0.1, 0.1]]))
    assert seven(np.eye(8, dtype=np.float32)[1:2]) == pytest.approx(np.full((1, 7), 1 / 7))
    from_seven = eight(np.log(np.array([[0.2, 0.1, 0.1, 0.2, 0.2, 0.1, 0.1]])))
    assert from_seven == pytest.approx(np.array([[0.2, 0.0, 0.1, 0.1, 0.2, 0.2, 0.1, 0.1]]))


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    face = [pictures(1, 40)[0]]
    with pytest.raises(WeightsError, match=r"bad\.onnx: not an ONNX network; fetch it again"):
        HSEmotion(tmp_path / "bad.onnx", "enet_b2_8").scores(face)
    other = write_onnx(tmp_path / "other.onnx", WEIGHT, BIAS, name="pixels")
    with pytest.raises(WeightsError, match=r"other\.onnx: its inputs are pixels, expected 'input'"):
        HSEmotion(other, "enet_b0_8_va_mtl").scores(face)
    wide = write_onnx(tmp_path / "wide.onnx", WEIGHT, BIAS)
    with pytest.raises(WeightsError, match="gives 10 numbers, enet_b0_8_best_afew gives 8"):
        HSEmotion(wide, "enet_b0_8_best_afew").scores(face)
