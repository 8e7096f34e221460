"""In-the-wild conditions for phase-1 clips: another camera, another room, a poor recording.

One draw per clip: crop, colour, blur, sensor noise and block compression for the pictures; room, noise, band limits and
gain for the sound. Truth follows the crop (landmarks). Light and background come from the face's own variant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft
from scipy.ndimage import affine_transform, gaussian_filter

from eap.constants import RATE

if TYPE_CHECKING:
    from eap.synth.clip import WorldClip

_BLOCK = 8
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Camera:
    """Picture conditions of one clip; lengths are shares of the picture's side."""

    zoom: float
    offset: tuple[float, float]
    shake: float
    gain: tuple[float, float, float]
    lift: float
    gamma: float
    saturation: float
    blur: float  # sigma in pixels at 128
    noise: float  # standard deviation, 0..255
    blocks: float  # quantisation step of 8x8 cosine blocks, 0 for none


@dataclass(frozen=True)
class Room:
    """Sound conditions of one clip."""

    decay: float  # seconds to -60 dB, 0 for none
    wet: float
    snr: float  # dB
    gain: float  # dB
    cutoff: float  # Hz


def draw_camera(rng: np.random.Generator) -> Camera:
    """A camera at random."""
    gain = rng.uniform(0.75, 1.2) * (1 + rng.uniform(-0.08, 0.08, size=3))
    return Camera(
        zoom=float(rng.uniform(0.88, 1.18)),
        offset=(float(rng.uniform(-0.05, 0.05)), float(rng.uniform(-0.05, 0.05))),
        shake=float(rng.choice([0.0, 0.002, 0.006])),
        gain=(float(gain[0]), float(gain[1]), float(gain[2])),
        lift=float(rng.uniform(-8, 18)),
        gamma=float(rng.uniform(0.8, 1.25)),
        saturation=float(rng.uniform(0.5, 1.25)),
        blur=float(rng.choice([0.0, rng.uniform(0.3, 1.1)])),
        noise=float(rng.choice([0.0, rng.uniform(1.0, 6.0)])),
        blocks=float(rng.choice([0.0, rng.uniform(8.0, 34.0)])),
    )


def draw_room(rng: np.random.Generator) -> Room:
    """A room and microphone at random."""
    return Room(
        decay=float(rng.choice([0.0, rng.uniform(0.12, 0.5)])),
        wet=float(rng.uniform(0.05, 0.35)),
        snr=float(rng.uniform(15, 40)),
        gain=float(rng.uniform(-8, 6)),
        cutoff=float(rng.uniform(3800, 8000)),
    )


