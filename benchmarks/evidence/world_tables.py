"""Tables of the embedded world's settings as Markdown, read from the code itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eap.constants import EMOTIONS, LEVELS


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])


def _plain(value: float) -> str:
    return f"{value:g}"


def anchors() -> str:
    """Valence, arousal and intensity of every emotion at alpha = 1, with gaze and liveliness."""
    from eap.synth.affect import AFFECTS

    rows = []
    for emotion in EMOTIONS:
        affect = AFFECTS[emotion]
        radius = (affect.valence**2 + affect.arousal**2) ** 0.5
        gaze = ", ".join(_plain(angle) for angle in affect.gaze)
        rows.append([emotion, _plain(affect.valence), _plain(affect.arousal), f"{radius:.2f}", gaze])
        rows[-1].append(_plain(affect.liveliness))
    head_row = ["emotion", "valence", "arousal", "r", "gaze yaw, pitch", "liveliness"]
    return _table(head_row, rows)


def units() -> str:
    """Action units of every emotion at alpha = 1."""
    from eap.synth.affect import AFFECTS

    rows = []
    for emotion in EMOTIONS:
        found = AFFECTS[emotion].units
        rows.append([emotion, ", ".join(f"{name} {_plain(value)}" for name, value in found.items()) or "none"])
    return _table(["emotion", "action units at alpha = 1"], rows)


def prosody() -> str:
    """Voice settings of every emotion at alpha = 1; what equals the neutral voice is left empty."""
    from eap.synth.affect import AFFECTS
    from eap.synth.prosody import PROSODY_NAMES

    neutral = AFFECTS["neutral"].voice
    rows = []
    for name in PROSODY_NAMES:
        usual = getattr(neutral, name)
        values = [getattr(AFFECTS[emotion].voice, name) for emotion in EMOTIONS]
        cells = [
            _plain(value) if emotion == "neutral" or value != usual else ""
            for emotion, value in zip(EMOTIONS, values, strict=True)
        ]
        rows.append([f"`{name}`", *cells])
    return _table(["setting", *EMOTIONS], rows)


def levels() -> str:
    """Largest alpha of a clip by level."""
    from eap.synth.affect import LEVEL_PEAKS

    return _table(["level", "peak alpha"], [[str(k), _plain(p)] for k, p in zip(LEVELS, LEVEL_PEAKS, strict=True)])


def views() -> str:
    """What the head shows to each camera."""
    from eap.synth.performance import VIEW_ANGLES

    return _table(
        ["view", "yaw (rad)", "pitch (rad)"],
        [[name, _plain(yaw), _plain(pitch)] for name, (yaw, pitch) in VIEW_ANGLES.items()],
    )


def phonemes() -> str:
    """Every phoneme: kind, formants, duration, and the viseme."""
    from eap.synth.phonemes import PHONEMES, VISEME_CHANNELS

    rows = []
    for symbol, phoneme in PHONEMES.items():
        mouth = [
            f"{channel} {_plain(value)}" for channel, value in zip(VISEME_CHANNELS, phoneme.mouth, strict=True) if value
        ]
        formants = " ".join(_plain(f) for f in phoneme.formants)
        rows.append([symbol, phoneme.kind.value, formants, _plain(phoneme.duration), ", ".join(mouth) or "rest"])
    return _table(["phoneme", "kind", "F1 F2 F3 (Hz)", "ms", "viseme"], rows)


def action_units() -> str:
    """The columns of `au`, in order."""
    from eap.synth.action_units import AU_NAMES

    return ", ".join(f"`{name}`" for name in AU_NAMES)


TABLES: dict[str, Callable[[], str]] = {
    "anchors": anchors,
    "units": units,
    "prosody": prosody,
    "levels": levels,
    "views": views,
    "phonemes": phonemes,
    "action-units": action_units,
}
"""Tables by the name documents ask for them with."""
