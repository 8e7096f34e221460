"""Named protocols: what is cropped, how two clips are paired, how frames become a clip's number."""

from __future__ import annotations

from dataclasses import dataclass

from eap.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Protocol:
    """How two clips are brought together before a metric looks at them."""

    name: str
    crop: str
    fps: float
    max_length_difference: int
    """Frames by which generated and reference may differ; the shorter one's length is used. More is a reason."""
    title: str
    eat: bool = False
    """Whether EAT's scripts are followed, see `metrics.eat2023`."""


STRICT = Protocol(
    name="strict",
    crop="frame",
    fps=25.0,
    max_length_difference=1,
    title="nothing dropped silently: whole frames at 25 fps, paired by index, mean per clip, then over clips",
)

EAT_2023 = Protocol(
    name="eat-2023",
    crop="eat128",
    fps=25.0,
    max_length_difference=1_000_000,
    title="as the scripts of EAT's authors compute it, faults included (see metrics.eat2023)",
    eat=True,
)

PROTOCOLS = {item.name: item for item in (STRICT, EAT_2023)}


def get_protocol(name: str) -> Protocol:
    """The protocol of that name. Raises ConfigError naming those there are."""
    if name not in PROTOCOLS:
        raise ConfigError(f"unknown protocol {name!r}", fix=f"choose one of: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
