"""Every number that has a reference implementation, against that implementation's output on whole clips and arrays.

    python -m benchmarks.evidence.reference_values --reference ../shared/reference

The networks are `benchmarks.evidence.official_evaluators`' business; this is the rest: PSNR and SSIM of real frames
(skimage), landmark distances (the functions of evaluation_eat), intensity (EmoNet, numpy), the Frechet distance of
stored features, and SyncNet's distances of stored embeddings. Some 20 seconds of one core.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evidence.common import Figures, main
from eap.errors import MeasureError

ASKED = {
    "psnr": 1e-6, "ssim": 1e-6, "landmark distances": 1e-9, "landmark velocities": 1e-9, "pcc": 1e-9, "ccc": 1e-9,
    "sagr": 1e-9, "rmse": 1e-9, "fid of features (relative)": 1e-5, "frechet of gaussians (relative)": 1e-5,
    "sync distances": 1e-5, "sync offset": 0.0,
}  # fmt: skip
"""The largest difference that is let through."""

Gaps = dict[str, list[float]]


def _golden(folder: Path) -> Any:
    return json.loads((folder / "golden.json").read_text(encoding="utf-8"))


def _as_reference(path: Path) -> Any:
    """Frames as the reference read them: swscale's default colours, which are darker than ours by a level or so."""
    import av

    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def _image(reference: Path, gaps: Gaps) -> dict[str, float]:
    """Returns by how much our decoder's colours move the mean over frames of an mp4 file: no part of the metrics."""
    import cv2

    from eap.media import read_frames
    from metrics.psnr import frame_psnr
    from metrics.ssim import frame_ssim

    folder = reference / "image"
    decoder: Gaps = {"psnr": [], "ssim": []}
    for clip, golden in _golden(folder)["clips"].items():
        n = golden["n_frames"]
        true = next(read_frames(reference / "syncnet" / f"{clip}_crop224.mkv", fps=None, chunk=n))
        film = folder / f"{clip}_crf35.mp4"
        spoilt = {
            "crf35": _as_reference(film),
            "ours": next(read_frames(film, fps=None, chunk=n)),
            "blur": np.stack([cv2.GaussianBlur(frame, (0, 0), 1.6) for frame in true]),
        }
        for kind, frames in spoilt.items():
            wanted = golden["crf35" if kind == "ours" else kind]["per_frame"]
            pairs = list(zip(true, frames, strict=True))
            psnr = np.array([frame_psnr(a, b) for a, b in pairs]) - np.array(wanted["skimage_psnr"])
            ssim = np.array([frame_ssim(a, b) for a, b in pairs]) - np.array(wanted["skimage_ssim_uniform7"])
            if kind == "ours":
                decoder["psnr"].append(float(psnr.mean()))
                decoder["ssim"].append(float(ssim.mean()))
            else:
                gaps["psnr"] += psnr.tolist()
                gaps["ssim"] += ssim.tolist()
    return {name: float(np.mean(found)) for name, found in decoder.items()}


def _landmarks(reference: Path, gaps: Gaps) -> None:
    from metrics.lmd import FACE, MOUTH, landmark_distance, pair_by_linspace, velocity_distance

    arrays = np.load(reference / "lmd" / "landmarks.npz")
    for name, golden in _golden(reference / "lmd")["videos"].items():
        made, true = pair_by_linspace(arrays[f"{name}_fake"], arrays[f"{name}_gt"])
        moved = velocity_distance(made, true)
        gaps["landmark distances"] += [
            landmark_distance(made, true, MOUTH, "pixels")[0] - golden["m_lmd"],
            landmark_distance(made, true, FACE, "pixels")[0] - golden["f_lmd"],
        ]
        gaps["landmark velocities"] += [
            moved.mouth - golden["m_lvd"],
            moved.face - golden["f_lvd_intended"],
            moved.face_as_eat - golden["f_lvd_eat_bug"],
        ]


def _intensity(reference: Path, gaps: Gaps) -> None:
    from metrics.intensity import ccc, pcc, rmse, sagr

    measured = {"pcc": (pcc, "pcc_numpy"), "ccc": (ccc, "ccc_emonet"), "sagr": (sagr, "sagr_emonet"),
                "rmse": (rmse, "rmse_emonet")}  # fmt: skip
    arrays = np.load(reference / "intensity" / "series.npz")
    for series, quantities in _golden(reference / "intensity")["series"].items():
        for quantity, golden in quantities.items():
            true, made = arrays[f"{series}_{quantity}_gt"], arrays[f"{series}_{quantity}_pred"]
            for name, (function, key) in measured.items():
                gaps[name].append(function(made, true) - golden[key])


def _frechet(reference: Path, gaps: Gaps) -> None:
    from metrics.fid import frechet_from_features, frechet_from_moments

    golden = _golden(reference / "fid")
    stored = np.load(reference / "fid" / "features.npz")
    found = frechet_from_features(stored["set1_64x2048"], stored["set2_64x2048"])
    gaps["fid of features (relative)"].append(found / golden["fid64"]["fid_gram_float64"] - 1)
    gaussians = np.load(reference / "fid" / "gaussians.npz")
    for name in ("d4", "d16", "d64", "sing"):
        value = frechet_from_moments(*(gaussians[f"{name}_{key}"] for key in ("mu1", "s1", "mu2", "s2")))
        gaps["frechet of gaussians (relative)"].append(value / golden["gaussian_frechet"][name] - 1)


def _sync(reference: Path, gaps: Gaps) -> None:
    from metrics.sync import sync_score

    arrays = np.load(reference / "syncnet" / "pdist_embeddings.npz")
    for name, golden in _golden(reference / "syncnet")["pdist_synthetic"]["cases"].items():
        found = sync_score(arrays[f"{name}_v"], arrays[f"{name}_a"])
        gaps["sync distances"] += (found.mean_distances - np.array(golden["mdist"])).tolist()
        gaps["sync distances"] += [found.lse_d - golden["lse_d"], found.lse_c - golden["lse_c"]]
        gaps["sync offset"].append(found.offset - golden["offset"])


def measure(args: argparse.Namespace) -> Figures:
    """The largest difference of each kind of number, beside what was asked for."""
    reference: Path = args.reference
    if not reference.is_dir():
        raise MeasureError(f"{reference}: no such folder", fix="give the folder of golden values with --reference")
    gaps: Gaps = {name: [] for name in ASKED}
    decoder = _image(reference, gaps)
    for part in (_landmarks, _intensity, _frechet, _sync):
        part(reference, gaps)
    rows = {
        name: {"largest_difference": float(np.abs(found).max()), "asked": ASKED[name], "numbers": len(found)}
        for name, found in gaps.items()
    }
    return {
        "rows": rows,
        "same_mp4_read_by_our_decoder": decoder,
        "beyond_what_was_asked": [name for name, row in rows.items() if not row["largest_difference"] <= row["asked"]],
    }


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reference", type=Path, default=Path("../shared/reference"), help="the golden values")


if __name__ == "__main__":
    main("reference_values", __doc__, measure, _options)
