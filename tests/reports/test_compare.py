from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import reports
from eap.errors import DataError
from reports.compare import ManyLinks, compare, labels, merge
from reports.facts import collect
from reports.source import Run, load
from reports.trust import checks
from tests.reports.fake_run import SKILL, Recipe, write_run

SMALL = Recipe(identities=6, emotions=("happy", "sad"), frames=8)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """The same run twice; in the second one EAP's lips are worse and everything else is the same."""
    root = tmp_path_factory.mktemp("pair")
    worse = SKILL | {"eap": (0.6, 0.35, 0.75, 0.8, 0.05)}
    changed = Recipe(identities=6, emotions=("happy", "sad"), frames=8, skill=worse)
    return load(write_run(root / "old", SMALL)), load(write_run(root / "new", changed))


def test_merged_rows_carry_their_run(pair: tuple[Run, Run]) -> None:
    merged = merge(pair)
    assert labels(pair) == ("old", "new")
    assert {m.name for m in merged.methods} >= {"eap@old", "eap@new"}
    assert merged.label("eap@new") == "EAP · new"
    assert len(merged.values) == len(pair[0].values) + len(pair[1].values)
    assert merged.journal["eap@new", "neutral", merged.clips[0].id].media.startswith("1/media/eap/")
    assert merged.worst_at["psnr", "eap@new", "neutral"] == pair[1].worst_at["psnr", "eap", "neutral"]
    assert [merged.role(m.name) for m in merged.methods][:2] == ["ceiling", "ceiling"]


def test_what_got_worse_is_said_and_nothing_else(pair: tuple[Run, Run]) -> None:
    found = compare(pair, merge(pair))
    moved = {(c.method, c.metric.split()[0], c.outcome) for c in found.changes if c.outcome != "unclear"}
    assert moved == {("EAP", "M-LMD", "worse"), ("EAP", "LSE-D", "worse")}
    change = next(c for c in found.changes if c.method == "EAP" and c.metric.startswith("M-LMD"))
    assert change.difference.gain == pytest.approx(-2.8 * 0.4)  # 3.2 - 2.8 lips, and the lips lost 0.4
    assert found.refused == found.warnings == ()


def test_unlike_signatures_are_neither_ranked_nor_subtracted(pair: tuple[Run, Run], tmp_path: Path) -> None:
    old, new = pair
    values = new.values.copy()
    values.loc[values["metric"] == "psnr", "signature"] = "psnr|crop:face|v1"
    runs = (old, replace(new, values=values, clips=new.clips[:3]))
    found = compare(runs, merge(runs))
    assert len(found.refused) == 1
    assert "psnr|crop:face|v1" in found.refused[0]
    assert not [c for c in found.changes if c.metric.startswith("PSNR")]
    assert "do not have the same clips" in found.warnings[0]


def test_runs_of_unlike_clips_are_complete_and_each_has_its_verdict(pair: tuple[Run, Run]) -> None:
    old, new = pair
    kept = new.clips[:3]
    ids = {c.id for c in kept}
    runs = (old, replace(new, clips=kept, records=tuple(r for r in new.records if r.clip in ids)))
    merged = merge(runs)
    facts = collect(merged.values, merged.info.metrics)
    found = {c.title: c for c in checks(merged, facts)}
    # 6 methods on 2 tracks: 12 clips of the one run and 3 of the other, not 12 methods on 12 clips.
    assert found["The run is complete"].text.startswith("180 of 180 ")
    assert found["The run is complete"].status == "pass"
    assert found["The floors are below EAP of their run"].status == "pass"
    answers = [dict(line.answers) for line in compare(runs, merged).runs]
    assert [sorted(a) for a in answers] == [["Intensity", "Neutralization"]] * 2
    assert merged.main == "eap@new"
    assert old.main == "eap"


def test_links_lead_into_the_right_run_and_no_further(pair: tuple[Run, Run], tmp_path: Path) -> None:
    target = pair[1].root / "media" / "x.png"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(b"x")
    links = ManyLinks([r.root for r in pair], pair[0].root / "report" / "compared")
    assert links.file("1/media/x.png") == target
    assert (links.href("1/media/x.png") or "").endswith("new/media/x.png")
    for bad in ("0/media/x.png", "2/media/x.png", "1/../old/run.json", "media/x.png", "²/x", "", None):
        assert links.file(bad) is None


def test_a_page_of_two_runs(pair: tuple[Run, Run]) -> None:
    page = reports.build(pair[1].root, None, reports.Wanted(compare=(pair[0].root,)))
    text = page.read_text("utf-8")
    assert page == pair[1].root / "report" / "compared" / "index.html"
    assert "Comparison of old, new" in text
    assert "What changed since the first run" in text
    assert "EAP · new" in text
    assert "2 better" not in text


def test_one_run_is_no_comparison(pair: tuple[Run, Run]) -> None:
    with pytest.raises(DataError, match="compared with nothing"):
        merge(pair[:1])
