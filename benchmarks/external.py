"""Other people's methods: finding their finished clips, and running their own programs in their own environment.

Placeholders of a command: {python} and {repo} come from EAP_<NAME>_PYTHON and EAP_<NAME>_REPO; {image}, {audio} (wav,
16 kHz) and {video} are the inputs of a clip, {emotion} its label, {out} the file to write. No shell is involved.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from eap import media
from eap.constants import RATE
from eap.data.clip import Clip
from eap.errors import ConfigError, DataError, MediaError

if TYPE_CHECKING:
    from benchmarks.methods import Method

PLACEHOLDERS: Final = ("python", "repo", "image", "audio", "video", "emotion", "out")
_FIELD = re.compile(r"\{([^{}]*)\}")
_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm")


def check_template(command: Sequence[str]) -> None:
    """Raise ValueError for unknown placeholders, a missing {out}, `..`, or a path made from {out}."""
    for argument in command:
        unknown = [name for name in _FIELD.findall(argument) if name not in PLACEHOLDERS]
        if unknown:
            raise ValueError(f"unknown placeholder {{{unknown[0]}}}, known are {', '.join(PLACEHOLDERS)}")
        if ".." in re.split(r"[/\\\\=]", argument):
            raise ValueError(f"'..' in {argument!r} leads out of the folders a command may use")
        if "{out}" in argument and not argument.endswith("{out}"):
            raise ValueError(f"{argument!r} writes beside {{out}}: it may write to {{out}} alone")
    if not any("{out}" in argument for argument in command):
        raise ValueError("no {out}: the command must be told where to write")


def find_result(folder: str, clip: Clip) -> Path:
    """The finished clip: `<clip id>.mp4` (or another container), in the folder or below. DataError where not one."""
    root = Path(folder)
    found = sorted(path for path in root.rglob("*") if path.stem == clip.id and path.suffix.lower() in _SUFFIXES)
    if not found:
        raise DataError(f"{root / clip.id}.mp4 is missing", fix="make the clip, or leave it a failed row")
    if len(found) > 1:
        raise DataError(f"two files for {clip.id}: {found[0]} and {found[1]}", fix="remove one")
    return found[0]


def run_command(
    method: Method, clip: Clip, track: str, image: Path, audio: npt.NDArray[np.float32], root: Path
) -> Path:
    """Run the method's program for one clip; returns its video, which a run before may have left.

    The log of every try lies beside it. Programs run one at a time in a checkout, for many write to fixed temporary
    files there. Raises DataError with the end of the log, ConfigError where the environment is not set.
    """
    folder = (root / "external" / method.name / track).resolve()
    name = clip.id.replace("/", "__")
    out = folder / f"{name}.mp4"
    if ".." in name or out.parent != folder:
        raise DataError(f"{clip.id}: this id leads out of {folder}", fix="rename the clip")
    if out.is_file() and not out.is_symlink():
        return out
    folder.mkdir(parents=True, exist_ok=True)
    sound = folder / f"{name}.wav"
    media.write_audio(sound, audio, RATE)
    partial = folder / f"{name}.unfinished.mp4"
    repo = _setting(method.name, "REPO")
    values = {
        "python": _setting(method.name, "PYTHON"), "repo": repo, "image": str(image.resolve()), "audio": str(sound),
        "video": str(Path(clip.video).resolve()), "emotion": clip.emotion or "neutral", "out": str(partial),
    }  # fmt: skip
    arguments = [_filled(argument, values) for argument in method.command]
    log = folder / f"{name}.log"
    reason = ""
    with open(folder.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for _ in range(method.retries + 1):
            partial.unlink(missing_ok=True)
            reason = _once(arguments, repo, log, method.timeout) or _fault(partial)
            if not reason:
                os.replace(partial, out)
                return out
    partial.unlink(missing_ok=True)
    raise DataError(f"{method.name} failed on {clip.id}: {reason}", fix=f"see {log}")


def require_settings(name: str) -> None:
    """Raise ConfigError where a command's environment is not set: said once, before any clip is made."""
    for what in ("REPO", "PYTHON"):
        _setting(name, what)


def folder_hash(folder: str) -> str:
    """Hash of a results folder by names, sizes and times, so that other clips there are another run."""
    lines = [
        f"{path.relative_to(folder)}|{path.stat().st_size}|{path.stat().st_mtime_ns}"
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    ]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _setting(name: str, what: str) -> str:
    variable = f"EAP_{name.upper().replace('-', '_')}_{what}"
    value = os.environ.get(variable, "")
    if not value or not Path(value).exists():
        wanted = "the Python of its environment" if what == "PYTHON" else "its checkout"
        raise ConfigError(f"method '{name}': {variable} does not name {wanted}", fix=f"set {variable}")
    return str(Path(value).absolute())


def _filled(argument: str, values: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda found: values[found[1]], argument)


def _once(arguments: Sequence[str], repo: str, log: Path, timeout: float) -> str:
    """Run once, in a process group of its own; returns why it failed, or an empty string."""
    with open(log, "ab") as stream:
        try:
            process = subprocess.Popen(
                arguments, cwd=repo, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return f"cannot be started ({error.strerror})"
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            return f"took more than {timeout:g} s"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if code == 0:
        return ""
    last = log.read_text(errors="replace").strip().splitlines()[-1:]
    return f"exit code {code}: {' '.join(last)[-200:]}"


def _fault(path: Path) -> str:
    """Why an output does not count: programs that end with 0 without a readable video are common."""
    if path.is_symlink() or not path.is_file():
        return "it ended well and wrote no file"
    try:
        media.probe(path)
    except MediaError as error:
        return f"its output is no video ({error.message})"
    return ""
