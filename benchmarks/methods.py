"""Methods: the rows of a table (``methods/*.toml``)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from benchmarks.configs import Strict, find_config
from eap.errors import ConfigError

FOLDER = Path(__file__).parent / "methods"

Kind = Literal["ground-truth", "model", "still", "mismatched", "results", "command"]
Given = Literal["head pose", "emotion label", "video of the emotion"]


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

    given: tuple[Given, ...] = ()
    """What the method is handed of the truth; stands in the table behind its title."""
    source: str = ""
    """File and commit of the method's own command line that this was written from."""
    folder: str | None = None
    """Folder of finished clips, for ``kind = "results"``."""
    command: tuple[str, ...] = ()
    """Arguments of the method's own program, for ``kind = "command"`` (placeholders: ``benchmarks.external``)."""
    timeout: float = Field(default=600, gt=0)
    """Seconds that one clip may take."""
    retries: int = Field(default=1, ge=0, le=10)
    """How often a clip that failed is tried again."""

    @model_validator(mode="after")
    def _external(self) -> Method:
        from benchmarks.external import check_template

        if (self.kind == "command") != bool(self.command):
            raise ValueError("'command' belongs to kind = \"command\", and only to it")
        if self.folder and self.kind != "results":
            raise ValueError("'folder' belongs to kind = \"results\"")
        if self.command:
            check_template(self.command)
        return self

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
        return self.kind in ("model", "still", "command")

    @property
    def described(self) -> tuple[str, ...]:
        """What the report says of the method: its inputs, and where its command line was read."""
        return (self.inputs, f"Source: {self.source}.") if self.source else (self.inputs,)

    @property
    def label(self) -> str:
        """The title as a table shows it: a method that is handed part of the truth says so."""
        return f"{self.title} (given: {', '.join(self.given)})" if self.given else self.title


def load_method(name: str) -> Method:
    """A method by name (``eap``), by path of a ``.toml`` file, or as ``name=DIR``: its finished clips lie in DIR."""
    name, equals, folder = name.partition("=")
    if equals:
        return _from_folder(name, folder)
    method = find_config(name, FOLDER, Method, "method")
    if method.kind == "results" and not method.folder:
        raise ConfigError(f"method '{name}' needs its finished clips", fix=f"give --method {name}=DIR")
    return method


def _from_folder(name: str, folder: str) -> Method:
    if not Path(folder).is_dir():
        raise ConfigError(f"{folder}: no such folder of clips for method '{name}'", fix="give --method NAME=DIR")
    known = find_config(name, FOLDER, Method, "method") if name in method_names() else None
    if known is not None and known.kind not in ("results", "command"):
        raise ConfigError(f"'{name}' is a method of ours, which makes its own clips", fix="choose another name")
    place = str(Path(folder).resolve())
    if known is not None:
        return known.model_copy(update={"kind": "results", "folder": place, "command": ()})
    try:
        return Method(name=name, title=name, kind="results", folder=place, inputs="Finished clips; inputs not stated.")
    except ValidationError as error:
        raise ConfigError(f"'{name}' cannot name a method", fix="use small letters, digits and '-'") from error


def method_names() -> list[str]:
    """Names of the bundled methods."""
    return sorted(entry.stem for entry in FOLDER.glob("*.toml"))
