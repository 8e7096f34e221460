from __future__ import annotations

import hashlib
from dataclasses import replace

from metrics.rundir import ClipInfo
from reports.facts import collect
from reports.provenance import clip_list_hash, drawer, repeat, source
from reports.source import Run


def test_clip_list_hash_is_of_the_sorted_ids() -> None:
    clips = [ClipInfo(id="b", identity="x"), ClipInfo(id="a", identity="y")]
    assert clip_list_hash(clips) == clip_list_hash(reversed(clips)) == hashlib.sha256(b"a\nb\n").hexdigest()
    assert clip_list_hash(clips[:1]) != clip_list_hash(clips)


def test_evaluators_are_those_that_the_signature_names(run: Run) -> None:
    values = run.values.copy()
    values.loc[values["metric"] == "m_lmd", "signature"] = "m_lmd|landmarks:bundled-landmarks-bbbbbbbb|v1"
    changed = replace(run, values=values)
    found = source(changed, "m_lmd", "eap", "neutral")
    assert found.evaluators == (("landmark-judge", "b" * 64),)
    assert found.weights == (("eap", "c" * 64),)
    assert found.signatures == ("m_lmd|landmarks:bundled-landmarks-bbbbbbbb|v1",)
    assert source(changed, "psnr", "eap", "neutral").evaluators == ()
    data = drawer(changed, collect(values, run.info.metrics))
    assert data["metrics"]["m_lmd"]["evaluators"] == [["landmark-judge", "b" * 64]]
    assert data["methods"]["still-image"]["weights"] == []


def test_repeat_names_commit_and_command(run: Run) -> None:
    assert repeat(run) == "git checkout 0123456789abcdef\neap-bench run --suite mead"
    silent = replace(run, info=run.info.model_copy(update={"command": ""}))
    assert repeat(silent) == "not recorded"
