"""A small ONNX file written byte by byte, so that no test needs the onnx package: average pool, flatten, dense."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def _varint(value: int) -> bytes:
    out = b""
    while True:
        value, low = value >> 7, value & 0x7F
        out += bytes([low | (0x80 if value else 0)])
        if not value:
            return out


def _field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _tensor(name: str, array: NDArray[np.float32]) -> bytes:
    dims = b"".join(_field(1, size) for size in array.shape)
    return dims + _field(2, 1) + _field(8, name) + _field(9, array.astype("<f4").tobytes())


def _node(kind: str, inputs: list[str], output: str) -> bytes:
    return b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, kind)


def _value(name: str, shape: list[int | str]) -> bytes:
    dims = b"".join(_field(1, _field(2 if isinstance(size, str) else 1, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, dims)))


def write_onnx(
    path: Path, weight: NDArray[np.float32], bias: NDArray[np.float32], *, size: int = 224, batch: int | str = "n",
    name: str = "input",
) -> Path:  # fmt: skip
    """A network that gives `mean over pixels @ weight + bias`: weight (3, C), bias (C,)."""
    graph = b"".join(_field(1, node) for node in (
        _node("GlobalAveragePool", [name], "pooled"),
        _node("Flatten", ["pooled"], "flat"),
        _node("Gemm", ["flat", "w", "b"], "output"),
    )) + _field(2, "test") + _field(5, _tensor("w", weight)) + _field(5, _tensor("b", bias))  # fmt: skip
    graph += _field(11, _value(name, [batch, 3, size, size])) + _field(12, _value("output", [batch, weight.shape[1]]))
    path.write_bytes(_field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13)))
    return path
