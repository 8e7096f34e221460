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


def _filled(net: Any, factors: Mapping[str, float] | None = None) -> Any:

    from metrics.evaluators.loading import load_strictly

    state = recipe_state(net.state_dict())
    for key, factor in (factors or {}).items():
        state[key] = state[key] * factor
    return load_strictly(net, state, "recipe")


def _syncnet(folder: Path) -> dict[str, Any]:
    from scipy.io import wavfile

    from eap.media import read_frames
    from metrics.evaluators.syncnet import SyncNet
    from metrics.mfcc import mfcc
    from metrics.sync import sync_score

    golden = json.loads((folder / "golden.json").read_text())
    scaled = golden["scaled_weights"]
    nets = {"recipe": (_filled(SyncNet()), golden["recipe_weights"]),
            "scaled": (_filled(SyncNet(), scaled["factors"]), scaled["clips"])}  # fmt: skip
    found: dict[str, Any] = {}
    for clip in CLIPS:
        frames = np.concatenate(list(read_frames(folder / f"{clip}_crop224.mkv", fps=None)))[..., ::-1]
        _, samples = wavfile.read(folder / f"{clip}_16k.wav")
        n = min(len(frames), len(samples) // 640)
        cepstra = mfcc(samples)
        gap = float(np.abs(cepstra - np.load(folder / f"{clip}_mfcc.npz")["mfcc_full"]).max())
        rows = np.pad(cepstra, ((0, max(0, 4 * n - len(cepstra))), (0, 0)), mode="edge")[: 4 * n].astype(np.float32)
        found[clip] = {"mfcc_max_abs": gap}
        for kind, (net, expected) in nets.items():
            video, audio = net.embed(frames[:n], rows)
            score, wanted = sync_score(video[:-1], audio[:-1]), expected[clip]
            mdist = np.array(wanted["mdist"])
            found[clip][kind] = {
                "windows": len(video) - 1,
                "windows_reference": wanted["n_windows"],
                "mdist_max_relative": float(np.abs(score.mean_distances / mdist - 1).max()),
                "mdist_max_abs": float(np.abs(score.mean_distances - mdist).max()),
                "lse_c_difference": score.lse_c - wanted["lse_c"],
                "offset": score.offset,
                "offset_reference": wanted["offset"],
            }
    return found


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


def measure(args: argparse.Namespace) -> Figures:
    """Differences to the reference implementations."""
    reference: Path = args.reference
    if not reference.is_dir():
        raise MeasureError(f"{reference}: no such folder", fix="give the folder of golden values with --reference")
    return {
        "syncnet": _syncnet(reference / "syncnet"),
        "inception": _inception(reference / "fid", reference / "syncnet"),
    }


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reference", type=Path, default=Path("../shared/reference"), help="the golden values")


if __name__ == "__main__":
    main("official_evaluators", __doc__, measure, _options)
