"""The published teachers as one `FaceReading`, in the place of the embedded world's `FaceTeacher`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor, nn

from eap.errors import WeightsError
from eap.files import sha256_file
from eap.perception.official.convert import source_sha256
from eap.perception.official.efficientnet import WIDTH, HSEmotionB0, load_hsemotion
from eap.perception.official.fan import FAN, FanLandmarks
from eap.perception.official.files import FAN as FAN_FILE
from eap.perception.official.files import HSEMOTION, TEACHERS, VGG19, WeightFile
from eap.perception.official.loading import load_strictly, read_state
from eap.perception.official.vgg import VggTaps, load_vgg
from eap.perception.teachers import FaceReading

NAMES = (FAN_FILE.name, VGG19.name, HSEMOTION.name)


@dataclass(frozen=True)
class TeacherRecord:
    """One line of a trained model's record: an evaluator with one of these hashes must not judge it."""

    name: str
    losses: str
    licence: str
    file: str
    sha256: str
    same_network: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Plain values, for the model's configuration."""
        return asdict(self)


class PublishedTeacher(nn.Module):
    """Landmarks by 2DFAN, taps by VGG19, emotion, valence-arousal and embedding by HSEmotion; frozen, in eval mode.

    Landmarks and taps see the frame as it is; every part resizes for itself. The embedding is HSEmotion's, 1280 wide.
    """

    width = WIDTH

    def __init__(self, landmarks: FanLandmarks, taps: VggTaps, affect: HSEmotionB0) -> None:
        super().__init__()
        self.landmarks, self.taps, self.affect = landmarks, taps, affect
        self.requires_grad_(False)
        self.eval()

    def forward(self, frames: Tensor) -> FaceReading:
        """Read frames (N,3,S,S) in [0,1]; gradients reach the input."""
        affect = self.affect(frames)
        return FaceReading(
            self.landmarks(frames), affect.emotion_logits, affect.va, affect.embedding, self.taps(frames)
        )

    def train(self, mode: bool = True) -> PublishedTeacher:
        """Stay in eval mode whatever is asked: batch statistics must not move."""
        super().train(False)
        return self


def tap_weights(size: int) -> tuple[float, ...]:
    """One for each of VGG19's taps that frames of this size have."""
    scales = sum(round(size * scale) >= 16 for scale in (1.0, 0.5, 0.25, 0.125))
    return (1.0,) * (5 * scales)


def load_published(
    folder: Path, square: tuple[float, float, float], *, stacks: int = 4
) -> tuple[PublishedTeacher, list[TeacherRecord]]:
    """All three from files under their published names in ``folder`` (a converted HSEmotion is preferred).

    ``square``: where faces lie, see `FanLandmarks`. Raises WeightsError naming the file that is missing, is not the
    published one, or does not fit.
    """
    fan_path, vgg_path = _checked(folder, FAN_FILE), _checked(folder, VGG19)
    converted = folder / f"{Path(HSEMOTION.file).stem}.safetensors"
    affect_path = converted if converted.is_file() else _checked(folder, HSEMOTION)
    teacher = PublishedTeacher(
        FanLandmarks(load_strictly(FAN(stacks), read_state(fan_path), fan_path), square),
        load_vgg(vgg_path),
        load_hsemotion(affect_path),
    )
    records = [_record(FAN_FILE.name, fan_path), _record(VGG19.name, vgg_path), _record(HSEMOTION.name, affect_path)]
    return teacher, records


def refuse_same_files(records: Sequence[TeacherRecord], judges: dict[str, str]) -> None:
    """Raise WeightsError when a judge (name -> sha256 of its file) is the file, or the network, of a teacher."""
    for judge, sha256 in sorted(judges.items()):
        for record in records:
            if sha256 and sha256 in (record.sha256, *record.same_network):
                raise WeightsError(
                    f"{judge}: is the teacher {record.name!r} ({record.file})",
                    fix="judge by another network, or teach by another one",
                )


def _checked(folder: Path, item: WeightFile) -> Path:
    path = folder / item.file
    if not path.is_file():
        raise WeightsError(
            f"{path}: no such file: {item.purpose}",
            fix=f"fetch it with 'eap-bench weights fetch {item.name}', or copy it there",
        )
    if item.sha256 or item.sha256_begins:
        found = sha256_file(path)
        if not found.startswith(item.sha256 or item.sha256_begins):
            raise WeightsError(
                f"{path}: sha256 is {found[:12]}..., not the published file's", fix="fetch it again from its publisher"
            )
    return path


def _record(name: str, path: Path) -> TeacherRecord:
    role = TEACHERS[name]
    return TeacherRecord(name, role.losses, role.file.licence, path.name, source_sha256(path), tuple(role.same_network))
