"""The published weight files of the official evaluators: where they come from, what they must be, where they lie.

None of them is part of this project. A file is used only when its sha256 is the pinned one; of the few files without a
published hash the first one fetched is trusted, its hash is written to `trusted.json` beside it, and every later use
must match. Environment: `EAP_WEIGHTS` is the folder (default: `weights` in the cache folder), `EAP_WEIGHTS_URL` a
mirror that holds the files under their own names.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eap.errors import ConfigError, WeightsError
from eap.files import cache_dir, sha256_file, write_json
from eap.perception.official.files import FAN, HSEMOTION, VGG19, WeightFile

TRUSTED = "trusted.json"
State = Literal["ok", "missing", "wrong", "unknown"]


_FAN = "https://www.adrianbulat.com/downloads/python-fan"
_HSE = (
    "https://raw.githubusercontent.com/sb-ai-lab/EmotiEffLib/af833487321c3efdcb1768a91a6c656a1986fdf6"
    "/models/affectnet_emotions/onnx"
)
_HSE_LICENCE = "Apache-2.0; trained on AffectNet (research use)"

FILES: tuple[WeightFile, ...] = (
    WeightFile(
        "syncnet",
        "syncnet_v2.model",
        "https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",
        "SyncNet v2: LSE-C, LSE-D, AV offset",
        "code MIT; of the weights none is stated",
        54_573_114,
        "961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
    ),
    WeightFile(
        "inception",
        "pt_inception-2015-12-05-6726825d.pth",
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
        "FID Inception (pytorch-fid)",
        "Apache-2.0",
        95_628_359,
        "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    ),
    WeightFile(
        "inception-torchvision",
        "inception_v3_google-0cc3c7bd.pth",
        "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",
        "ImageNet Inception (torchvision): FID of protocol eat-2023",
        "BSD-3-Clause",
        108_949_747,
        "0cc3c7bd75056d25e46cba549dc184522069b81e9787eff6df84f397bd52a5ef",
    ),
    WeightFile(
        "hsemotion-va",
        "enet_b0_8_va_mtl.onnx",
        f"{_HSE}/enet_b0_8_va_mtl.onnx",
        "HSEmotion: 8 emotions, valence, arousal",
        _HSE_LICENCE,
        16_049_834,
        "c43e056ad388d4a8dc911832b8291435b2af537f967e5870ebd731574ec7e812",
    ),
    WeightFile(
        "hsemotion-afew",
        "enet_b0_8_best_afew.onnx",
        f"{_HSE}/enet_b0_8_best_afew.onnx",
        "HSEmotion: 8 emotions",
        _HSE_LICENCE,
        None,
        "7aa2ea31c1311f4f8aa9d3fdb085d418dd4e7a48c4b9ed41df8c044f91d0213f",
    ),
    WeightFile(
        "hsemotion-b2",
        "enet_b2_8.onnx",
        f"{_HSE}/enet_b2_8.onnx",
        "HSEmotion: 8 emotions, larger network",
        _HSE_LICENCE,
        30_779_724,
        "180a9d4845b59393de4511598a0d1d34b705034691ea32959ce5009db7cf52b7",
    ),
    WeightFile(
        "s3fd",
        "s3fd-619a316812.pth",
        f"{_FAN}/s3fd-619a316812.pth",
        "S3FD face detector (face-alignment)",
        "BSD-3-Clause",
        89_843_225,
        "619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543",
    ),
    FAN,
    WeightFile(
        "eat-template",
        "base_68_close.npy",
        "https://raw.githubusercontent.com/lelechen63/ATVGnet/a9178e30729f30fcaedc26c8c139825f9a8ae5a4"
        "/basics/base_68_close.npy",
        "face template of the 128x128 crop of protocol eat-2023",
        "none is stated",
    ),
    VGG19,
    HSEMOTION,
)
"""The last two teach trainings on real faces (``eap.perception.official``) and judge nothing."""


def weights_dir() -> Path:
    """Where the files lie: `EAP_WEIGHTS` if set, else `weights` in the cache folder."""
    if value := os.environ.get("EAP_WEIGHTS"):
        return Path(value).expanduser()
    return cache_dir() / "weights"


def weight_file(name: str) -> WeightFile:
    """The file of that name, or of that published file name. Raises ConfigError naming those there are."""
    for item in FILES:
        if name in (item.name, item.file):
            return item
    raise ConfigError(f"unknown weights {name!r}", fix=f"choose from: {', '.join(item.name for item in FILES)}")


def read_trusted(folder: Path) -> dict[str, str]:
    """File name -> sha256 of the files that were trusted when first fetched. Raises WeightsError when damaged."""
    path = folder / TRUSTED
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): str(entry["sha256"]) for name, entry in found.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise WeightsError(f"{path}: damaged", fix="delete it and fetch the files it named again") from error


def trust(item: WeightFile, folder: Path, sha256: str, size: int, source: str) -> None:
    """Record the hash of a file without a published one."""
    path = folder / TRUSTED
    known = json.loads(path.read_text(encoding="utf-8")) if read_trusted(folder) else {}
    write_json(path, known | {item.file: {"sha256": sha256, "bytes": size, "source": source}})


def expected_sha256(item: WeightFile, folder: Path) -> str:
    """The pinned hash, else the one trusted on first use, else ''."""
    return item.sha256 or read_trusted(folder).get(item.file, "")


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of one file."""

    item: WeightFile
    path: Path
    state: State
    detail: str = ""

    @property
    def problem(self) -> str:
        """One line where the file is there and must not be used; else ''."""
        return f"{self.path}: {self.detail}" if self.state in ("wrong", "unknown") else ""


def check(item: WeightFile, folder: Path | None = None) -> Checked:
    """Hash one file and compare. `unknown`: it is there, no hash is published and it was not fetched by us."""
    folder = weights_dir() if folder is None else folder
    path = folder / item.file
    if not path.is_file():
        return Checked(item, path, "missing")
    wanted = expected_sha256(item, folder)
    if not wanted:
        return Checked(item, path, "unknown", "put there by hand and no hash is published: fetch it with --from")
    size = path.stat().st_size
    if item.bytes is not None and size != item.bytes:
        return Checked(item, path, "wrong", f"has {size} bytes, expected {item.bytes}")
    found = sha256_file(path)
    if found != wanted:
        return Checked(item, path, "wrong", f"sha256 is {found[:12]}..., expected {wanted[:12]}...")
    return Checked(item, path, "ok", "" if item.sha256 else "trusted on first use")


def require(name: str, folder: Path | None = None) -> tuple[Path, str]:
    """Path and sha256 of a file that is there and right.

    Raises WeightsError saying which command fetches it (also without internet), or what is wrong with it.
    """
    item = weight_file(name)
    found = check(item, folder)
    if found.state == "ok":
        return found.path, expected_sha256(item, found.path.parent)
    command = f"'eap-bench weights fetch {item.name}'"
    if found.state == "missing":
        fix = f"fetch it with {command}; without internet copy it from elsewhere and add --from DIR"
        raise WeightsError(f"{found.path}: no such file: {item.purpose}", fix=fix)
    raise WeightsError(found.problem, fix=f"delete it and run {command}")


def available(name: str, folder: Path | None = None) -> bool:
    """Whether the file is there (its hash is checked when it is used)."""
    return ((weights_dir() if folder is None else folder) / weight_file(name).file).is_file()
