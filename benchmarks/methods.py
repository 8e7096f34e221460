"""Methods: the rows of a table (``methods/*.toml``)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from benchmarks.configs import Strict, find_config

FOLDER = Path(__file__).parent / "methods"

Kind = Literal["ground-truth", "model", "still", "mismatched"]


class Method(Strict):
    """What one method file says."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    kind: Kind
    inputs: str
    """In words: what the method was given to make a clip. Stands in the report beside the row."""
    weights: str | None = None
    """Name in the bundle, for ``kind = "model"``."""
    neutralized_by: str | None = None
    """Weights that first make the reference image neutral, before the method sees it (the paper's "pre-processing")."""
    role: Literal["ceiling", "proposed", "ablation", "floor", "method"] = "method"
    metrics: tuple[str, ...] = ()
    """The only metrics that mean something for this row; empty means all."""
    neutral: bool = False
    """Whether the result ought to show no emotion, whatever the voice: then how neutral it is is measured too."""

    @model_validator(mode="after")
    def _weights_for_models(self) -> Method:
        if (self.kind == "model") != (self.weights is not None):
            raise ValueError("'weights' belongs to kind = \"model\", and only to it")
        if self.neutralized_by and self.kind != "model":
            raise ValueError("'neutralized_by' belongs to kind = \"model\"")
        return self

    @property
    def all_weights(self) -> tuple[str, ...]:
        """Every name in the bundle that the method needs."""
        return tuple(name for name in (self.weights, self.neutralized_by) if name)

    @property
    def uses_reference(self) -> bool:
        """Whether the clip depends on the reference image, so that each track has a clip of its own."""
        return self.kind in ("model", "still")


def load_method(name: str) -> Method:
    """A method by name (``eap``) or by path of a ``.toml`` file."""
    return find_config(name, FOLDER, Method, "method")


def method_names() -> list[str]:
    """Names of the bundled methods."""
    return sorted(entry.stem for entry in FOLDER.glob("*.toml"))
