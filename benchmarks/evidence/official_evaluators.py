"""The ported official networks against the reference implementations' outputs on whole real clips.

    python -m benchmarks.evidence.official_evaluators --reference ../shared/reference

Reads the golden values that lie beside some checkouts (recipe weights, real clips) and writes how far this code is from
them. About five minutes of one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evidence.common import Figures, main
from benchmarks.evidence.recipe import recipe_state
from eap.errors import MeasureError

CLIPS = ("bbaf2n", "id2_vcd_swwp2s", "lbbc2a")
CUTS: dict[str, tuple[int | None, int | None]] = {
    "frames40_audio_full": (40, None),
    "video_full_audio_1500ms": (None, 24000),
    "frames12": (12, None),
    "audio_odd_48123_like": (None, -123),
}
"""Golden case of a clip -> frames and samples that are kept."""

ASKED = {
    "MFCC, largest difference": 1e-5,
    "SyncNet, recipe weights: mean distances, relative": 1e-5,
    "SyncNet, scaled weights: mean distances, absolute": 1e-3,
    "SyncNet, scaled weights: LSE-C, absolute": 1e-3,
    "SyncNet: clips whose offset differs (where shifts do not tie)": 0,
    "SyncNet: clips whose number of windows differs": 0,
    "Inception: features, absolute": 1e-4,
    "FID, relative": 1e-5,
}
"""The largest difference that is let through."""


def _filled(net: Any, factors: Mapping[str, float] | None = None) -> Any:

    from eap.perception.official.loading import load_strictly

    state = recipe_state(net.state_dict())
    for key, factor in (factors or {}).items():
        state[key] = state[key] * factor
    return load_strictly(net, state, "recipe")


def _syncnet(folder: Path) -> dict[str, Any]:
    from scipy.io import wavfile

    from eap.media import read_frames
    from metrics.evaluators.syncnet import SyncNet
    from metrics.mfcc import mfcc

    golden = json.loads((folder / "golden.json").read_text())
    scaled = golden["scaled_weights"]
    nets = {"recipe": (_filled(SyncNet()), golden["recipe_weights"]),
            "scaled": (_filled(SyncNet(), scaled["factors"]), scaled["clips"])}  # fmt: skip
    found: dict[str, Any] = {}
    for clip in CLIPS:
        frames = np.concatenate(list(read_frames(folder / f"{clip}_crop224.mkv", fps=None)))[..., ::-1]
        _, samples = wavfile.read(folder / f"{clip}_16k.wav")
        stored = np.load(folder / f"{clip}_mfcc.npz")["mfcc_full"]
        found[clip] = {"mfcc_max_abs": float(np.abs(mfcc(samples) - stored).max())}
        for kind, (net, expected) in nets.items():
            for case in (name for name in expected if name.split("__")[0] == clip):
                n_frames, n_samples = CUTS[case.split("__")[1]] if "__" in case else (None, None)
                found.setdefault(case, {})[kind] = _one_clip(
                    net, frames[:n_frames], samples[:n_samples], expected[case]
                )
    return found


def _one_clip(net: Any, frames: Any, samples: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """One clip's distances beside the reference's. With a margin of 0, shifts tie and no offset is the right one."""
    from metrics.mfcc import mfcc
    from metrics.sync import sync_score

    n = min(len(frames), len(samples) // 640)
    cepstra = mfcc(samples)
    rows = np.pad(cepstra, ((0, max(0, 4 * n - len(cepstra))), (0, 0)), mode="edge")[: 4 * n].astype(np.float32)
    video, audio = net.embed(frames[:n], rows)
    score = sync_score(video[:-1], audio[:-1])
    mdist = np.array(wanted["mdist"])
    return {
        "windows": len(video) - 1,
        "windows_reference": wanted["n_windows"],
        "mdist_max_relative": float(np.abs(score.mean_distances / mdist - 1).max()),
        "mdist_max_abs": float(np.abs(score.mean_distances - mdist).max()),
        "lse_c_difference": score.lse_c - wanted["lse_c"],
        "offset": score.offset,
        "offset_reference": wanted["offset"],
        "tie": wanted["margin_best_to_second"] == 0,
    }


def _inception(folder: Path, clips: Path) -> dict[str, Any]:
    from eap.media import read_frames
    from metrics.evaluators.inception import Inception
    from metrics.fid import frechet_from_features

    golden = json.loads((folder / "golden.json").read_text())["fid64"]
    stored = np.load(folder / "features.npz")
    net = _filled(Inception())
    sets = [
        net.embed(next(read_frames(clips / f"{clip}_crop224.mkv", fps=None, chunk=64)))
        for clip in ("bbaf2n", "id2_vcd_swwp2s")
    ]
    value = frechet_from_features(*sets)
    return {
        "features16_max_abs": float(
            np.abs(net.embed(np.load(folder / "frames16.npz")["frames"]) - stored["features16"]).max()
        ),
        "set1_max_abs": float(np.abs(sets[0] - stored["set1_64x2048"]).max()),
        "set2_max_abs": float(np.abs(sets[1] - stored["set2_64x2048"]).max()),
        "fid": value,
        "fid_reference": golden["fid_gram_float64"],
        "fid_relative": abs(value / golden["fid_gram_float64"] - 1),
    }


def _summary(syncnet: Mapping[str, Any], inception: Mapping[str, float]) -> dict[str, Any]:
    """The largest difference of each kind beside what was asked for."""
    recipe = [case["recipe"] for case in syncnet.values() if "recipe" in case]
    scaled = [case["scaled"] for case in syncnet.values() if "scaled" in case]
    largest = (
        max(case["mfcc_max_abs"] for case in syncnet.values() if "mfcc_max_abs" in case),
        max(case["mdist_max_relative"] for case in recipe),
        max(case["mdist_max_abs"] for case in scaled),
        max(abs(case["lse_c_difference"]) for case in scaled),
        sum(case["offset"] != case["offset_reference"] for case in recipe + scaled if not case["tie"]),
        sum(case["windows"] != case["windows_reference"] for case in recipe + scaled),
        max(inception[name] for name in ("features16_max_abs", "set1_max_abs", "set2_max_abs")),
        inception["fid_relative"],
    )
    return {
        name: {"largest": value, "asked": asked, "held": value <= asked}
        for (name, asked), value in zip(ASKED.items(), largest, strict=True)
    }


def measure(args: argparse.Namespace) -> Figures:
    """Differences to the reference implementations."""
    reference: Path = args.reference
    if not reference.is_dir():
        raise MeasureError(f"{reference}: no such folder", fix="give the folder of golden values with --reference")
    syncnet = _syncnet(reference / "syncnet")
    inception = _inception(reference / "fid", reference / "syncnet")
    return {"summary": _summary(syncnet, inception), "syncnet": syncnet, "inception": inception}


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reference", type=Path, default=Path("../shared/reference"), help="the golden values")


if __name__ == "__main__":
    main("official_evaluators", __doc__, measure, _options)
