"""Our wrappers on the real packages behind the extras `iqa` and `official`: pyiqa and face-alignment.

    python -m benchmarks.evidence.extra_packages --reference ../shared/reference

Run it in an environment that has both (and a torch that fits their torchvision). Their published weights are not
needed: of pyiqa, metrics without weights are compared with pyiqa's own call on picture files and with stored numbers
of pyiqa 0.1.16 on real frames; its LPIPS, S3FD and 2DFAN are given weights that a recipe makes, under the names by
which the packages find their own. About a minute of one core.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.evidence.common import Figures, main
from benchmarks.evidence.recipe import recipe_state, recipe_tensor
from eap.errors import MeasureError
from eap.files import sha256_file

Frame = NDArray[np.uint8]
CLIPS = ("bbaf2n", "id2_vcd_swwp2s")
WITHOUT_WEIGHTS = ("gmsd", "vsi", "ms_ssim", "fsim", "psnr", "ssim")
LINS = (64, 192, 384, 256, 256)
"""Channels of the five layers of AlexNet that LPIPS looks at."""
ALEXNET, LPIPS = "alexnet-owt-7be5be79.pth", "LPIPS_v0.1_alex-df73285e.pth"
S3FD, FAN = "s3fd-619a316812.pth", "2DFAN4-11f355bf06.pth.tar"


def _frames(reference: Path, clip: str, n: int) -> Frame:
    from eap.media import read_frames

    return next(read_frames(reference / "syncnet" / f"{clip}_crop224.mkv", fps=None, chunk=n))


def _pairs(reference: Path, n: int = 3) -> Iterator[tuple[str, int, Frame, Frame]]:
    """Clip, number, blurred frame and frame of the first `n` of each clip."""
    import cv2

    for clip in CLIPS:
        for i, frame in enumerate(_frames(reference, clip, n)):
            yield clip, i, np.asarray(cv2.GaussianBlur(frame, (0, 0), 1.6), np.uint8), frame


def _without_weights(reference: Path, folder: Path) -> Figures:
    """The wrapper's numbers against pyiqa's own reading of the same pictures as files."""
    import cv2

    from metrics.iqa import load_quality

    pyiqa = import_module("pyiqa")
    found: Figures = {}
    for name in WITHOUT_WEIGHTS:
        ours, theirs = load_quality(name), pyiqa.create_metric(name, device="cpu")
        gaps = []
        for _, _, blurred, frame in _pairs(reference, 2 if name == "ms_ssim" else 1):
            sides = [folder / "made.png", folder / "true.png"]
            for path, picture in zip(sides, (blurred, frame), strict=True):
                cv2.imwrite(str(path), picture[..., ::-1])
            gaps.append(abs(ours.value(blurred, frame) - float(theirs(str(sides[0]), str(sides[1])))))
        direction = "lower" if ours.lower_is_better else "higher"
        found[name] = {"largest_difference": max(gaps), "pairs": len(gaps), "best": direction,
                       "with_reference": ours.with_reference}  # fmt: skip
    return found


def _stored(reference: Path) -> Figures:
    """The wrapper's numbers against those that pyiqa 0.1.16 gave elsewhere on the same real frames."""
    from metrics.iqa import load_quality

    golden = json.loads((reference / "image" / "golden.json").read_text(encoding="utf-8"))["clips"]
    found: Figures = {}
    for name, key in (("psnr", "pyiqa_psnr_default"), ("ssim", "pyiqa_ssim_default")):
        judge = load_quality(name)
        gaps = [
            abs(judge.value(blurred, frame) - golden[clip]["blur"]["per_frame"][key][i])
            for clip, i, blurred, frame in _pairs(reference)
        ]
        found[name] = {"largest_difference": max(gaps), "frames": len(gaps)}
    return found