def crop_centres(camera: Camera, count: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Where the camera looks in each frame: (count, 2) pixels x, y, with a slow hand shake."""
    wobble = np.cumsum(rng.normal(size=(count, 2)), axis=0) * 0.3
    return np.asarray(size / 2 + size * (np.array(camera.offset) + camera.shake * (wobble - wobble.mean(axis=0))))


def film(frames: np.ndarray, centre: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """Frames (T, S, S, 3) uint8 as this camera would record them, looking at ``centre`` (T, 2)."""
    count, size = frames.shape[:2]
    out = np.empty_like(frames)
    table = 255 * (np.arange(256) / 255) ** camera.gamma
    for index in range(count):
        picture = _cropped(frames[index], camera.zoom, centre[index])
        if camera.blur:
            sigma = camera.blur * size / 128
            picture = gaussian_filter(picture, (sigma, sigma, 0), truncate=2.5)
        picture = np.interp(picture, np.arange(256), table).astype(np.float32)
        picture = picture * np.array(camera.gain, np.float32) + camera.lift
        grey = picture @ _LUMINANCE
        picture = grey[..., None] + camera.saturation * (picture - grey[..., None])
        if camera.noise:
            picture = picture + camera.noise * rng.standard_normal(picture.shape, dtype=np.float32)
        if camera.blocks:
            picture = _compressed(picture, camera.blocks)
        out[index] = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    return out


def _cropped(picture: np.ndarray, zoom: float, centre: np.ndarray) -> np.ndarray:
    """Zoomed about ``centre`` (x, y), edges repeated, float32."""
    size = picture.shape[0]
    # Pixel centres lie at index + 0.5.
    start = centre[::-1] - 0.5 - (size / 2 - 0.5) / zoom
    shifted = [
        affine_transform(picture[..., channel].astype(np.float32), [1 / zoom, 1 / zoom], start, order=1, mode="nearest")
        for channel in range(3)
    ]
    return np.stack(shifted, axis=-1)


def _compressed(picture: np.ndarray, step: float) -> np.ndarray:
    """Block artefacts: 8x8 cosine blocks quantised with steps that grow with frequency."""
    size = picture.shape[0]
    padding = -size % _BLOCK
    padded = np.pad(picture, ((0, padding), (0, padding), (0, 0)), mode="edge")
    n = padded.shape[0] // _BLOCK
    blocks = padded.reshape(n, _BLOCK, n, _BLOCK, 3).astype(np.float32)
    spectrum = fft.dctn(blocks, axes=(1, 3), norm="ortho")
    ramp = np.arange(_BLOCK)
    steps = (step * (0.3 + 0.25 * (ramp[:, None] + ramp))).astype(np.float32)[None, :, None, :, None]
    coarse = fft.idctn(np.round(spectrum / steps) * steps, axes=(1, 3), norm="ortho")
    return np.asarray(coarse.reshape(padded.shape)[:size, :size])


def record(audio: np.ndarray, room: Room, rng: np.random.Generator) -> np.ndarray:
    """Audio (n,) as recorded in this room: reverberation, low-pass, gain, background noise; float32 in [-1, 1]."""
    n = len(audio)
    sound = audio.astype(np.float64)
    if room.decay:
        length = int(room.decay * RATE)
        tail = rng.normal(size=length) * 10 ** (-3 * np.arange(length) / length)
        echo = fft.irfft(fft.rfft(sound, n + length) * fft.rfft(tail / np.linalg.norm(tail), n + length), n + length)
        sound = sound + room.wet * echo[:n]
    padded = fft.next_fast_len(n, real=True)
    frequencies = fft.rfftfreq(padded, 1 / RATE)
    sound = fft.irfft(fft.rfft(sound, padded) / (1 + (frequencies / room.cutoff) ** 8), padded)[:n]
    sound = sound * 10 ** (room.gain / 20)
    colour = fft.rfft(rng.normal(size=n), padded) / np.sqrt(1 + (frequencies / rng.uniform(200, 4000)) ** 2)
    noise = fft.irfft(colour, padded)[:n]
    noise *= np.sqrt(np.mean(sound**2) / np.mean(noise**2)) * 10 ** (-room.snr / 20)
    return np.asarray(np.tanh(sound + noise), dtype=np.float32)


def make_wild(clip: WorldClip, size: int) -> WorldClip:
    """The clip under wild conditions drawn from its specification; a twin goes through the same camera and room."""
    rng = clip.spec.generator("wild")
    camera, room = draw_camera(rng), draw_room(rng)
    centre = crop_centres(camera, len(clip.truth), size, rng)
    landmarks = (clip.truth.landmarks - centre[:, None]) * camera.zoom + size / 2
    picture_seed, sound_seed = rng.integers(1 << 62, size=2)

    def filmed(frames: np.ndarray | None) -> np.ndarray | None:
        return None if frames is None else film(frames, centre, camera, np.random.default_rng(picture_seed))

    def recorded(audio: np.ndarray) -> np.ndarray:
        return record(audio, room, np.random.default_rng(sound_seed))

    return replace(
        clip,
        frames=filmed(clip.frames),
        audio=recorded(clip.audio),
        truth=replace(clip.truth, landmarks=landmarks.astype(np.float32)),
        twin_frames=filmed(clip.twin_frames),
        twin_audio=None if clip.twin_audio is None else recorded(clip.twin_audio),
    )
