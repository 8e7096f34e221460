"""Protocol `eat-2023`: the metrics as the scripts of EAT's authors compute them (yuangan/evaluation_eat, 2023-10).

What the scripts do, faults included, is done here as well:

1. *Everything but sync and emotion is measured on re-encoded crops.* Each frame is aligned by nose and eyes to a
   template and cut to 128x128 by itself (so that alignment noise enters PSNR), and the clip is written as MPEG-4 with
   loss, on both sides.
2. *Frames without a face are dropped silently*, and later pairing is by count: one lost frame shifts all after it.
3. *Unequal lengths are paired by even spread* (`np.linspace`), whatever the difference.
4. *PSNR and SSIM are means over all frames of all clips*: long clips weigh more. One identical frame makes the mean
   PSNR infinite, for there is no guard; such a clip is shown here as a row without a number that says so.
5. *FID looks at 5 frames a clip*, through torchvision's ImageNet network in place of the FID network, with the colour
   channels in the wrong order and normalised twice; with 100 clips there are fewer frames than dimensions, which
   biases it upwards. Not comparable to any other FID.
6. *LMD is in pixels of the crop*, centred on the own mean, not scaled: it depends on the crop.
7. *F-LVD sums the mouth's 20 points and divides by 68* (`face_lvd_sum += lvd_mouth`).
8. *LSE-C is of the mouth-pinned crop `fan-224`*, which forgives what S3FD's track would show; LSE-D is not reported by
   the scripts' summary.

What is *not* theirs, and therefore named in the signature: landmarks are the evaluators' (theirs: dlib's, which cannot
be had without its non-commercial training set's terms); emotion is HSEmotion's (their Emotion-FAN lies on a private
drive); the 5 frames for FID are spread over each clip's own frames (theirs: over the paired ones, the same where both
sides have equally many). Missing results are counted rows here; their scripts skip them and the mean is over fewer.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

import metrics.psnr
import metrics.ssim  # noqa: F401 - declares what is varied here
from metrics.features.clip import Array, Measured
from metrics.fid import fid
from metrics.lmd import FACE, MOUTH, landmark_distance, pair_by_linspace, velocity_distance
from metrics.protocols import EAT_2023
from metrics.registry import MetricSpec, Remarked, SetInputs, SetResult, get_declared, variant

_LMD = (("norm", "none"), ("centre", "own-mean"), ("pairs", "linspace"), ("pool", "clips"))
_IMAGE = (("pairs", "linspace"), ("pool", "frames"))
_SOURCE = "yuangan/evaluation_eat"


def _spec(name: str, script: str, parts: tuple[tuple[str, str], ...], unit: str | None = None) -> MetricSpec:
    base = get_declared(name).spec
    return replace(base, parts=parts, source=f"{_SOURCE} {script}", unit=base.unit if unit is None else unit)


def _over_frames(series: Array) -> Remarked:
    """The mean of a clip's frames, which weighs as much as it has frames."""
    value = float(np.mean(series))
    remark = "" if math.isfinite(value) else "a frame equals its reference: the scripts' mean is infinite"
    return Remarked(value, remark, weight=float(len(series)))


@variant(EAT_2023.name, lambda: _spec("psnr", "test_psnr_ssim.py", _IMAGE))
def psnr(measured: Measured) -> Remarked:
    """Mean PSNR of a clip's frames, not capped."""
    return _over_frames(measured.images().series("psnr"))


@variant(EAT_2023.name, lambda: _spec("ssim", "test_psnr_ssim.py", (("window", "uniform7"), *_IMAGE)))
def ssim(measured: Measured) -> Remarked:
    """Mean SSIM of a clip's frames."""
    return _over_frames(measured.images().series("ssim"))


def _landmarks(measured: Measured) -> tuple[Array, Array]:
    generated = measured.generated.need("landmarks")
    reference = measured.reference_features().need("landmarks", "reference")
    a, b = pair_by_linspace(generated, reference)
    return a.astype(np.float64), b.astype(np.float64)


def _distance(measured: Measured, points: slice) -> float | Remarked:
    generated, reference = _landmarks(measured)
    value, valid = landmark_distance(generated, reference, points, "pixels")
    n = len(generated)
    return value if valid == n else Remarked(value, f"face lost in {n - valid} of {n} frames")


@variant(EAT_2023.name, lambda: _spec("m_lmd", "test_lmd.py", (("points", "mouth20"), *_LMD), "px"))
def m_lmd(measured: Measured) -> float | Remarked:
    """Mouth landmark distance in pixels of the crop."""
    return _distance(measured, MOUTH)


@variant(EAT_2023.name, lambda: _spec("f_lmd", "test_lmd.py", (("points", "face68"), *_LMD), "px"))
def f_lmd(measured: Measured) -> float | Remarked:
    """Face landmark distance in pixels of the crop."""
    return _distance(measured, FACE)


@variant(EAT_2023.name, lambda: _spec("m_lvd", "test_lmd.py", (("points", "mouth20"), ("pairs", "linspace"))))
def m_lvd(measured: Measured) -> float:
    """Mouth velocity distance in pixels of the crop."""
    return velocity_distance(*_landmarks(measured)).mouth


@variant(EAT_2023.name, lambda: _spec("f_lvd", "test_lmd.py", (("points", "mouth20/68"), ("pairs", "linspace"))))
def f_lvd(measured: Measured) -> float:
    """What the script prints as face velocity distance: the mouth's sum over 68."""
    return velocity_distance(*_landmarks(measured)).face_as_eat


@variant(EAT_2023.name, lambda: _spec("fid", "test_fid.py", (("frames", "5"), ("input", "bgr-twice-normalised"))))
def fid_of_five(inputs: SetInputs) -> SetResult | None:
    """FID of 5 frames a clip; the features were chosen when they were computed."""
    return fid(inputs)