def _put_weights(home: Path) -> None:
    """Recipe weights under the names by which torchvision, pyiqa and face-alignment find theirs."""
    import torch

    models = import_module("torchvision").models
    checkpoints, own = home / "hub" / "checkpoints", home / "hub" / "pyiqa"
    checkpoints.mkdir(parents=True)
    own.mkdir()
    torch.save(recipe_state(models.alexnet(weights=None).state_dict()), checkpoints / ALEXNET)
    lins = {f"lin{i}.model.1.weight": abs(recipe_tensor(f"lin{i}.weight", (1, n, 1, 1))) for i, n in enumerate(LINS)}
    torch.save({key: torch.from_numpy(value) for key, value in lins.items()}, own / LPIPS)
    fan = import_module("face_alignment.models").FAN(4)
    s3fd = import_module("face_alignment.detection.sfd.net_s3fd").s3fd()
    torch.save(recipe_state(fan.state_dict()), checkpoints / FAN)
    state = {key: recipe_tensor(key, tuple(value.shape)) for key, value in s3fd.state_dict().items()}
    for key in state:
        # Scores above the threshold here and there, and boxes near their anchors: faces that a crop can be cut from.
        if "_conf" in key or "_loc" in key:
            state[key] = np.asarray(state[key] * (0.02 if "_conf" in key else 0.001), np.float32)
    torch.save({key: torch.from_numpy(np.asarray(value)) for key, value in state.items()}, checkpoints / S3FD)


def _lpips(home: Path, reference: Path) -> Figures:
    """The wrapper's LPIPS against its definition (Zhang 2018, version 0.1) written out here, same weights."""
    import torch

    from metrics.iqa import load_quality

    net = import_module("torchvision").models.alexnet(weights=None)
    net.load_state_dict(torch.load(home / "hub" / "checkpoints" / ALEXNET, weights_only=True))
    lins = torch.load(home / "hub" / "pyiqa" / LPIPS, weights_only=True)
    layers = list(net.eval().features)
    judge = load_quality("lpips")
    mean, spread = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])

    def features(picture: Frame) -> list[torch.Tensor]:
        x = torch.from_numpy(picture.copy()).float() / 127.5 - 1
        x = ((x - mean) / spread).permute(2, 0, 1)[None]
        out = []
        for i, layer in enumerate(layers):
            x = layer(x)
            if i in (1, 4, 7, 9, 11):
                out.append(x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10))
        return out

    gaps, values = [], []
    with torch.inference_mode():
        for _, _, blurred, frame in _pairs(reference):
            parts = zip(features(blurred), features(frame), lins.values(), strict=True)
            expected = sum(float(((a - b).square() * lin).sum(dim=1).mean()) for a, b, lin in parts)
            values.append(judge.value(blurred, frame))
            gaps.append(abs(values[-1] / expected - 1))
    return {"largest_relative_difference": max(gaps), "pairs": len(gaps), "smallest_value": min(values)}


def _scored(reference: Path, folder: Path) -> Figures:
    """The whole way: two films, `metrics.score`, the mean over frames."""
    import metrics
    from eap.media import read_video, write_video
    from metrics.iqa import load_quality

    frames = _frames(reference, CLIPS[0], 6)
    write_video(folder / "true.mp4", frames)
    write_video(folder / "made.mp4", frames, crf=40)
    made, true = (read_video(folder / name).frames for name in ("made.mp4", "true.mp4"))
    names = ("pyiqa:gmsd", "pyiqa:vsi", "pyiqa:ms_ssim", "lpips")
    table = metrics.score(folder / "made.mp4", folder / "true.mp4", metrics=list(names), evaluators=None)
    found: Figures = {}
    for name in names:
        judge = load_quality(name.removeprefix("pyiqa:"))
        mean = float(np.mean([judge.value(a, b) for a, b in zip(made, true, strict=True)]))
        scored = table.value(name)
        found[name] = {
            "value": scored.value,
            "difference": abs(scored.value - mean),
            "signature": str(scored.signature),
        }
    return found


