"""Which published files the teachers of real-face trainings are, and which evaluators hold the same network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eap.errors import ConfigError


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One published file."""

    name: str
    """What it is called here and on the command line."""
    file: str
    """Its published file name, under which it is stored."""
    url: str
    purpose: str
    licence: str
    bytes: int | None = None
    sha256: str = ""
    """Empty: no hash is published; the first fetch is trusted and recorded."""
    sha256_begins: str = ""
    """First digits of the hash, where the file's name carries them (torch.hub's custom) and no more is published."""


FAN: Final = WeightFile(
    "fan",
    "2DFAN4-11f355bf06.pth.tar",
    "https://www.adrianbulat.com/downloads/python-fan/2DFAN4-11f355bf06.pth.tar",
    "2DFAN landmarks (face-alignment)",
    "BSD-3-Clause",
    95_641_761,
    "11f355bf0693120222f5955ce3f9dc8fb5763ebb30a47d7906e509490d32e4aa",
)
VGG19: Final = WeightFile(
    "vgg19",
    "vgg19-dcbb9e9d.pth",
    "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
    "VGG19 (torchvision), teacher of L_per",
    "BSD-3-Clause; trained on ImageNet (research use)",
    None,
    sha256_begins="dcbb9e9d",
)
HSEMOTION: Final = WeightFile(
    "hsemotion-teacher",
    "enet_b0_8_va_mtl.pt",
    "https://github.com/HSE-asavchenko/face-emotion-recognition/raw/main/models/affectnet_emotions/enet_b0_8_va_mtl.pt",
    "HSEmotion with gradients: teacher F of L_inten",
    "Apache-2.0; trained on AffectNet (research use)",
)


@dataclass(frozen=True)
class TeacherRole:
    """A published file inside a loss, and the evaluators (by name) that would be its accomplices."""

    file: WeightFile
    losses: str
    evaluators: tuple[str, ...] = ()
    same_network: tuple[str, ...] = ()
    """sha256 of published files that hold the same network in another form."""


TEACHERS: Final[dict[str, TeacherRole]] = {
    FAN.name: TeacherRole(FAN, "L_lip, L_aux-face", ("fan",)),
    VGG19.name: TeacherRole(VGG19, "L_per"),
    HSEMOTION.name: TeacherRole(
        HSEMOTION,
        "L_inten, L_aux-va, L_aux-look, pseudo labels r",
        ("hsemotion-va",),
        ("c43e056ad388d4a8dc911832b8291435b2af537f967e5870ebd731574ec7e812",),
    ),
}
"""By name. AVCE, which the paper most likely used, is not among them: its public copy lacks the encoder's weights."""


def refuse_accomplices(teachers: tuple[str, ...], judges: tuple[str, ...]) -> None:
    """Raise ConfigError when a network that will judge the trained model is one that teaches it."""
    for name in teachers:
        if name not in TEACHERS:
            raise ConfigError(f"no teacher {name!r}", fix=f"use one of {', '.join(TEACHERS)}")
        for judge in judges:
            if judge in (name, *TEACHERS[name].evaluators):
                raise ConfigError(
                    f"{name!r} cannot teach what {judge!r} judges: they are the same network",
                    fix="judge by another one (landmarks: mediapipe; emotion: hsemotion-b2), or teach by another one",
                )
