"""Source-filter speech: phones, a speaker and an intensity curve become a 16 kHz waveform with known F0.

A glottal flow derivative (with breath, creak, tremor and roughness) and frication noise are filtered per 5 ms frame by
an all-pole vocal tract with one nasal pole-zero pair, in the short-time Fourier domain with overlap-add. Everything
emotional is interpolated from the neutral voice by alpha, frame by frame. Klatt (1980) gives the resonator form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter1d

from eap.constants import FPS, RATE
from eap.synth.affect import AFFECTS, PROSODY_NAMES
from eap.synth.phonemes import PHONEMES, Kind
from eap.synth.timing import Segment
from eap.synth.voice import Speaker

HOP = 80
"""Samples per control frame: 5 ms."""
_PER_VIDEO_FRAME = RATE // FPS // HOP
_FFT = 512
_WINDOW = np.hanning(321)[:-1].astype(np.float32)
_FREQUENCIES = np.fft.rfftfreq(_FFT, 1 / RATE)
_DELAYS = np.exp(-2j * np.pi * np.outer(np.arange(13), _FREQUENCIES) / RATE).astype(np.complex64)
_OCTAVES = (np.log2(np.maximum(_FREQUENCIES, 250) / 1000) / 2).astype(np.float32)
_BANDWIDTHS = np.array([70.0, 95.0, 140.0, 220.0, 300.0])
_LOWEST, _HIGHEST = 48.0, 560.0  # Hz
_FLOOR = 4e-4  # recording noise


@dataclass(frozen=True)
class Speech:
    """A waveform and its truth: audio (frames * 640,) float32 in [-1, 1]; f0 (frames,) Hz, 0 where unvoiced."""

    audio: np.ndarray
    f0: np.ndarray


@dataclass(frozen=True)
class _Tract:
    """Smoothed articulation per control frame (n,) or (n, 3)."""

    formants: np.ndarray
    voicing: np.ndarray
    noise: np.ndarray
    noise_centre: np.ndarray
    noise_width: np.ndarray
    nasal: np.ndarray
    stress: np.ndarray


def _tract(segments: Sequence[Segment], n: int) -> _Tract:
    """Phone targets laid out per control frame, then smoothed: formants 22 ms, voicing 11 ms, noise 5 ms."""
    formants = np.empty((n, 3))
    tracks = np.zeros((5, n))  # voicing, noise, centre, width, nasal
    tracks[2:4] = 3000.0
    stress = np.zeros(n)
    held = (500.0, 1500.0, 2500.0)
    for index, segment in enumerate(segments):
        phoneme = PHONEMES[segment.symbol]
        first = min(int(segment.start * RATE / HOP), n - 1)
        last = n if index == len(segments) - 1 else max(first + 1, round(segment.end * RATE / HOP))
        span = slice(first, last)
        if phoneme.kind is not Kind.SILENCE:
            held = phoneme.formants
        formants[span] = held
        tracks[0, span] = phoneme.voicing * (0.9, 1.1, 1.2)[segment.stress]
        stress[span] = segment.stress > 0
        if phoneme.noise:
            tracks[2, span], tracks[3, span] = phoneme.noise_centre, phoneme.noise_width
            if phoneme.kind is Kind.PLOSIVE:
                burst = first + int((min(last, n) - first) * 0.55)
                decay = 9.0 if phoneme.symbol in ("ch", "jh") else 5.0
                tracks[1, burst:last] = phoneme.noise * np.exp(-np.arange(min(last, n) - burst) / decay)
            else:
                tracks[1, span] = phoneme.noise
        tracks[4, span] = phoneme.kind is Kind.NASAL
    return _Tract(
        gaussian_filter1d(formants, 4.5, axis=0, mode="nearest"),
        gaussian_filter1d(tracks[0], 2.2),
        gaussian_filter1d(tracks[1], 1.0),
        tracks[2],
        tracks[3],
        gaussian_filter1d(tracks[4], 2.0),
        gaussian_filter1d(stress, 6.0),
    )


def _controls(emotion: str, alpha: np.ndarray, n: int) -> dict[str, np.ndarray]:
    """Voice settings per control frame: neutral + alpha * (emotion - neutral)."""
    centres = (np.arange(len(alpha)) + 0.5) * _PER_VIDEO_FRAME
    per_frame = np.interp(np.arange(n), centres, alpha)
    neutral = AFFECTS["neutral"].voice.vector()
    shift = AFFECTS[emotion].voice.vector() - neutral
    values = neutral[:, None] + shift[:, None] * per_frame
    return dict(zip(PROSODY_NAMES, values, strict=True))


def _pitch(
    segments: Sequence[Segment], control: dict[str, np.ndarray], speaker: Speaker, rng: np.random.Generator
) -> np.ndarray:
    """F0 per control frame in Hz: declination, accents, lilt, sentence end and tremor."""
    n = len(control["pitch"])
    time = np.arange(n) * HOP / RATE
    spoken = [segment for segment in segments if segment.kind is not Kind.SILENCE]
    start, end = spoken[0].start, spoken[-1].end
    course = np.clip((time - start) / (end - start), 0, 1)
    moves = 2.0 * (0.5 - course)
    glide = np.zeros(n)
    for segment in segments:
        if segment.kind is not Kind.VOWEL:
            continue
        height = rng.normal(1.0, 0.25)
        if segment.stress:
            moves += (2.2, 3.4)[segment.stress - 1] * height * np.exp(-0.5 * ((time - segment.middle) / 0.075) ** 2)
        inside = (time >= segment.start) & (time < segment.end + 0.02)
        up = (time[inside] - segment.middle) / (segment.end - segment.start)
        glide[inside] += up * (1.0 if segment.stress else 0.5)
    moves += 0.8 * _drift(rng, n)
    ending = np.clip((course - 0.70) / 0.30, 0, 1) ** 1.3
    semitones = (
        moves * control["pitch_range"] * speaker.pitch_range
        + control["pitch"]
        + control["final"] * ending
        + control["lilt"] * gaussian_filter1d(glide, 2.0)
        + control["tremor"] * np.sin(2 * np.pi * 7 * time + rng.uniform(0, 2 * np.pi))
    )
    return np.asarray(np.clip(speaker.pitch * 2 ** (semitones / 12), _LOWEST, _HIGHEST))


def _drift(rng: np.random.Generator, n: int) -> np.ndarray:
    """Slow unit-variance noise: knots every 120 ms, linearly joined and lightly smoothed."""
    knots = rng.normal(size=n // 24 + 3)
    return np.asarray(gaussian_filter1d(np.interp(np.arange(n) / 24, np.arange(len(knots)), knots), 6.0) * 1.25)


def _source(
    f0: np.ndarray, control: dict[str, np.ndarray], speaker: Speaker, samples: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Glottal source and white noise (samples,) float32; pulses follow ``f0`` exactly but for jitter and creak."""
    frames = np.arange(samples, dtype=np.float32) / HOP
    grid = np.arange(len(f0), dtype=np.float32)

    def per_sample(track: np.ndarray) -> np.ndarray:
        return np.asarray(np.interp(frames, grid, track), dtype=np.float32)

    jitter = np.repeat(rng.normal(size=samples // 100 + 1), 100)[:samples] * per_sample(control["jitter"])
    phase = np.cumsum(per_sample(f0) * (1 + jitter) / RATE)
    cycle = np.floor(phase)
    place = (phase - cycle).astype(np.float32)
    # Vocal fry: every second pulse comes late and weak.
    weak = (cycle % 2).astype(np.float32) * per_sample(control["creak"])
    place = np.clip(place - 0.16 * weak, 0, 1)
    open_share = per_sample(np.clip(speaker.open_quotient - 0.14 * control["pressed"], 0.36, 0.85))
    peak = 0.7 * open_share
    rising = 0.55 * np.sin(np.pi * place / peak)
    falling = -1.9 * np.sin(0.5 * np.pi * (place - peak) / (open_share - peak))
    flow = np.where(place < peak, rising, np.where(place < open_share, falling, 0)) * (1 - 0.85 * weak)
    noise = rng.standard_normal(samples, dtype=np.float32)
    breath = per_sample(control["breath"])
    gate = 0.35 + 0.65 * (place < open_share)
    time = np.arange(samples, dtype=np.float32) / RATE
    rough = 1 - per_sample(control["rough"]) * (0.5 + 0.5 * np.sin(2 * np.pi * 28.0 * time))
    shake = 1 - np.minimum(0.4 * per_sample(control["tremor"]), 0.5) * (0.5 + 0.5 * np.sin(2 * np.pi * 7.0 * time))
    voice = (flow * (1 - 0.55 * breath) + noise * breath * 0.6 * gate) * rough * shake
    return voice.astype(np.float32), noise


def _polynomials(centres: np.ndarray, widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Denominator of cascaded resonators (n, 2k + 1) and their joint gain (n, 1) for unity at 0 Hz."""
    radius = np.exp(-np.pi * widths / RATE)
    first = -2 * radius * np.cos(2 * np.pi * np.minimum(centres, 7400) / RATE)
    second = radius**2
    total = np.ones((len(centres), 1))
    for index in range(centres.shape[1]):
        longer = np.zeros((len(centres), total.shape[1] + 2))
        longer[:, :-2] += total
        longer[:, 1:-1] += total * first[:, index : index + 1]
        longer[:, 2:] += total * second[:, index : index + 1]
        total = longer
    return total, np.prod(1 + first + second, axis=1, keepdims=True)


def _voice_filter(tract: _Tract, control: dict[str, np.ndarray], speaker: Speaker) -> np.ndarray:
    """Complex response (n, 257) of the vocal tract with spectral tilt, without loudness."""
    factor = speaker.tract * control["formants"]
    resting = np.array([500.0, 1500.0, 2500.0])
    lower = resting + (tract.formants - resting) * (0.8 + 0.2 * control["articulation"][:, None])
    lower = lower * factor[:, None]
    lower[:, 0] *= control["first_formant"]
    stiff = (0.5 + 0.5 * speaker.tract) * control["formants"]  # F4, F5 scale less with the tract
    centres = np.column_stack([lower, speaker.fourth * stiff, speaker.fifth * stiff])
    nasality = np.clip(tract.nasal + 0.8 * control["nasal"], 0, 1)
    widths = _BANDWIDTHS * (1 + nasality[:, None] * np.array([1.3, 1.0, 1.0, 1.0, 1.0]))
    lax = 1 + 0.5 * np.maximum(-control["pressed"], 0) + 0.6 * control["breath"]
    widths[:, 0] *= lax
    poles, gain = _polynomials(centres, widths)
    pair_width = np.full((len(nasality), 1), 130.0)
    nasal_pole, pole_gain = _polynomials(np.full((len(nasality), 1), 300.0), pair_width)
    nasal_zero, zero_gain = _polynomials(300.0 + 560.0 * nasality[:, None], pair_width)
    denominator = (poles.astype(np.float32) @ _DELAYS[:11]) * (nasal_pole.astype(np.float32) @ _DELAYS[:3])
    numerator = (nasal_zero * (gain * pole_gain / zero_gain)).astype(np.float32) @ _DELAYS[:3]
    tilt = (control["tilt"] + speaker.tilt).astype(np.float32)
    slope = np.exp((np.log(10) / 20) * tilt[:, None] * _OCTAVES).astype(np.float32)
    return np.asarray(numerator / denominator * slope)


def _loudness(tract: _Tract, control: dict[str, np.ndarray], speaker: Speaker) -> np.ndarray:
    """Linear gain per control frame: emotion, stress punch, speaker."""
    decibels = control["gain"] + control["punch"] * (tract.stress - 0.5) + speaker.gain
    return np.asarray(10 ** (decibels / 20))


def _overlap_add(blocks: np.ndarray, samples: int) -> np.ndarray:
    """Sum of blocks (n, 512), one every HOP samples, less the half window of padding."""
    n = len(blocks)
    out = np.zeros((n + _FFT // HOP + 1) * HOP, dtype=np.float32)
    for offset in range(0, _FFT, HOP):
        part = np.zeros((n, HOP), dtype=np.float32)
        piece = blocks[:, offset : offset + HOP]
        part[:, : piece.shape[1]] = piece
        out[offset : offset + n * HOP] += part.ravel()
    return out[160 : 160 + samples]


def _windows(signal: np.ndarray, n: int) -> np.ndarray:
    padded = np.pad(signal, (160, 320))
    return np.lib.stride_tricks.sliding_window_view(padded, 320)[::HOP][:n] * _WINDOW


def synthesize(
    segments: Sequence[Segment], emotion: str, alpha: np.ndarray, speaker: Speaker, rng: np.random.Generator
) -> Speech:
    """Speak the segments with the emotion at intensity ``alpha`` (frames,); as long as alpha, exactly.

    The same generator state gives the same noise and the same accents for any emotion, so a neutral twin differs
    only by the emotion.
    """
    samples = len(alpha) * RATE // FPS
    n = samples // HOP + 1
    tract = _tract(segments, n)
    control = _controls(emotion, alpha, n)
    f0 = _pitch(segments, control, speaker, rng)
    voice, noise = _source(f0, control, speaker, samples, rng)
    loudness = _loudness(tract, control, speaker)
    response = _voice_filter(tract, control, speaker)
    response *= (tract.voicing * loudness).astype(np.float32)[:, None]
    spectrum = fft.rfft(_windows(voice, n), _FFT) * response
    noisy = np.flatnonzero(tract.noise > 1e-4)
    scale = np.clip(speaker.tract * control["formants"], 0.9, 1.15)
    band = (_FREQUENCIES - (tract.noise_centre * scale)[noisy, None]) / tract.noise_width[noisy, None]
    hiss = np.exp(-0.5 * band**2) * (0.2 * tract.noise * loudness**0.7)[noisy, None]
    spectrum[noisy] += fft.rfft(_windows(noise, n)[noisy], _FFT) * hiss.astype(np.float32)
    audio = _overlap_add(fft.irfft(spectrum, _FFT), samples) * 0.045
    audio = np.tanh(audio + _FLOOR * rng.standard_normal(samples, dtype=np.float32))
    return Speech(audio.astype(np.float32), _video_f0(f0, tract.voicing, len(alpha)))


def _video_f0(f0: np.ndarray, voicing: np.ndarray, frames: int) -> np.ndarray:
    """Mean F0 over the voiced control frames of each video frame; 0 where most of it is unvoiced."""
    shape = (frames, _PER_VIDEO_FRAME)
    voiced = (voicing > 0.1)[: frames * _PER_VIDEO_FRAME].reshape(shape)
    values = f0[: frames * _PER_VIDEO_FRAME].reshape(shape)
    count = voiced.sum(axis=1)
    mean = (values * voiced).sum(axis=1) / np.maximum(count, 1)
    return np.where(2 * count >= _PER_VIDEO_FRAME, mean, 0).astype(np.float32)
