from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import reports
from eap.errors import ConfigError, DataError, MeasureError
from metrics.rundir import MethodInfo
from tests.reports.fake_run import METHODS, Recipe, write_run

VOID = {"meta", "link", "line", "br", "input", "img", "path", "use", "rect"}


class Outline(HTMLParser):
    """Collects tags, ids, links and script texts; complains about tags that do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        self.links += [str(found[k]) for k in ("src", "href", "poster", "xlink:href") if found.get(k)]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.stack.pop() == tag


def outline(page: Path) -> Outline:
    parser = Outline()
    parser.feed(page.read_text("utf-8"))
    assert parser.stack == []
    return parser


@pytest.fixture(scope="module")
def page(run_dir: Path) -> Path:
    return reports.build(run_dir)


def test_page_lies_in_the_run_and_is_whole(page: Path, run_dir: Path) -> None:
    assert page == run_dir / "report" / "index.html"
    found = outline(page)
    assert len(found.ids) == len(set(found.ids))
    sections = ["verdict", "trust", "tables", "plots", "player", "worst", "failed", "provenance"]
    assert [i for i in found.ids if i in sections] == sections


def test_page_needs_no_network_and_every_file_it_links_exists(page: Path) -> None:
    for link in outline(page).links:
        if link.startswith("#") or link == "data:,":
            continue
        assert "://" not in link
        assert (page.parent / link).is_file(), link
    assert "@import" not in page.read_text("utf-8")


def test_embedded_world_is_said_first(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text.index("EMBEDDED WORLD") < text.index('id="verdict"')
    assert "these numbers are not MEAD’s" in text


def test_rendered_again_and_elsewhere_same_bytes(page: Path, run_dir: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(run_dir, tmp_path / "moved"))
    assert reports.build(moved).read_bytes() == page.read_bytes()


def test_out_may_be_a_folder_or_a_file(tmp_path: Path) -> None:
    stages: list[str] = []
    run_dir = write_run(tmp_path / "run", Recipe(identities=1, emotions=("happy",), methods=METHODS[1:2], videos=1))
    folder = reports.build(run_dir, tmp_path / "elsewhere", progress=stages.append)
    assert folder.name == "index.html"
    assert stages == ["tables", "plots", "player", "worst clips", "page"]
    assert all((folder.parent / x).is_file() for x in outline(folder).links if x[0] != "#" and x != "data:,")
    assert reports.build(run_dir, tmp_path / "one.html") == tmp_path / "one.html"


def test_exports_are_in_the_page(page: Path) -> None:
    match = re.search(r'id="export-data">(.*?)</script>', page.read_text("utf-8"), re.S)
    assert match
    exports = json.loads(gzip.decompress(base64.b64decode(match[1])))
    assert set(exports["comparison-1"]) == {"csv", "latex", "markdown", "print"}
    assert exports["comparison-1"]["csv"]["head"].startswith("method,role,column")
    assert len(exports) > 8


HOSTILE = "<script>alert(1)</script>../\"'&{{7*7}}</style>"


def test_hostile_names_are_text_everywhere(tmp_path: Path) -> None:
    methods = tuple(m.model_copy(update={"title": m.title + HOSTILE}) for m in METHODS)
    methods += (MethodInfo(name=HOSTILE, title="", kind="model", inputs=(HOSTILE,)),)
    recipe = Recipe(
        identities=2,
        emotions=("happy", HOSTILE),
        methods=methods,
        tracks=("emotional", HOSTILE),
        suite=HOSTILE,
        clip_suffix=HOSTILE,
        failing=frozenset({(HOSTILE, HOSTILE)}),
    )
    page = reports.build(write_run(tmp_path / "run", recipe))
    text = page.read_text("utf-8")
    found = outline(page)
    assert found.tags.count("script") == 6  # four data islands and our two scripts
    assert found.tags.count("style") == 1
    assert "<script>alert" not in text
    assert "{{7*7}}" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert not any(".." in link and not (page.parent / link).is_file() for link in found.links if link[0] != "#")


def test_run_cut_short_before_its_tables(run_dir: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(run_dir, tmp_path / "cut", ignore=shutil.ignore_patterns("*.parquet", "report")))
    info = json.loads((root / "run.json").read_text())
    (root / "run.json").write_text(json.dumps(info | {"finished": ""}))
    text = reports.build(root).read_text("utf-8")
    assert "INCOMPLETE RUN" in text
    assert "values.parquet is absent" in text
    assert "not finished" in text
    assert "so there is no table" in text
    assert "no value for EAP and EAP without neutralization" in text


def test_only_run_json(run_dir: Path, tmp_path: Path) -> None:
    shutil.copy(run_dir / "run.json", tmp_path / "run.json")
    text = reports.build(tmp_path).read_text("utf-8")
    assert "no clip of this run was journalled" in text
    assert "there is nothing to play" in text
    assert 'id="player-data"' not in text


def test_no_successful_clip(tmp_path: Path) -> None:
    text = reports.build(write_run(tmp_path / "r", Recipe(identities=2, all_failed=True))).read_text("utf-8")
    assert "192 of 192 rows failed" in text
    assert "no face in frame 3" in text
    assert "This run cannot say" in text


def test_one_clip_one_method(tmp_path: Path) -> None:
    recipe = Recipe(identities=1, emotions=("happy",), methods=METHODS[1:2], tracks=("neutral",), frames=1)
    text = reports.build(write_run(tmp_path / "r", recipe)).read_text("utf-8")
    assert "1 clip<" in text
    assert "1 method<" in text


def test_real_data_is_not_called_embedded(tmp_path: Path) -> None:
    root = write_run(tmp_path / "r", Recipe(identities=1, emotions=("happy",), world="data"))
    text = reports.build(root).read_text("utf-8")
    assert "EMBEDDED WORLD" not in text
    assert "/data/mead" in text


def test_many_failed_rows_are_capped_and_counted(tmp_path: Path) -> None:
    text = reports.build(write_run(tmp_path / "r", Recipe(identities=6, all_failed=True))).read_text("utf-8")
    assert "576 of 576 rows failed; the first 500 are listed" in text


def test_errors_name_the_file_and_the_fix(tmp_path: Path, run_dir: Path) -> None:
    with pytest.raises(DataError, match=r"run\.json"):
        reports.build(tmp_path)
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(DataError, match="cannot write the report"):
        reports.build(run_dir, tmp_path / "taken" / "deeper")


def test_importing_reports_is_light() -> None:
    code = "import sys, reports; print([m for m in ('matplotlib','pandas','jinja2','torch','av') if m in sys.modules])"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[]"


def test_single_file_has_the_media_inside_and_a_limit(tmp_path: Path) -> None:
    root = write_run(
        tmp_path / "r", Recipe(identities=1, emotions=("happy",), methods=METHODS[1:2], videos=1, frames=4)
    )
    text = reports.build(root, None, reports.Wanted(single_file=True)).read_text("utf-8")
    match = re.search(r'id="media-data">(.*?)</script>', text, re.S)
    assert match
    inside = json.loads(match[1])
    video = next(name for name in inside if name.endswith(".mp4") and "/neutral/" in name)
    assert video.startswith("../media/eap/neutral/")
    assert base64.b64decode(inside[video][1]) == (root / "report" / video).read_bytes()
    assert re.search(r'\sposter="posters/', text) is None
    (root / "media" / "big.mp4").write_bytes(bytes(2_000_000))
    with pytest.raises(DataError, match="would weigh 3 MB, over 1"):
        reports.build(root, None, reports.Wanted(single_file=True, cap_mb=1))


def test_a_lab_may_change_a_block_and_add_style(run_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '{% extends "base/page.html" %}{% block footer %}Our lab, {{ run.info.suite }}{% endblock %}'
    )
    (tmp_path / "extra.css").write_text("h1 { color: teal; }")
    out = reports.build(run_dir, tmp_path / "out", reports.Wanted(templates=tmp_path))
    text = out.read_text("utf-8")
    assert "Our lab, mead" in text
    assert "h1 { color: teal; }" in text
    assert 'id="comparison-' not in text  # ids of ours are data, not markup
    with pytest.raises(ConfigError, match="no such folder of templates"):
        reports.build(run_dir, tmp_path / "out", reports.Wanted(templates=tmp_path / "none"))


def test_files_have_safe_names_and_stay_in_their_folder(tmp_path: Path) -> None:
    recipe = Recipe(identities=2, emotions=("happy", "sad"), tracks=("../../evil", "emotional"), frames=4)
    root = write_run(tmp_path / "r", recipe)
    reports.build(root, tmp_path / "out", reports.Wanted(files=True))
    made = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.suffix in (".tex", ".png"))
    assert "out/tables/01-main-------evil.tex" in made
    assert "out/figures/saturation.png" in made
    assert all(name.startswith("out/") for name in made)


def test_a_pdf_needs_a_browser(run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.writing.BROWSERS", ("no-such-browser",))
    with pytest.raises(MeasureError, match="no browser to print"):
        reports.build(run_dir, tmp_path, reports.Wanted(pdf=True))
