"""Which clips of MEAD are for training and which for testing, by the rules in use, or by a list file.

Sources: yuangan/evaluation_eat at e39b004 (`preprocess.py`, README: four identities, level 3 and neutral); EDTalk at
06a9a96 (`data_preprocess/lists/test.json`: the same four at all levels, but of M030 only four emotions); uniBruce/Mead
at cbdd2e0 (README: the last 10 neutral and the last 6 of each other emotion, per level).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from eap.constants import EMOTIONS, NEUTRAL
from eap.data.clip import Clip, Manifest, clip_id
from eap.errors import DataError

TEST_IDENTITIES: Final = ("M003", "M030", "W009", "W015")
"""MEAD's test identities in EAT (its author confirms them in EAT_code issue 17), and since then in others' work."""
RULES: Final = ("eat", "edtalk", "mead-readme")
EDTALK_M030: Final = ("happy", "neutral", "sad", "surprised")
"""The emotions that EDTalk's list has of M030."""
LAST_NEUTRAL: Final = 10
LAST_OTHER: Final = 6

Part = Literal["train", "test", "neither"]
_SHORT = {emotion[:3]: emotion for emotion in EMOTIONS}
_EAT = re.compile(r"(?P<identity>[MW][0-9]+)_(?P<emotion>[a-z]{3})_(?P<level>[1-3])_(?P<sentence>[0-9]+)")
_EDTALK = re.compile(r"(?P<identity>[MW][0-9]+)#(?P<emotion>[a-z]+)#level_(?P<level>[1-3])#(?P<sentence>[0-9]+)")
_PATH = re.compile(
    r"(?:.*/)?(?P<identity>[^/]+)/(?:video|1|2)/(?P<view>[^/]+)/(?P<emotion>[a-z]+)/level_(?P<level>[1-3])/"
    r"(?P<sentence>[0-9]+)"
)


@dataclass(frozen=True)
class Split:
    """A manifest in two parts that share no clip. neither: clips that the rule puts into no part. absent: lines of a
    list file for which the manifest has no clip."""

    rule: str
    train: Manifest
    test: Manifest
    neither: Manifest
    absent: tuple[str, ...] = ()


def split(manifest: Manifest, rule: str | Path) -> Split:
    """Split by `eat`, `edtalk`, `mead-readme`, or a list file of the test clips.

    eat: test is level 3 and neutral of the four identities; their levels 1 and 2 belong to neither part, and all other
    identities are for training. edtalk: all levels of the four, of M030 only four emotions, the rest of it to neither.
    mead-readme: by sentence, all identities on both sides. List file: one name a line (or a JSON list), as clip id,
    path in the MEAD layout, EAT's `M003_ang_3_001` or EDTalk's `M003#angry#level_1#001.mp4` (the last two mean the
    front view); clips that are not listed are for training. Raises DataError when nothing is left for testing.
    """
    absent: tuple[str, ...] = ()
    if str(rule) in RULES:
        part = _RULES[str(rule)](manifest)
    else:
        listed, absent = _listed(Path(rule), manifest)
        part = lambda clip: "test" if clip.id in listed else "train"  # noqa: E731
    parts: dict[Part, list[Clip]] = {"train": [], "test": [], "neither": []}
    for clip in manifest.clips:
        parts[part(clip)].append(clip)
    if not parts["test"]:
        raise DataError(
            f"{manifest.root}: the split '{rule}' leaves no clip for testing among {len(manifest)}",
            fix=f"take another of {', '.join(RULES)} (the first two need {', '.join(TEST_IDENTITIES)}), or a list file",
        )
    train, test, neither = (replace(manifest, clips=tuple(parts[name])) for name in ("train", "test", "neither"))
    return Split(str(rule), train, test, neither, absent)


Rule = Callable[[Clip], Part]


def _eat(manifest: Manifest) -> Rule:
    def part(clip: Clip) -> Part:
        if clip.identity not in TEST_IDENTITIES:
            return "train"
        return "test" if clip.level == 3 or clip.emotion == EMOTIONS[NEUTRAL] else "neither"

    return part


def _edtalk(manifest: Manifest) -> Rule:
    def part(clip: Clip) -> Part:
        if clip.identity not in TEST_IDENTITIES:
            return "train"
        return "neither" if clip.identity == "M030" and clip.emotion not in EDTALK_M030 else "test"

    return part


def _mead_readme(manifest: Manifest) -> Rule:
    """Counted among the sentences there are of a person, emotion and level, in any view and usable or not, so that a
    damaged file does not move another one over."""
    sentences: dict[tuple[str, str | None, int | None], set[str]] = {}
    for clip in manifest.clips:
        sentences.setdefault((clip.identity, clip.emotion, clip.level), set()).add(clip.sentence)
    for item in manifest.rejected:
        if matched := _PATH.fullmatch(item.path.with_suffix("").as_posix()):
            key = (matched["identity"], matched["emotion"], int(matched["level"]))
            sentences.setdefault(key, set()).add(matched["sentence"])

    def part(clip: Clip) -> Part:
        count = LAST_NEUTRAL if clip.emotion == EMOTIONS[NEUTRAL] else LAST_OTHER
        own = sorted(sentences[(clip.identity, clip.emotion, clip.level)])
        return "test" if clip.sentence in own[-count:] else "train"

    return part


_RULES: dict[str, Callable[[Manifest], Rule]] = {"eat": _eat, "edtalk": _edtalk, "mead-readme": _mead_readme}


def _listed(path: Path, manifest: Manifest) -> tuple[set[str], tuple[str, ...]]:
    """Ids of the listed clips, and the lines for which there is none."""
    known = {clip.id for clip in manifest.clips}
    found: set[str] = set()
    absent: list[str] = []
    for line in _lines(path):
        name = line if line in known else _clip_of(line, path)
        if name in known:
            found.add(name)
        else:
            absent.append(line)
    return found, tuple(absent)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        fix = f"give one of {', '.join(RULES)}, or a list file in UTF-8"
        raise DataError(f"{path}: no such rule, and no file that can be read", fix=fix) from error
    if path.suffix.lower() != ".json":
        return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        listed = json.loads(text)
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error})", fix="give a JSON list of names") from error
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise DataError(f"{path}: not a list of names", fix="give a JSON list of names")
    return listed


def _clip_of(line: str, path: Path) -> str:
    """The clip id that a line means; the line itself where it has none of the known forms."""
    stem = re.sub(r"\.(mp4|wav|m4a|npy)$", "", line)
    for pattern in (_EAT, _EDTALK, _PATH):
        if matched := pattern.fullmatch(stem):
            parts = matched.groupdict()
            emotion = _SHORT.get(parts["emotion"], parts["emotion"])
            if emotion not in EMOTIONS:
                raise DataError(f"{path}: unknown emotion in {line!r}", fix=f"use {', '.join(EMOTIONS)}")
            return clip_id(
                parts["identity"], parts.get("view") or "front", emotion, int(parts["level"]), parts["sentence"]
            )
    return stem
