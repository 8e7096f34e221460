from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import pandas as pd
import pytest

from eap.errors import ConfigError, DataError
from reports.leaderboard import leaderboard
from tests.reports.fake_run import Recipe, write_run


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("board")
    first = write_run(root / "a", Recipe(identities=2, emotions=("happy", "sad"), frames=4))
    return [first, Path(shutil.copytree(first, root / "b"))]


def test_rows_of_all_runs_sorted_with_the_ceiling_last(folders: list[Path]) -> None:
    board = leaderboard(folders, ["psnr", "lse_d"], "neutral", "lse_d")
    values = [r.cells[1].value for r in board.table.rows if r.role in ("method", "ablation")]
    assert [c.key for c in board.table.columns] == ["psnr", "lse_d"]
    assert len(values) == 8
    assert values == sorted(values, key=float)  # type: ignore[arg-type]
    assert [r.role for r in board.table.rows][-4:] == ["ceiling", "ceiling", "floor", "floor"]
    rows = list(csv.DictReader(io.StringIO(board.text("csv"))))
    assert len(rows) == 12 * 2
    assert "\\toprule" in board.text("latex")
    assert "EAP · b" in board.text()
    assert board.to_json()["signatures"]["psnr"].startswith("psnr|")


def test_unlike_signatures_are_refused_by_name(folders: list[Path], tmp_path: Path) -> None:
    other = Path(shutil.copytree(folders[0], tmp_path / "other"))
    values = pd.read_parquet(other / "values.parquet")
    values.loc[values["metric"] == "psnr", "signature"] = "psnr|crop:face|v1"
    values.to_parquet(other / "values.parquet")
    with pytest.raises(DataError, match=r"psnr was measured in 2 ways: psnr\|crop:face\|v1 and psnr\|crop:frame"):
        leaderboard([folders[0], other])
    assert leaderboard([folders[0], other], ["lse_d"]).table.rows


def test_unknown_metric_and_track_are_named(folders: list[Path]) -> None:
    with pytest.raises(ConfigError, match="no run measured 'beauty'"):
        leaderboard(folders, ["beauty"])
    with pytest.raises(ConfigError, match="no run has a track 'sideways'"):
        leaderboard(folders, track="sideways")
