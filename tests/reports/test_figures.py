from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import reports
from eap.errors import ConfigError
from reports.content import Report
from reports.figures import save_plot, standalone, table_csv
from reports.links import Links
from reports.plot_style import short
from reports.source import Run


@pytest.fixture(scope="module")
def report(run: Run, run_dir: Path) -> Report:
    return Report(run, Links(run_dir, run_dir / "report"))


def test_figures_of_frames_are_made_where_there_are_media(report: Report) -> None:
    made = list(report.plots)
    assert made[:7] == ["ties", "intensity", "saturation", "plane", "neutralization", "leakage", "confusion"]
    assert made[7:] in ([], ["strips"]), "strips need a playable video of the most telling clip"
    if "strips" in made:
        assert "data:image/jpeg;base64," in report.plots["strips"].svg
    assert "image/png" not in report.plots["neutralization"].svg


def test_png_has_print_resolution_and_real_colours(report: Report, tmp_path: Path) -> None:
    path = save_plot(report.plots["saturation"], tmp_path / "s.png")
    pixels = np.asarray(Image.open(path).convert("RGB"), np.int64)
    assert pixels.shape[1] == 1546  # three quarters of 6.875 inches at 300 dpi
    blue = pixels[..., 2] - pixels[..., 0] > 100  # EAP's #0072b2, whatever shows through it
    assert blue.any()
    assert not (np.abs(pixels - [2, 3, 1]).sum(axis=2) == 0).any()  # the marker itself is never printed


def test_svg_stands_alone_and_csv_has_the_numbers(report: Report, run: Run, tmp_path: Path) -> None:
    plot = report.plots["intensity"]
    text = standalone(plot)
    assert "var(" not in text
    assert ' width="' in text.split(">")[0]
    rows = list(csv.DictReader(io.StringIO(save_plot(plot, tmp_path / "i.csv").read_text())))
    first = rows[3]
    found = report.series.intensity("eap", "neutral", first["clip"])
    assert found is not None
    assert float(first["eap"]) == pytest.approx(found[int(first["frame"])], rel=1e-5)


def test_plane_has_the_mean_of_the_clips(report: Report, run: Run) -> None:
    rows = csv.DictReader(io.StringIO(report.plots["plane"].csv))
    row = next(r for r in rows if (r["method"], r["emotion"]) == ("eap", "happy"))
    clips = [c.id for c in run.clips if c.emotion == "happy"]
    means = [float(np.mean(report.series.array("arousal", "eap", "neutral", c))) for c in clips]  # type: ignore[arg-type]
    assert float(row["arousal"]) == pytest.approx(float(np.mean(means)), abs=1e-5)
    assert int(row["clips"]) == len(clips) == 5


def test_a_spreadsheet_runs_nothing() -> None:
    assert table_csv(["a"], [["=1+1"], [float("nan")], [-1.5]]) == 'a\n\'=1+1\n""\n-1.5\n'


def test_other_endings_are_refused(report: Report, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a figure is written as"):
        save_plot(report.plots["intensity"], tmp_path / "x.gif")


def test_objects_are_those_of_the_page(run_dir: Path) -> None:
    report = reports.read(run_dir)
    assert {"main-neutral", "ablation-neutral", "source-reference_leakage-emotional"} <= set(report.tables)
    assert report.tables["main-neutral"].select(["psnr"]).columns[0].title == "PSNR"
    assert report.source("psnr", "eap", "neutral").commit == "0123456789abcdef"


def test_a_cut_name_keeps_its_run() -> None:
    assert short("EAP", 8) == "EAP"
    assert short("EAP without neutralization", 12) == "EAP without…"
    assert short("EAP without neutralization · new", 20) == "EAP without n… · new"
    assert len(short("EAP · " + "a run with a long name", 20)) == 20