def _faces(home: Path, reference: Path) -> Figures:
    """`FanFaces` with hash-checked files against the package used as its authors write, same weights in its cache."""
    from metrics.evaluators.fan import FanFaces

    package = import_module("face_alignment")
    checkpoints = home / "hub" / "checkpoints"
    files = [(checkpoints / name, sha256_file(checkpoints / name)) for name in (S3FD, FAN)]
    ours = FanFaces(files[0], files[1])
    theirs = package.FaceAlignment(package.LandmarksType.TWO_D, device="cpu", compile=False)
    frames = np.stack([frame for *_, frame in _pairs(reference, 1)])[:, ::2, ::2].copy()
    found = ours.find(frames)
    boxes, points, seen = [], [], 0
    for i, frame in enumerate(frames):
        detected = np.asarray(theirs.face_detector.detect_from_image(frame.copy()), np.float64).reshape(-1, 5)
        if len(detected) != found.counts[i]:
            raise MeasureError(f"frame {i}: {found.counts[i]} faces here, {len(detected)} in the package")
        if not len(detected):
            continue
        seen += 1
        box = detected[((detected[:, 2] - detected[:, 0]) * (detected[:, 3] - detected[:, 1])).argmax()]
        boxes.append(float(np.abs(found.boxes[i] - box[:4]).max()))
        wanted = theirs.get_landmarks_from_image(frame, detected_faces=[box])[0]
        points.append(float(np.abs(found.landmarks[i] - wanted).max()))
    return {
        "name": ours.name,
        "frames": len(frames),
        "frames_with_a_face": seen,
        "boxes_max_abs": max(boxes, default=None),
        "landmarks_max_abs": max(points, default=None),
    }


def _summary(found: Figures) -> Figures:
    """One row for each comparison."""
    rows = {f"pyiqa's {name}": row for name, row in found["pyiqa_without_weights"].items()}
    rows |= {f"pyiqa's {name}, stored numbers": row for name, row in found["pyiqa_stored_numbers"].items()}
    differences = {name: row["largest_difference"] for name, row in rows.items()}
    differences["pyiqa's LPIPS, own weights, relative"] = found["pyiqa_lpips_own_weights"][
        "largest_relative_difference"
    ]
    differences["pyiqa through metrics.score"] = max(row["difference"] for row in found["pyiqa_by_score"].values())
    differences["S3FD's boxes, own weights, pixels"] = found["face_alignment_own_weights"]["boxes_max_abs"]
    differences["2DFAN's landmarks, own weights, pixels"] = found["face_alignment_own_weights"]["landmarks_max_abs"]
    return {name: {"largest difference": value} for name, value in differences.items()}


def measure(args: argparse.Namespace) -> Figures:
    """Every wrapper's differences to the package it wraps."""
    reference: Path = args.reference
    if not reference.is_dir():
        raise MeasureError(f"{reference}: no such folder", fix="give the folder of golden values with --reference")
    with tempfile.TemporaryDirectory(prefix="eap-extras-") as place:
        home = Path(place) / "torch"
        # Read when pyiqa and torch.hub are imported: nothing of the user's caches is used or changed.
        os.environ["TORCH_HOME"], os.environ["EAP_CACHE"] = str(home), str(Path(place) / "cache")
        os.environ["HF_HUB_OFFLINE"] = "1"
        _put_weights(home)
        found: Figures = {
            "pyiqa_without_weights": _without_weights(reference, Path(place)),
            "pyiqa_stored_numbers": _stored(reference),
            "pyiqa_lpips_own_weights": _lpips(home, reference),
            "pyiqa_by_score": _scored(reference, Path(place)),
            "face_alignment_own_weights": _faces(home, reference),
        }
    versions = {name: version(name) for name in ("pyiqa", "face-alignment", "torch", "torchvision")}
    not_run = "published weights of LPIPS, NIQE, S3FD and 2DFAN: they cannot be fetched where this is built"
    return {"versions": versions, "summary": _summary(found), **found, "not_run": not_run}


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reference", type=Path, default=Path("../shared/reference"), help="the golden values")


if __name__ == "__main__":
    main("extra_packages", __doc__, measure, _options)
