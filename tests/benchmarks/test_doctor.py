from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cli import doctor
from tests.benchmarks.calling import Call
from tests.benchmarks.small_bundle import write_bundle


@pytest.fixture(autouse=True)
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small bundle, folders of one's own, no device asked for."""
    write_bundle(tmp_path / "bundle")
    monkeypatch.setattr("eap.bundle.store.BUNDLE_DIR", tmp_path / "bundle")
    monkeypatch.setenv("EAP_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("EAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EAP_DEVICE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "bundle"


def _looked(call: Call, *arguments: object) -> tuple[int, dict[str, dict[str, Any]]]:
    said = call("doctor", "--json", *arguments)
    found = json.loads(said.out)
    assert found["ok"] == (said.code == 0)
    return said.code, {check["name"]: check for check in found["checks"]}


def test_everything_is_looked_at_and_what_is_not_needed_is_no_fault(call: Call) -> None:
    code, checks = _looked(call)
    assert code == 0
    assert list(checks) == [
        "python", "packages", "device", "video", "weights", "official weights", "extras", "cache folder", "this folder",
    ]  # fmt: skip
    assert checks["official weights"]["ok"]
    assert checks["official weights"]["detail"].startswith("0 of ")
    assert "eap-bench weights fetch syncnet inception" in checks["official weights"]["fix"]
    assert "no ffmpeg program needed" in checks["video"]["detail"]
    said = call("doctor").out
    assert "WRONG" not in said
    assert "-> for real faces: eap-bench weights fetch" in said


def test_a_damaged_official_file_and_a_damaged_bundle_say_what_to_do(call: Call, tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "syncnet_v2.model").write_bytes(b"not it")
    (bundle / "eap.safetensors").unlink()
    code, checks = _looked(call)
    assert code == 1
    assert {name for name, check in checks.items() if not check["ok"]} == {"weights", "official weights"}
    assert "has 6 bytes" in checks["official weights"]["detail"]
    assert checks["official weights"]["fix"] == "delete what is named, then: eap-bench weights fetch syncnet"
    assert "eap.safetensors" in checks["weights"]["detail"]
    assert "git checkout" in checks["weights"]["fix"]


def test_a_device_that_is_not_there(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EAP_DEVICE", "warp:9")
    code, checks = _looked(call)
    assert code == 1
    assert checks["device"]["detail"].startswith("EAP_DEVICE=warp:9 cannot be used: ")
    assert "unset EAP_DEVICE" in checks["device"]["fix"]


def test_data_folders_by_option_and_by_settings(call: Call, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    (clips / "a.mp4").write_bytes(b"a video, by its name")
    (clips / "b.mp4").write_bytes(b"")
    code, checks = _looked(call, "--data", clips, "--layout", "folder")
    assert code == 0
    found = checks[f"data {clips}"]
    assert found["detail"].startswith("folder, 1 clips of ")
    assert found["detail"].endswith("1 unusable")
    assert found["fix"] == f"see which: eap-bench data verify {clips} --layout folder"
    Path("eap-bench.toml").write_text(f'[run]\ndata = "{clips}"\n')
    code, checks = _looked(call)
    assert code == 1
    assert "a MEAD folder holds" in checks[f"data {clips}"]["fix"]
    assert "holds no identity folder" in checks[f"data {clips}"]["detail"]


def test_a_full_disk(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: whole._replace(free=doctor.LEAST_ROOM - 1))
    code, checks = _looked(call)
    assert code == 1
    assert {name for name, check in checks.items() if not check["ok"]} == {"cache folder", "this folder"}
    assert checks["cache folder"]["fix"].startswith("eap-bench cache clear")
