"""Golden numbers of the statistics, from independent packages that are not installed with the project.

    python3.11 -m venv /tmp/oracles
    /tmp/oracles/bin/pip install sureal==0.9.0 crowd-kit==1.4.2 choix==0.4.1 krippendorff==0.9.0 pingouin==0.7.0
    /tmp/oracles/bin/python tests/user_study/statistics/make_golden.py

writes golden.json beside this file: the data, and what each package makes of it. krippendorff and pingouin are GPL-3:
they are run to make these numbers, and neither is a dependency of anything here.
"""

from __future__ import annotations

import contextlib
import io
import json
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd


def ratings() -> tuple[Any, Any]:
    """(12, 30) ratings 1..5 of raters with biases, one of them a clicker; and a mask of what is missing."""
    rng = np.random.default_rng(7)
    quality, bias = rng.uniform(1.5, 4.5, 30), rng.normal(0, 0.4, 12)
    seen = np.clip(np.round(quality + bias[:, None] + rng.normal(0, 0.7, (12, 30))), 1, 5)
    seen[4] = rng.integers(1, 6, 30)
    return seen, rng.random((12, 30)) < 0.3


def annex_e(table: Any) -> dict[str, list[float]]:
    solver = import_module("sureal.subjective_model").SubjectMLEModelProjectionSolver
    reader = import_module("sureal.dataset_reader").RawDatasetReader
    shown = [
        {
            "content_id": 0,
            "asset_id": j,
            "path": f"v{j}",
            "os": {f"r{i:02d}": float(u) for i, u in enumerate(table[:, j]) if np.isfinite(u)},
        }
        for j in range(table.shape[1])
    ]
    first = [{"content_id": 0, "content_name": "c", "path": "r"}]
    data = SimpleNamespace(ref_videos=first, dis_videos=shown, ref_score=5.0, dataset_name="golden")
    with contextlib.redirect_stdout(io.StringIO()):
        found = solver(reader(data)).run_modeling()
    names = {"quality": "quality_scores", "bias": "observer_bias", "inconsistency": "observer_inconsistency"}
    return {ours: [float(x) for x in found[theirs]] for ours, theirs in names.items()}


def labels() -> Any:
    """(6, 40) labels 0..2 by raters of falling skill."""
    rng = np.random.default_rng(3)
    true, skill = rng.integers(0, 3, 40), np.array([0.9, 0.8, 0.75, 0.6, 0.5, 0.33])
    return np.where(rng.random((6, 40)) < skill[:, None], true, rng.integers(0, 3, (6, 40)))


def main() -> None:
    seen, missing = ratings()
    gaps = np.where(missing, np.nan, seen)
    said = labels()
    rows = [(f"t{j:02d}", f"w{i}", said[i, j]) for i in range(6) for j in range(40)]
    crowd = import_module("crowdkit.aggregation").DawidSkene(n_iter=1000, tol=1e-12)
    belief = crowd.fit(pd.DataFrame(rows, columns=["task", "worker", "label"])).probas_.sort_index()[[0, 1, 2]]
    rng = np.random.default_rng(5)
    strength = np.array([0.8, 0.2, -0.3, -0.7])
    couples = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    duels = []
    for k in range(120):
        a, b = couples[k % 6]
        duels.append((a, b) if rng.random() < 1 / (1 + np.exp(strength[b] - strength[a])) else (b, a))
    fitted = import_module("choix").opt_pairwise(4, duels, alpha=0.0, tol=1e-12)
    alpha = import_module("krippendorff").alpha
    long = pd.DataFrame([(j, i, seen[i, j]) for i in range(12) for j in range(30)], columns=["clip", "rater", "u"])
    icc = import_module("pingouin").intraclass_corr(data=long, targets="clip", raters="rater", ratings="u")
    golden = {
        "ratings": seen.astype(int).tolist(),
        "missing": missing.astype(int).tolist(),
        "annex_e": annex_e(seen),
        "annex_e_missing": annex_e(gaps),
        "alpha": {
            level: float(alpha(reliability_data=gaps, level_of_measurement=level))
            for level in ("nominal", "ordinal", "interval")
        },
        "icc2": {kind: float(value) for kind, value in zip(icc["Type"], icc["ICC"], strict=True)},
        "labels": said.tolist(),
        "belief": belief.to_numpy().round(9).tolist(),
        "duels": duels,
        "strengths": [float(x) for x in fitted - fitted.mean()],
    }
    Path(__file__).with_name("golden.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
