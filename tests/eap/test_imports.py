"""Light imports: what must load where little is installed, and what must not load at start-up."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKED = [
    "av",
    "cv2",
    "pandas",
    "pyarrow",
    "librosa",
    "matplotlib",
    "seaborn",
    "rich",
    "click",
    "pydantic",
    "jinja2",
    "skimage",
    "onnxruntime",
    "PIL",
]

GUARD = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {blocked!r}:
            raise ImportError(name + ' must not be needed here')
sys.meta_path.insert(0, Block())
"""


def run(code: str, blocked: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GUARD.format(blocked=blocked) + code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-800:]


def test_training_needs_numpy_scipy_torch_and_safetensors_alone() -> None:
    run("import eap.training.bundle, eap.training.loop, eap.perception.fit, eap.synth.arrays, eap.acoustics", BLOCKED)
    run("import eap.training.real, eap.perception.official.teacher", BLOCKED)


def test_the_embedded_world_needs_numpy_and_scipy_alone() -> None:
    run("import eap.synth.clip, eap.synth.dataset, eap.synth.face", [*BLOCKED, "torch", "safetensors"])


@pytest.mark.parametrize("package", ["eap", "metrics", "reports", "benchmarks.cli"])
def test_a_package_opens_without_heavy_imports(package: str) -> None:
    heavy = ["torch", "librosa", "matplotlib", "pandas", "scipy", "av", "cv2", "skimage"]
    run(f"import {package}", heavy)
