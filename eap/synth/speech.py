"""Source-filter speech: phones, a speaker and an intensity curve become a waveform with known F0.

A glottal flow derivative (with breath, creak, tremor and roughness) and frication noise are filtered per 5 ms frame by
an all-pole vocal tract with one nasal pole-zero pair, in the short-time Fourier domain with overlap-add. Everything
emotional is interpolated from the neutral voice by alpha, frame by frame. Klatt (1980) gives the resonator form.
At 48 kHz the same performance is sampled three times as finely: F0, articulation and loudness are the same numbers,
the filter is that of 16 kHz up to 8 kHz and falls by 12 dB an octave above; only the noise is another draw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter1d

from eap.constants import FPS, RATE
from eap.synth.phonemes import PHONEMES, Kind
from eap.synth.prosody import PROSODY_NAMES, VOICES
from eap.synth.timing import Segment
from eap.synth.voice import Speaker

RATES = (RATE, 3 * RATE)
"""Sample rates that can be asked for, Hz."""
_CONTROL = 200  # control frames per second
_PER_VIDEO_FRAME = _CONTROL // FPS
_FFT = 512  # at 16 kHz; bins are 31.25 Hz wide at every rate
_FREQUENCIES = np.fft.rfftfreq(_FFT, 1 / RATE)
_DELAYS = np.exp(-2j * np.pi * np.outer(np.arange(13), _FREQUENCIES) / RATE).astype(np.complex64)
_ABOVE = ((RATE / 2) / (np.arange(_FFT // 2 + 1, 3 * _FFT // 2 + 1) * RATE / _FFT)).astype(np.float32) ** 2
_OCTAVES = (np.log2(np.maximum(_FREQUENCIES, 250) / 1000) / 2).astype(np.float32)
_RESTING = np.array([500.0, 1500.0, 2500.0])  # formants of a tube
_BANDWIDTHS = np.array([70.0, 95.0, 140.0, 220.0, 300.0])
_LOWEST, _HIGHEST = 48.0, 560.0  # Hz
_FLOOR = 4e-4  # recording noise, at 16 kHz
_LAUGH = 5.0  # Hz
_MICROPHONE = 1.2  # dB, standard deviation of the recording level from take to take
_CYCLES = 4096  # more glottal cycles than any clip has


@dataclass(frozen=True)
class Speech:
    """A waveform and its truth: audio (frames * rate / 25,) float32 in [-1, 1]; f0 (frames,) Hz, 0 where unvoiced."""

    audio: np.ndarray
    f0: np.ndarray
    rate: int = RATE


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


def formant_targets(formants: tuple[float, float, float], speaker: Speaker) -> np.ndarray:
    """F1-F3 (3,) Hz that a neutral voice of this speaker aims at for a phoneme of the table, tract factor included."""
    return _own(formants, speaker) * speaker.tract


def _own(formants: tuple[float, float, float], speaker: Speaker) -> np.ndarray:
    habit = np.array([speaker.first, speaker.second, speaker.third])
    return np.asarray((_RESTING + (np.array(formants) - _RESTING) * speaker.space) * habit)


def _tract(segments: Sequence[Segment], n: int, speaker: Speaker) -> _Tract:
    """Phone targets laid out per control frame, then smoothed: formants 22 ms, voicing 11 ms, noise 5 ms."""
    formants = np.empty((n, 3))
    tracks = np.zeros((5, n))  # voicing, noise, centre, width, nasal
    tracks[2:4] = 3000.0
    stress = np.zeros(n)
    held = (500.0, 1500.0, 2500.0)
    for index, segment in enumerate(segments):
        phoneme = PHONEMES[segment.symbol]
        first = min(int(segment.start * _CONTROL), n - 1)
        last = n if index == len(segments) - 1 else max(first + 1, round(segment.end * _CONTROL))
        span = slice(first, last)
        if phoneme.kind is not Kind.SILENCE:
            held = phoneme.formants
        formants[span] = _own(held, speaker)
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
    neutral = VOICES["neutral"].vector()
    shift = VOICES[emotion].vector() - neutral
    values = neutral[:, None] + shift[:, None] * per_frame
    return dict(zip(PROSODY_NAMES, values, strict=True))


def _pitch(
    segments: Sequence[Segment], control: dict[str, np.ndarray], speaker: Speaker, rng: np.random.Generator
) -> np.ndarray:
    """F0 per control frame in Hz: declination, accents, lilt, sentence end and tremor."""
    n = len(control["pitch"])
    time = np.arange(n) / _CONTROL
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
        + 0.8 * control["laugh"] * np.sin(2 * np.pi * _LAUGH * time)
    )
    return np.asarray(np.clip(speaker.pitch * 2 ** (semitones / 12), _LOWEST, _HIGHEST))


def _drift(rng: np.random.Generator, n: int) -> np.ndarray:
    """Slow unit-variance noise: knots every 120 ms, linearly joined and lightly smoothed."""
    knots = rng.normal(size=n // 24 + 3)
    return np.asarray(gaussian_filter1d(np.interp(np.arange(n) / 24, np.arange(len(knots)), knots), 6.0) * 1.25)


def _source(
    f0: np.ndarray, control: dict[str, np.ndarray], speaker: Speaker, samples: int, rate: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Glottal source and white noise (samples,) float32; pulses follow ``f0`` exactly but for jitter and creak."""
    hop = rate // _CONTROL
    frames = np.arange(samples, dtype=np.float32) / hop
    grid = np.arange(len(f0), dtype=np.float32)

    def per_sample(track: np.ndarray) -> np.ndarray:
        return np.asarray(np.interp(frames, grid, track), dtype=np.float32)

    step = rate // 160  # a jitter value holds for 6.25 ms
    noisy = per_sample(control["jitter"] + speaker.jitter)
    jitter = np.repeat(rng.normal(size=samples // step + 1), step)[:samples] * noisy
    strength = rng.normal(size=_CYCLES).astype(np.float32)
    phase = np.cumsum(per_sample(f0) * (1 + jitter) / rate)
    cycle = np.floor(phase)
    place = (phase - cycle).astype(np.float32)
    # Vocal fry: every second pulse comes late and weak.
    weak = (cycle % 2).astype(np.float32) * per_sample(np.minimum(control["creak"] + speaker.creak, 1))
    place = np.clip(place - 0.16 * weak, 0, 1)
    open_share = per_sample(np.clip(speaker.open_quotient - 0.14 * control["pressed"], 0.36, 0.85))
    peak = 0.7 * open_share
    rising = 0.55 * np.sin(np.pi * place / peak)
    falling = -1.9 * np.sin(0.5 * np.pi * (place - peak) / (open_share - peak))
    flow = np.where(place < peak, rising, np.where(place < open_share, falling, 0)) * (1 - 0.85 * weak)
    flow *= 1 + per_sample(control["shimmer"]) * strength[np.minimum(cycle.astype(np.int32), _CYCLES - 1)]
    noise = rng.standard_normal(samples, dtype=np.float32) * np.float32(np.sqrt(rate / RATE))  # same density per Hz
    breath = per_sample(np.minimum(control["breath"] + speaker.breath, 0.8))
    gate = 0.35 + 0.65 * (place < open_share)
    voice = (flow * (1 - 0.55 * breath) + noise * breath * 0.6 * gate) * _swell(control, per_sample, samples, rate)
    return voice.astype(np.float32), noise


def _swell(
    control: dict[str, np.ndarray], per_sample: Callable[[np.ndarray], np.ndarray], samples: int, rate: int
) -> np.ndarray:
    """Fast changes of amplitude (samples,): 28 Hz roughness, 7 Hz trembling, laughter's pulses."""
    turns = (2 * np.pi / rate) * np.arange(samples, dtype=np.float32)
    amplitude = np.ones(samples, np.float32)
    depths = ((control["rough"], 28.0), (np.minimum(0.4 * control["tremor"], 0.6), 7.0), (control["laugh"], _LAUGH))
    for depth, hertz in depths:
        if depth.any():
            amplitude *= 1 - per_sample(depth) * (0.5 - 0.5 * np.sin(np.float32(hertz) * turns))
    return amplitude


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
    lower = _RESTING + (tract.formants - _RESTING) * (0.8 + 0.2 * control["articulation"][:, None])
    lower = lower * factor[:, None]
    lower[:, 0] *= control["first_formant"]
    stiff = (0.5 + 0.5 * speaker.tract) * control["formants"]  # F4, F5 scale less with the tract
    centres = np.column_stack([lower, speaker.fourth * stiff, speaker.fifth * stiff])
    nasality = np.clip(tract.nasal + 0.8 * control["nasal"] + speaker.nasal, 0, 1)
    widths = _BANDWIDTHS * speaker.damping * (1 + nasality[:, None] * np.array([1.3, 1.0, 1.0, 1.0, 1.0]))
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


def _overlap_add(blocks: np.ndarray, samples: int, hop: int) -> np.ndarray:
    """Sum of blocks (n, bins of a transform), one every ``hop`` samples, less the half window of padding."""
    n, length = blocks.shape
    out = np.zeros((n + length // hop + 1) * hop, dtype=np.float32)
    for offset in range(0, length, hop):
        part = np.zeros((n, hop), dtype=np.float32)
        piece = blocks[:, offset : offset + hop]
        part[:, : piece.shape[1]] = piece
        out[offset : offset + n * hop] += part.ravel()
    return out[2 * hop : 2 * hop + samples]


@lru_cache(maxsize=4)
def _hann(length: int) -> np.ndarray:
    return np.asarray(np.hanning(length + 1)[:-1], dtype=np.float32)


def _windows(signal: np.ndarray, n: int, hop: int) -> np.ndarray:
    """Hann windows (n, 4 hop) of the signal, centred ``hop`` apart."""
    padded = np.pad(signal, (2 * hop, 4 * hop))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 4 * hop)[::hop][:n] * _hann(4 * hop))


def _widened(response: np.ndarray, rate: int) -> np.ndarray:
    """The response (n, 257) of 16 kHz at this rate's bins: 12 dB an octave down above 8 kHz."""
    if rate == RATE:
        return response
    return np.concatenate([response, np.abs(response[:, -1:]) * _ABOVE], axis=1)


def synthesize(
    segments: Sequence[Segment],
    emotion: str,
    alpha: np.ndarray,
    speaker: Speaker,
    rng: np.random.Generator,
    rate: int = RATE,
) -> Speech:
    """Speak the segments with the emotion at intensity ``alpha`` (frames,); as long as alpha, exactly.

    The same generator state gives the same noise, the same accents and the same recording level for any emotion, so a
    neutral twin differs only by the emotion. ``rate``: 16000 or 48000 Hz (ValueError otherwise).
    """
    if rate not in RATES:
        raise ValueError(f"rate {rate} is none of {', '.join(str(known) for known in RATES)}")
    samples, hop, size = len(alpha) * rate // FPS, rate // _CONTROL, _FFT * rate // RATE
    n = samples // hop + 1
    tract = _tract(segments, n, speaker)
    control = _controls(emotion, alpha, n)
    microphone = np.clip(_MICROPHONE * rng.normal(), -2 * _MICROPHONE, 2 * _MICROPHONE)
    f0 = _pitch(segments, control, speaker, rng)
    voice, noise = _source(f0, control, speaker, samples, rate, rng)
    loudness = _loudness(tract, control, speaker)
    response = _voice_filter(tract, control, speaker)
    response *= (tract.voicing * loudness).astype(np.float32)[:, None]
    spectrum = fft.rfft(_windows(voice, n, hop), size) * _widened(response, rate)
    noisy = np.flatnonzero(tract.noise > 1e-4)
    scale = np.clip(speaker.tract * control["formants"], 0.9, 1.15) * speaker.hiss
    frequencies = np.arange(size // 2 + 1) * (RATE / _FFT)
    band = (frequencies - (tract.noise_centre * scale)[noisy, None]) / tract.noise_width[noisy, None]
    hiss = np.exp(-0.5 * band**2) * (0.2 * tract.noise * loudness**0.7)[noisy, None]
    spectrum[noisy] += fft.rfft(_windows(noise, n, hop)[noisy], size) * hiss.astype(np.float32)
    audio = _overlap_add(fft.irfft(spectrum, size), samples, hop) * (0.045 * 10 ** (microphone / 20))
    floor = _FLOOR * np.sqrt(rate / RATE) * rng.standard_normal(samples, dtype=np.float32)
    audio = np.tanh(audio + floor).astype(np.float32)
    return Speech(audio, _video_f0(f0, tract.voicing, len(alpha)), rate)


def _video_f0(f0: np.ndarray, voicing: np.ndarray, frames: int) -> np.ndarray:
    """Mean F0 over the voiced control frames of each video frame; 0 where most of it is unvoiced."""
    shape = (frames, _PER_VIDEO_FRAME)
    voiced = (voicing > 0.1)[: frames * _PER_VIDEO_FRAME].reshape(shape)
    values = f0[: frames * _PER_VIDEO_FRAME].reshape(shape)
    count = voiced.sum(axis=1)
    mean = (values * voiced).sum(axis=1) / np.maximum(count, 1)
    return np.where(2 * count >= _PER_VIDEO_FRAME, mean, 0).astype(np.float32)
