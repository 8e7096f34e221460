"""How fast a talking face is made on two cores, with how much memory, and what a stream costs.

Real-time factor from an audio file to a video file, the model alone, multiplications per frame and the share of this
machine's convolution rate that they reach, the delay of a stream's first frame, what a stream's short lookahead
changes, and peak memory for voices of 1 to --minutes minutes. Each part is a process of its own with --threads threads.
The weights' quality is of no account here: their numbers cost the same whatever they say.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.common import Figures, main
from eap import media
from eap.constants import EMOTIONS, FPS, RATE
from eap.errors import MeasureError
from eap.synth.clip import ClipSpec, render_clip

if TYPE_CHECKING:
    from eap.inference import Explanation, Model

SPEAKER = 3000
"""An identity that no bundled network has seen."""
_KIB = 1024


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this script."""
    parser.add_argument("--threads", type=int, default=2, help="threads of the kernels (default 2)")
    parser.add_argument("--minutes", type=float, default=10.0, help="longest voice of the memory part (default 10)")
    parser.add_argument("--weights", default="eap", help="which bundled model (default eap)")


def speech(seconds: float) -> np.ndarray:
    """A voice of the embedded world at 16 kHz: sentences in all emotions, one after another, as long as wanted."""
    said: list[np.ndarray] = []
    length = 0
    while length < seconds * RATE:
        number = len(said)
        if number < 2 * len(EMOTIONS):
            spec = ClipSpec(SPEAKER, EMOTIONS[number % len(EMOTIONS)], 1, 200 + number)
            said.append(render_clip(spec, frames=False).audio)
        else:
            said.append(said[number % (2 * len(EMOTIONS))])
        length += len(said[-1])
    return np.concatenate(said)[: round(seconds * RATE)].astype(np.float32)


def face(size: int) -> np.ndarray:
    """A neutral frame of the same person."""
    clip = render_clip(ClipSpec(SPEAKER, "neutral", 1, 200, seconds=0.04), size=size)
    assert clip.frames is not None
    return np.asarray(clip.frames[0])


