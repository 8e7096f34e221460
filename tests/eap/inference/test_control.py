"""Intensity curves: interpolation by hand, and every wrong file as one line with its number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eap.errors import ConfigError
from eap.inference import Control, IntensityCurve, read_curve


def test_interpolation_by_hand() -> None:
    """Frame k is at (k + .5)/25 s; before the first and after the last point their values hold."""
    curve = IntensityCurve((0.1, 0.5), (1.0, 0.2))
    got = curve.at(np.array([0, 2, 7, 12, 100]))
    assert np.allclose(got, [1.0, 1.0, 1.0 - 0.8 * (0.3 - 0.1) / 0.4, 0.2, 0.2])
    assert np.allclose(IntensityCurve((0.0,), (0.7,)).at(np.arange(3)), 0.7)


def test_a_file_with_and_without_heading(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    for text in ("seconds,intensity\n0,0\n\n 1.5 , 1\n", "0,0\n1.5,1\n", "\ufeffseconds,intensity\r\n0,0\r\n1.5,1\r\n"):
        path.write_text(text, encoding="utf-8")
        assert read_curve(path) == IntensityCurve((0.0, 1.5), (0.0, 1.0))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds no points"),
        ("seconds,intensity\n", "holds no points"),
        ("0,0\n1\n", "line 2: '1' is not two numbers"),
        ("0,0\n1,2,3\n", "line 2: '1,2,3' is not two numbers"),
        ("0,0\n1,loud\n", "line 2: '1,loud' is not two numbers"),
        ("0;0\n", "line 1: '0;0' is not two numbers"),
        ("0,0\n1,nan\n", "line 2: intensity nan is outside 0 to 10"),
        ("nan,0\n", "line 1: time nan is not 0 seconds or later"),
        ("-1,0\n", "line 1: time -1 is not"),
        ("1,0\n1,1\n", "line 2: time 1 does not come after 1"),
        ("2,0\n1,1\n", "line 2: time 1 does not come after 2"),
        ("0,-0.1\n", "line 1: intensity -0.1 is outside"),
        ("0,11\n", "line 1: intensity 11 is outside"),
    ],
)
def test_wrong_files_name_the_line(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_curve(path)
    assert complaint in raised.value.message
    assert raised.value.message.startswith(f"{path}: ")
    assert raised.value.fix
    assert "\n" not in str(raised.value)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x01")
    (tmp_path / "z.csv").write_bytes(b"0,0\x00\n")
    for name in ("missing.csv", "b.csv", "z.csv", "."):
        with pytest.raises(ConfigError, match="give lines 'seconds,intensity'"):
            read_curve(tmp_path / name)


def test_wrong_controls() -> None:
    with pytest.raises(ConfigError, match="unknown emotion 'glad'"):
        Control(emotion="glad")
    for scale in (-0.1, 10.1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="intensity scale"):
            Control(intensity_scale=scale)
    with pytest.raises(ConfigError, match="no points"):
        IntensityCurve((), ())
    assert not Control().overrides
    assert Control(intensity_scale=0.5).overrides


def test_what_the_voice_said_is_scaled_or_replaced() -> None:
    voice = np.array([0.2, 0.4], np.float32)
    assert np.allclose(Control(intensity_scale=2.0).alpha(voice, 0), [0.4, 0.8])
    control = Control(intensity_curve=IntensityCurve((0.0, 1.0), (0.0, 1.0)), intensity_scale=0.5)
    assert np.allclose(control.alpha(voice, 10), [0.21, 0.23])
