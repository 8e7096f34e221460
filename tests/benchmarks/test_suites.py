from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.methods import load_method, method_names
from benchmarks.suites import Suite, load_suite, suite_names
from eap.constants import EMOTIONS
from eap.errors import ConfigError


def test_the_bundled_suites() -> None:
    assert suite_names() == ["mead", "mead-full", "smoke"]
    assert [len(load_suite(name).cells()) for name in suite_names()] == [8 * 8, 24 * (7 * 3 + 1), 6 * 4]


def test_mead_uses_unseen_identities_the_strongest_level_and_the_suites_sentences() -> None:
    suite = load_suite("mead")
    cells = suite.cells()
    assert {cell.identity for cell in cells} == set(range(2000, 2008))
    assert {cell.emotion for cell in cells} == set(EMOTIONS)
    assert {(cell.emotion == "neutral", cell.level) for cell in cells} == {(True, 1), (False, 3)}
    assert len({(cell.identity, cell.sentence) for cell in cells}) == len(cells)
    assert all(200 <= cell.sentence < 300 for cell in cells)


@pytest.mark.parametrize("name", ["mead", "mead-full", "smoke"])
def test_reference_clips_are_no_measured_clips(name: str) -> None:
    suite = load_suite(name)
    measured = {(cell.identity, cell.sentence) for cell in suite.cells()}
    extra = suite.reference_cells()
    assert [cell.identity for cell in extra] == list(suite.identity_numbers())
    assert not measured & {(cell.identity, cell.sentence) for cell in extra}


def test_every_method_of_every_suite_loads() -> None:
    for name in suite_names():
        for method in load_suite(name).methods:
            assert load_method(method).inputs


def test_the_methods_of_the_contract_are_there() -> None:
    trained = {"eap", "no-neutralization", "neutralize-first", "no-intensity", "ant"}
    peers = {"atvgnet", "makeittalk", "wav2lip", "pc-avs", "synctalkface", "mead-baseline", "eamm", "eat"}
    assert trained | peers | {"ground-truth", "still-image", "mismatched-audio"} == set(method_names())


def test_only_lip_sync_means_something_for_mismatched_audio() -> None:
    assert load_method("mismatched-audio").metrics == ("lse_c", "lse_d", "av_offset")


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no suite named 'mad'; choose one of mead, mead-full, smoke"):
        load_suite("mad")
    with pytest.raises(ConfigError, match="no method named 'epa'"):
        load_method("epa")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("colour = 1", "colour"),
        ('emotions = ["angry", "joy"]', "emotions"),
        ("levels = [4]", "levels"),
        ('emotions = ["angry", "neutral"]', "two emotions"),
        ("identities = 0", "identities"),
        ("first_sentence = 10", "first_sentence"),
        ("methods = []", "methods"),
        ("= 3", "not TOML"),
    ],
)
def test_a_wrong_suite_file_is_named_with_its_key(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "own.toml"
    base = {"name": '"own"', "title": '"t"', "summary": '"s"', "seconds": "1.0", "identities": "1"}
    base["methods"] = '["eap"]'
    base.pop(line.split(" =")[0], None)
    path.write_text("\n".join([*(f"{key} = {value}" for key, value in base.items()), line]))
    with pytest.raises(ConfigError, match=message) as caught:
        load_suite(str(path))
    assert "own.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_suite_file() -> None:
    with pytest.raises(ConfigError, match=r"cannot read nowhere\.toml"):
        load_suite("nowhere.toml")


def test_a_model_needs_weights(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\ntitle = "t"\nkind = "model"\ninputs = "i"\n')
    with pytest.raises(ConfigError, match="weights"):
        load_method(str(path))


def test_cells_wrap_before_the_reference_sentences() -> None:
    suite = Suite(name="a", title="a", summary="a", seconds=1, identities=24, levels=(1, 2, 3), methods=("eap",))
    assert max(cell.sentence for cell in suite.cells()) < 290