def room(height: int, width: int) -> np.ndarray:
    """The person's face in a larger picture, for --full-frame."""
    picture = np.random.default_rng(0).integers(100, 110, (height, width, 3)).astype(np.uint8)
    side = height // 2
    picture[height // 4 : height // 4 + side, width // 2 - side // 2 : width // 2 - side // 2 + side] = face(side)
    return picture


def timed(run: Callable[[], object], times: int = 1) -> list[float]:
    """Seconds of each of so many runs."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return took


def loaded(weights: str) -> Model:
    """The model, warmed up."""
    import eap

    model = eap.load(weights)
    model.generate(face(model.size), speech(1.0))
    return model


def convolution_rate() -> Figures:
    """GMAC/s of 3 x 3 convolutions of the sizes that talking faces are made of, best of 10 each; their median."""
    import torch

    rates = {}
    for channels, side in ((32, 64), (64, 48), (96, 24), (128, 24)):
        layer = torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        maps = torch.randn(16, channels, side, side).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            best = min(timed(lambda m=maps, f=layer: f(m), 12)[2:])  # type: ignore[misc]
        rates[f"{channels} channels at {side} px"] = 16 * channels**2 * 9 * side**2 / best / 1e9
    return {"gmac_per_second": float(np.median(list(rates.values()))), "by_size": rates}


def work(model: Model) -> Figures:
    """GMAC of a frame, by part: torch.utils.flop_counter counts two operations per multiplication."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from eap.inference.painting import Painter

    def gmac(run: Callable[[], object]) -> float:
        with FlopCounterMode(display=False) as counter:
            run()
        return float(counter.get_total_flops()) / 2e9

    picture, voice = face(model.size), speech(8.0)
    painter = Painter(model.talker, picture)
    z = torch.zeros(16, model.talker.config.latent)
    drawn = gmac(lambda: painter.paint(z, torch.zeros(16), z[0])) / 16
    once = gmac(lambda: Painter(model.talker, picture))
    heard = (gmac(lambda: model.explain(picture, voice, r_hat=False)) - once) / (8 * FPS)
    return {"generator": drawn, "voice": heard, "frame": drawn + heard, "image_once": once}


def speed(weights: str, threads: int, seconds: float = 20.0) -> Figures:
    """Real-time factors and frames per second."""
    import torch

    torch.set_num_threads(threads)
    began = time.perf_counter()
    model = loaded(weights)
    figures: Figures = {"size": model.size, "load_seconds": time.perf_counter() - began}
    figures["convolution"], figures["gmac"] = convolution_rate(), work(model)
    picture, voice = face(model.size), speech(seconds)
    latents: list[Explanation] = []
    heard = min(timed(lambda: latents.append(model.explain(picture, voice, r_hat=False)), 3))
    frames = len(latents[0].alpha)
    drawn = min(timed(lambda: [None for _ in model.draw(picture, latents[0])], 3))
    figures["model"] = {
        "frames_per_second": frames / (heard + drawn),
        "draw_frames_per_second": frames / drawn,
        "listen_frames_per_second": frames / heard,
    }
    rate = figures["gmac"]["frame"] * figures["model"]["frames_per_second"]
    figures["model"]["gmac_per_second"] = rate
    figures["model"]["share_of_convolution_rate"] = rate / figures["convolution"]["gmac_per_second"]
    with tempfile.TemporaryDirectory() as name:
        figures["file_to_file"] = _file_to_file(model, Path(name), voice)
    return figures


def _file_to_file(model: Model, folder: Path, voice: np.ndarray) -> Figures:
    """A voice of 48 kHz and a PNG in, an MP4 out: seconds of voice in a second, median of three."""
    media.write_audio(folder / "voice.wav", media.resample(voice, RATE, 48000), 48000)
    media.write_image(folder / "face.png", face(256))
    media.write_image(folder / "room.png", room(480, 640))
    figures: Figures = {}
    for name, image, full in (("crop", "face.png", False), ("full_frame_640x480", "room.png", True)):
        took = timed(
            lambda i=image, f=full: model.write(folder / "o.mp4", folder / i, folder / "voice.wav", full_frame=f),  # type: ignore[misc]
            3,
        )
        seconds = len(voice) / RATE
        figures[name] = {"times_real_time": seconds / float(np.median(took)), "range": _spread(seconds, took)}
    return figures


def _spread(seconds: float, took: Sequence[float]) -> list[float]:
    return [seconds / max(took), seconds / min(took)]


def streaming(weights: str, threads: int, seconds: int = 8) -> Figures:
    """Delay and speed of a stream fed with 40 ms at a time, and how its frames differ from the whole clip's."""
    import torch

    torch.set_num_threads(threads)
    model = loaded(weights)
    picture, voice = face(model.size), speech(seconds)
    blocks = np.split(voice, seconds * FPS)
    opened, first, steady = [], [], []
    for _ in range(20):
        began = time.perf_counter()
        stream = model.stream(picture)
        opened.append(time.perf_counter() - began)
        for block in blocks:
            began = time.perf_counter()
            if len(stream.push(block)):
                first.append(time.perf_counter() - began)
                break
    stream = model.stream(picture)
    for block in blocks:
        steady.append(timed(lambda b=block: stream.push(b))[0])  # type: ignore[misc]
    steady = steady[10:]
    delay = stream.delay
    return {
        "open_ms": 1e3 * float(np.median(opened)),
        "delay_of_sound_ms": 1e3 * delay,
        "first_frame_computing_ms": {"median": 1e3 * float(np.median(first)), "worst": 1e3 * max(first)},
        "first_frame_latency_ms": {
            "median": 1e3 * (delay + float(np.median(first))),
            "worst": 1e3 * (delay + max(first)),
        },
        "push_of_40_ms_takes_ms": {"median": 1e3 * float(np.median(steady)), "p95": 1e3 * _p95(steady)},
        "times_real_time": 0.04 / float(np.mean(steady)),
        "against_the_whole_clip": {
            "all" if ahead is None else str(ahead): _difference(model, picture, voice, ahead)
            for ahead in (0, 2, 4, 8, None)
        },
    }


def _p95(values: Sequence[float]) -> float:
    return float(np.quantile(values, 0.95))


def _difference(model: Model, picture: np.ndarray, voice: np.ndarray, lookahead: int | None) -> Figures:
    """Streamed against whole: correlation and root mean square of alpha, PSNR of frames in all and in the last 2 s."""
    whole = model.generate(picture, voice)
    stream = model.stream(picture, lookahead=lookahead)
    frames, alpha = [], []
    for start in range(0, len(voice), RATE):
        frames.append(stream.push(voice[start : start + RATE]))
        alpha.append(stream.alpha)
    frames.append(stream.close())
    alpha.append(stream.alpha)
    streamed, said = np.concatenate(frames), np.concatenate(alpha)
    error = (streamed.astype(np.float64) - whole.frames) ** 2
    mouth = error[:, error.shape[1] * 6 // 10 : error.shape[1] * 9 // 10, error.shape[2] // 4 : error.shape[2] * 3 // 4]
    return {
        "alpha_correlation": float(np.corrcoef(said, whole.latents.alpha)[0, 1]),
        "alpha_rmse": float(np.sqrt(np.mean((said - whole.latents.alpha) ** 2))),
        "psnr_db": _psnr(error),
        "psnr_last_2_s_db": _psnr(error[-2 * FPS :]),
        "psnr_mouth_db": _psnr(mouth),
    }


def _psnr(error: np.ndarray) -> float:
    """dB, at most 100: frames that are equal have no finite one."""
    return min(100.0, float(10 * np.log10(255**2 / max(float(error.mean()), 1e-12))))


def memory(weights: str, threads: int, voice: str) -> Figures:
    """Peak resident memory of one process that makes a video of a voice file of 44.1 kHz, and how long it takes."""
    import torch

    torch.set_num_threads(threads)
    import eap

    model = eap.load(weights)
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        made = model.write(Path(name) / "o.mp4", face(128), voice)
        took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB / 1e6
    seconds = made.frames / made.fps
    return {"seconds": seconds, "peak_mb": peak, "took_seconds": took, "times_real_time": seconds / took}


def measure(args: argparse.Namespace) -> Figures:
    """All parts."""
    figures: Figures = {"threads": args.threads, "weights": args.weights}
    figures["speed"] = _child("speed", args)
    figures["stream"] = _child("streaming", args)
    figures["memory"] = {}
    for minutes in (1.0, args.minutes):
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "voice.wav"
            media.write_audio(path, media.resample(speech(60 * minutes), RATE, 44100), 44100)
            figures["memory"][f"{minutes:g}_min"] = _child("memory", args, str(path))
    short, long = figures["memory"]["1_min"], figures["memory"][f"{args.minutes:g}_min"]
    figures["memory"]["growth_mb_per_minute"] = (long["peak_mb"] - short["peak_mb"]) / max(args.minutes - 1, 1e-9)
    return figures


def _child(part: str, args: argparse.Namespace, *rest: str) -> Figures:
    """One part in a process of its own. MeasureError with the last line it said where it fails."""
    threads = str(args.threads)
    env = os.environ | {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
    call = [sys.executable, "-m", "benchmarks.evidence.inference", "--child", part, args.weights, threads, *rest]
    done = subprocess.run(call, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        said = (done.stderr.strip() or "nothing").splitlines()[-1]
        raise MeasureError(f"{part}: {said}", fix="run it alone to see where")
    print(f"{part} {' '.join(rest)}: {done.stdout.strip()}", file=sys.stderr, flush=True)
    figures: Figures = json.loads(done.stdout)
    return figures


_PARTS: dict[str, Callable[..., Figures]] = {"speed": speed, "streaming": streaming, "memory": memory}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        part, weights, threads, *rest = sys.argv[2:]
        print(json.dumps(_PARTS[part](weights, int(threads), *rest)))
    else:
        main("inference", __doc__, measure, arguments)
