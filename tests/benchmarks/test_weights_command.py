"""``eap-bench weights``: the files of the official evaluators."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eap.bundle.store import WeightsMeta, save_weights
from eap.files import sha256_file
from eap.perception.official.files import WeightFile
from metrics.evaluators import weights
from tests.benchmarks.calling import Call
from tests.metrics.evaluators.liar import serving

BODY = b"weights" * 3000


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two published files, one of them without a hash."""
    import hashlib

    sha256 = hashlib.sha256(BODY).hexdigest()
    listed = (
        WeightFile("pinned", "pinned.pth", "http://127.0.0.1:9/pinned.pth", "a test", "none", len(BODY), sha256),
        WeightFile("loose", "loose.npy", "http://127.0.0.1:9/loose.npy", "a test", "none"),
    )
    monkeypatch.setattr(weights, "FILES", listed)
    monkeypatch.setenv("EAP_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def test_list(files: Path, call: Call) -> None:
    said = json.loads(call("weights", "list", "--json").out)
    assert said["folder"] == str(files)
    assert [(item["name"], item["present"]) for item in said["official"]] == [("pinned", False), ("loose", False)]
    assert "pinned" in call("weights", "list").out


def test_fetch_then_verify(files: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(BODY, "drop", "fine") as liar:
        monkeypatch.setenv("EAP_WEIGHTS_URL", liar.url)
        said = call("weights", "fetch")
        assert (said.code, liar.paths[-1]) == (0, "/loose.npy")
        assert "2 of 2 file(s), about 0 MB, to" in said.err
    assert (files / "pinned.pth").read_bytes() == BODY
    again = json.loads(call("weights", "fetch", "--json").out)["fetched"]
    assert [item["from"] for item in again] == ["there", "there"]
    states = json.loads(call("weights", "verify", "--json").out)["official"]
    assert [(i["state"], i["detail"]) for i in states] == [("ok", ""), ("ok", "trusted on first use")]
    (files / "loose.npy").write_bytes(BODY[1:])
    said = call("weights", "verify")
    assert said.code == 1
    assert "loose.npy: sha256 is" in said.err


def test_fetch_from_a_folder(files: Path, call: Call, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    said = call("weights", "fetch", "pinned", "--from", stick)
    assert (said.code, said.err.strip()) == (2, f"error: {stick}: no such folder; give the folder that holds the files")
    stick.mkdir()
    (stick / "pinned.pth").write_bytes(BODY)
    assert call("weights", "fetch", "pinned", "--from", stick).code == 0
    assert call("weights", "verify", "pinned").code == 0
    said = call("weights", "verify", "loose")
    assert (said.code, said.err.strip()) == (1, f"{files / 'loose.npy'}: no such file")


def test_unreachable_and_unknown(files: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    said = call("weights", "fetch", "best")
    assert (said.code, said.err.strip()) == (2, "error: unknown weights 'best'; choose from: pinned, loose")
    with serving(BODY, "404") as liar:
        monkeypatch.setenv("EAP_WEIGHTS_URL", liar.url)
        said = call("weights", "fetch", "pinned", "--json")
        assert said.code == 2
        assert "pinned.pth: the server answered 404 Not Found; set EAP_WEIGHTS_URL to a mirror" in said.err
    assert not (files / "pinned.pth").exists()


def test_verify_names_a_file_that_taught_a_model(
    files: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    files.mkdir()
    (files / "pinned.pth").write_bytes(BODY)
    taught = WeightsMeta("model", "Talker", 1, config={"teachers": {"L_lip": sha256_file(files / "pinned.pth")}})
    save_weights("mine", {"w": torch.zeros(2)}, taught, folder=tmp_path / "bundle")
    monkeypatch.setattr("eap.bundle.store.BUNDLE_DIR", tmp_path / "bundle")
    said = call("weights", "verify")
    assert said.code == 1
    assert "pinned: taught the model 'mine'" in said.err
