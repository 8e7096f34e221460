"""Weights come back as they were stored, or not at all."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from eap.bundle import store
from eap.bundle.store import WeightsMeta
from eap.errors import WeightsError

META = WeightsMeta("evaluator", "Linear", 7, (1000, 1001), {"accuracy": 0.5}, {"width": 3})


def test_round_trip_keeps_numbers_to_float16_and_integers_exactly(tmp_path: Path) -> None:
    state = {"w": torch.tensor([0.1, -2.0]), "count": torch.tensor(70000)}
    entry = store.save_weights("judge", state, META, folder=tmp_path)
    loaded = store.load_weights("judge", tmp_path)
    assert loaded["w"].dtype == torch.float32
    assert torch.equal(loaded["w"], state["w"].half().float())
    assert int(loaded["count"]) == 70000
    assert store.read_manifest(tmp_path) == {"judge": entry}
    assert entry.meta == META


def test_storing_again_replaces_and_others_stay(tmp_path: Path) -> None:
    store.save_weights("a", {"w": torch.zeros(2)}, META, folder=tmp_path)
    store.save_weights("b", {"w": torch.ones(2)}, META, folder=tmp_path)
    store.save_weights("a", {"w": torch.full((2,), 2.0)}, META, folder=tmp_path)
    assert store.load_weights("a", tmp_path)["w"].tolist() == [2.0, 2.0]
    assert store.load_weights("b", tmp_path)["w"].tolist() == [1.0, 1.0]
    assert store.verify(tmp_path) == []


def test_flipped_byte_is_refused(tmp_path: Path) -> None:
    entry = store.save_weights("judge", {"w": torch.zeros(8)}, META, folder=tmp_path)
    path = tmp_path / entry.file
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(WeightsError, match="sha256"):
        store.load_weights("judge", tmp_path)
    assert len(store.verify(tmp_path)) == 1


def test_foreign_file_is_refused_even_when_the_manifest_names_it(tmp_path: Path) -> None:
    entry = store.save_weights("judge", {"w": torch.zeros(8)}, META, folder=tmp_path)
    (tmp_path / entry.file).write_bytes(b"not weights at all")
    manifest = json.loads((tmp_path / store.MANIFEST).read_text())
    manifest["judge"]["sha256"] = hashlib.sha256(b"not weights at all").hexdigest()
    (tmp_path / store.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="not a safetensors file"):
        store.load_weights("judge", tmp_path)


def test_missing_file_and_unknown_name_are_told(tmp_path: Path) -> None:
    entry = store.save_weights("judge", {"w": torch.zeros(8)}, META, folder=tmp_path)
    with pytest.raises(WeightsError, match=r"no weights 'jugde'.*there: judge"):
        store.load_weights("jugde", tmp_path)
    (tmp_path / entry.file).unlink()
    with pytest.raises(WeightsError, match="No such file"):
        store.load_weights("judge", tmp_path)


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": {"file": 1}}', '{"a": 3}'])
def test_damaged_manifest_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / store.MANIFEST).write_text(text)
    with pytest.raises(WeightsError, match="damaged manifest"):
        store.read_manifest(tmp_path)
    assert len(store.verify(tmp_path)) == 1


def test_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert store.read_manifest(tmp_path) == {}
    with pytest.raises(WeightsError, match="there: nothing"):
        store.find_entry("judge", tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_numbers_float16_cannot_hold_are_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(WeightsError, match="w holds NaN"):
        store.save_weights("judge", {"w": torch.tensor([value])}, META, folder=tmp_path)
    assert list(tmp_path.glob("*.safetensors")) == []


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b"])
def test_names_that_are_no_file_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError, match="cannot name"):
        store.save_weights(name, {"w": torch.zeros(1)}, META, folder=tmp_path)


def test_unknown_role_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="unknown role"):
        store.save_weights("a", {"w": torch.zeros(1)}, replace(META, role="judge"), folder=tmp_path)  # type: ignore[arg-type]


def test_too_large_a_file_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    assert store.MAX_FILE_BYTES == 16 << 20
    with pytest.raises(WeightsError, match="the limit is 1000"):
        store.save_weights("a", {"w": torch.zeros(1000)}, META, folder=tmp_path, limit=1000)
    assert list(tmp_path.iterdir()) == []


def test_load_into_checks_architecture_and_shapes(tmp_path: Path) -> None:
    source = nn.Linear(3, 2)
    store.save_weights("lin", source, META, folder=tmp_path)
    target = nn.Linear(3, 2)
    store.load_into(target, "lin", tmp_path)
    assert torch.equal(target.weight, source.weight.half().float())
    with pytest.raises(WeightsError, match="do not fit Linear"):
        store.load_into(nn.Linear(4, 2), "lin", tmp_path)
    with pytest.raises(WeightsError, match="for Linear, not Conv2d"):
        store.load_into(nn.Conv2d(3, 2, 1), "lin", tmp_path)


def test_tensors_of_the_base_are_stored_once(tmp_path: Path) -> None:
    big = torch.randn(5000, generator=torch.Generator().manual_seed(0))
    base = store.save_weights("ant", {"frozen": big, "head": torch.zeros(3)}, META, folder=tmp_path)
    entry = store.save_weights("eap", {"frozen": big, "head": torch.ones(3)}, META, base="ant", folder=tmp_path)
    assert entry.from_base == ("frozen",)
    assert entry.bytes < base.bytes / 10
    loaded = store.load_weights("eap", tmp_path)
    assert torch.equal(loaded["frozen"], big.half().float())
    assert loaded["head"].tolist() == [1.0, 1.0, 1.0]


def test_replacing_the_base_is_noticed(tmp_path: Path) -> None:
    store.save_weights("ant", {"w": torch.zeros(3)}, META, folder=tmp_path)
    store.save_weights("eap", {"w": torch.zeros(3)}, META, base="ant", folder=tmp_path)
    store.save_weights("ant", {"w": torch.ones(3)}, META, folder=tmp_path)
    with pytest.raises(WeightsError, match="its base 'ant' was replaced"):
        store.load_weights("eap", tmp_path)


def test_stray_weights_are_found(tmp_path: Path) -> None:
    (tmp_path / "stray.safetensors").write_bytes(b"")
    assert store.verify(tmp_path) == ["stray.safetensors: not in the manifest"]


def _pair(tmp_path: Path, **judge: object) -> tuple[store.WeightsEntry, store.WeightsEntry]:
    teacher = store.save_weights(
        "teacher", {"w": torch.zeros(2)}, WeightsMeta("teacher", "FaceTeacher", 1, (1, 2)), folder=tmp_path
    )
    meta = replace(WeightsMeta("evaluator", "EmotionJudge", 11, (1001, 1002)), **judge)  # type: ignore[arg-type]
    return teacher, store.save_weights("judge", {"w": torch.ones(2)}, meta, folder=tmp_path)


def test_independent_teacher_and_judge_pass(tmp_path: Path) -> None:
    teacher, judge = _pair(tmp_path)
    store.refuse_same(teacher, judge)
    assert store.verify(tmp_path) == []


@pytest.mark.parametrize(
    ("judge", "why"),
    [
        ({"architecture": "FaceTeacher"}, "same architecture"),
        ({"seed": 1}, "same seed"),
        ({"identities": (2, 1001)}, "1 identities in both"),
        ({"role": "teacher"}, "is teacher, not evaluator"),
    ],
)
def test_accomplices_are_refused(tmp_path: Path, judge: dict[str, object], why: str) -> None:
    teacher, other = _pair(tmp_path, **judge)
    with pytest.raises(WeightsError, match=why):
        store.refuse_same(teacher, other)


def test_same_weights_are_refused_in_both_roles(tmp_path: Path) -> None:
    teacher, judge = _pair(tmp_path)
    with pytest.raises(WeightsError, match="same weights"):
        store.refuse_same(teacher, replace(judge, sha256=teacher.sha256))
    with pytest.raises(WeightsError, match="not evaluator"):
        store.refuse_same(teacher, teacher)


def test_the_projects_own_bundle_is_sound() -> None:
    assert store.verify() == []
