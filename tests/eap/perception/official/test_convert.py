"""A pickled timm module gives its tensors and runs nothing; timm itself is not needed."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from benchmarks.evidence.recipe import recipe_state
from eap.errors import WeightsError
from eap.files import sha256_file
from eap.perception.official.convert import convert, read_pickled_module, source_sha256
from eap.perception.official.efficientnet import HSEmotionB0, load_hsemotion

ROOT = Path(__file__).resolve().parents[4]

WRITE = """
import sys, types, torch
from torch import nn
from benchmarks.evidence.recipe import recipe_state
from eap.perception.official import efficientnet as ours
target, flaw = sys.argv[1:]
# Modules that exist in this process alone, with the names that timm's classes have.
made = {}
blocks = ["InvertedResidual", "DepthwiseSeparableConv", "SqueezeExcite"]
for place, names in {"timm.models.efficientnet": ["EfficientNet"], "timm.layers.conv2d_same": ["Conv2dSame"],
                     "timm.models._efficientnet_blocks": blocks}.items():
    parts = place.split(".")
    for i in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
    for name in names:
        cls = type(name, (nn.Module,), {"__module__": place})
        setattr(sys.modules[place], name, cls)
        made[name] = cls
twin = {"HSEmotionB0": "EfficientNet", "SameConv": "Conv2dSame", "FirstBlock": "DepthwiseSeparableConv",
        "InvertedResidual": "InvertedResidual", "SqueezeExcite": "SqueezeExcite"}
net = ours.HSEmotionB0()
net.load_state_dict(recipe_state(net.state_dict()))
net.__dict__["_buffers"] = {}
if flaw == "sequential":
    net.classifier = nn.Sequential(net.classifier)
if flaw == "epsilon":
    net.bn1.eps = 1e-5
for module in list(net.modules()):
    if type(module).__name__ in twin and type(module).__module__ == ours.__name__:
        module.__class__ = made[twin[type(module).__name__]]
torch.save(net, target)
"""


def write(path: Path, flaw: str) -> Path:
    command = [sys.executable, "-c", WRITE, str(path), flaw]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("published") / "enet_b0_8_va_mtl.pt", "sequential")


def test_a_plain_load_refuses_such_a_file(published: Path) -> None:
    with pytest.raises(pickle.UnpicklingError):
        torch.load(published, weights_only=True)
    assert "timm" not in sys.modules


def test_the_tensors_come_out_bit_for_bit_and_the_classifier_is_one_layer(published: Path, tmp_path: Path) -> None:
    expected = recipe_state(HSEmotionB0().state_dict())
    found = read_pickled_module(published)
    assert set(found) == set(expected)
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    target = convert(published, tmp_path / "out.safetensors")
    stored = load_file(target)
    assert all(torch.equal(stored[key], expected[key]) for key in expected)
    assert source_sha256(target) == sha256_file(published) == source_sha256(published)
    frames = torch.rand(1, 3, 64, 64)
    for path in (published, target):
        assert torch.equal(load_hsemotion(path)(frames).va, load_hsemotion(target)(frames).va)


def test_another_epsilon_is_another_network(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not the TensorFlow variant"):
        read_pickled_module(write(tmp_path / "x.pt", "epsilon"))


class Evil:
    """Runs a command when it is unpickled by the usual means."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        import os

        return os.system, (f"touch {self.target}",)


def test_a_file_that_would_run_something_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    torch.save({"model": Evil(tmp_path / "ran")}, tmp_path / "evil.pt")
    with pytest.raises(WeightsError, match=r"names (posix|nt)\.system: running code from a weight file is refused"):
        read_pickled_module(tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()


def test_other_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        read_pickled_module(tmp_path / "nothing.pt")
    (tmp_path / "noise.pt").write_bytes(b"noise" * 100)
    with pytest.raises(WeightsError, match="damaged, or not a weight file"):
        read_pickled_module(tmp_path / "noise.pt")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "linear.pt")
    with pytest.raises(WeightsError, match=r"holds torch\.nn\.modules\.linear\.Linear, not a pickled EfficientNet"):
        read_pickled_module(tmp_path / "linear.pt")
    torch.save({"a": torch.zeros(2)}, tmp_path / "dict.pt")
    with pytest.raises(WeightsError, match="holds dict, not a pickled EfficientNet"):
        read_pickled_module(tmp_path / "dict.pt")
