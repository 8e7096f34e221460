"""HSEmotion (Savchenko, AffectNet-trained EfficientNets; Apache-2.0) through ONNX Runtime: emotion, valence, arousal.

Equal to `hsemotion_onnx` 0.3.1: a face crop is resized by OpenCV's bilinear rule to 224 (b0) or 260 pixels, divided by
255 and normalised by ImageNet's mean and deviation in float64, then rounded to float32. Eight logits in the order
Anger, Contempt, Disgust, Fear, Happiness, Neutral, Sadness, Surprise (that of `eap.constants.EMOTIONS`); networks named
`*_mtl` add valence and arousal, raw. Networks named `*_7` have no contempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eap.constants import EMOTIONS
from eap.errors import WeightsError

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
CONTEMPT = EMOTIONS.index("contempt")
_WITHOUT_CONTEMPT = [i for i in range(len(EMOTIONS)) if i != CONTEMPT]
_FACES_AT_ONCE = 16

Face = NDArray[np.uint8]
Floats = NDArray[np.float32]


def preprocess(face: Face, size: int) -> Floats:
    """(3, size, size) float32 of an RGB face crop (H, W, 3) uint8, as `HSEmotionRecognizer.preprocess`."""
    import cv2

    scaled = cv2.resize(face, (size, size)) / 255
    for channel in range(3):
        scaled[..., channel] = (scaled[..., channel] - MEAN[channel]) / STD[channel]
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), np.float32)


def softmax(logits: NDArray[np.floating]) -> Floats:
    """Row-wise probabilities of (n, C) logits."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def eight(logits: NDArray[np.floating]) -> Floats:
    """(n, 8) probabilities in the order of `EMOTIONS` from 8 or 7 logits; with 7, contempt is 0."""
    found = softmax(logits)
    if found.shape[1] == len(EMOTIONS):
        return found
    wide = np.zeros((len(found), len(EMOTIONS)), np.float32)
    wide[:, _WITHOUT_CONTEMPT] = found
    return wide


def seven(probabilities: NDArray[np.floating]) -> Floats:
    """(n, 8) probabilities with contempt left out: (n, 7) that again sum to 1, the rest in order."""
    kept = probabilities[:, _WITHOUT_CONTEMPT].astype(np.float64)
    total = kept.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(kept, total, out=np.full_like(kept, 1.0 / 7.0), where=total > 0), np.float32)


@dataclass(frozen=True)
class HSEmotion:
    """One network; `name` is its published name, which tells its input size and head."""

    path: Path
    name: str

    @property
    def size(self) -> int:
        """Side of its input in pixels."""
        return 224 if "_b0_" in self.name else 260

    @property
    def has_affect(self) -> bool:
        """Whether it also gives valence and arousal."""
        return "_mtl" in self.name

    @property
    def outputs(self) -> int:
        """Numbers per face."""
        return (7 if "_7" in self.name else 8) + 2 * self.has_affect

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path, "name": self.name}  # worker processes open their own session

    @cached_property
    def _session(self) -> Any:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # the same sums whatever the machine
        options.log_severity_level = 3
        try:
            session = ort.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises classes of its own for every way a file can be bad
            raise WeightsError(f"{self.path}: not an ONNX network", fix="fetch it again") from error
        self._check(session)
        return session

    def _check(self, session: Any) -> None:
        inputs, outputs = session.get_inputs(), session.get_outputs()
        if [item.name for item in inputs] != ["input"]:
            found = ", ".join(item.name for item in inputs)
            raise WeightsError(f"{self.path}: its inputs are {found or 'none'}, expected 'input'", fix=_FIX)
        width = outputs[0].shape[-1]
        if isinstance(width, int) and width != self.outputs:
            raise WeightsError(f"{self.path}: gives {width} numbers, {self.name} gives {self.outputs}", fix=_FIX)

    def scores(self, faces: list[Face]) -> Floats:
        """(n, outputs) raw numbers of RGB face crops of any size. Raises WeightsError when the file does not fit."""
        batch = self._session.get_inputs()[0].shape[0]
        step = batch if isinstance(batch, int) and batch > 0 else _FACES_AT_ONCE
        found = []
        for start in range(0, len(faces), step):
            block = np.stack([preprocess(face, self.size) for face in faces[start : start + step]])
            found.append(np.asarray(self._session.run(None, {"input": block})[0], np.float32))
        rows = np.concatenate(found) if found else np.zeros((0, self.outputs), np.float32)
        if rows.shape != (len(faces), self.outputs):
            raise WeightsError(f"{self.path}: gave {rows.shape} numbers for {len(faces)} faces", fix=_FIX)
        return rows

    def emotion(self, scores: Floats) -> Floats:
        """(n, 8) probabilities from `scores`."""
        return eight(scores[:, : self.outputs - 2 * self.has_affect])

    def affect(self, scores: Floats) -> Floats:
        """(n, 2) valence and arousal from `scores`. Raises ValueError when the network has none."""
        if not self.has_affect:
            raise ValueError(f"{self.name} gives no valence and arousal")
        return scores[:, -2:]


_FIX = "use the published file, see 'eap-bench weights list'"
