from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from eap.acoustics import N_FFT, frames_in, log_mel, mel_filterbank


def _noise(seconds: float) -> NDArray[np.float32]:
    return (np.random.default_rng(3).normal(size=round(16000 * seconds)) * 0.1).astype(np.float32)


def test_packaged_filterbank_is_librosas() -> None:
    librosa = pytest.importorskip("librosa")
    expected = librosa.filters.mel(sr=16000, n_fft=800, n_mels=80, fmin=55, fmax=7600)
    np.testing.assert_array_equal(mel_filterbank(), expected.astype(np.float32))


def test_equals_wav2lip_recipe_computed_with_librosa_and_scipy() -> None:
    librosa = pytest.importorskip("librosa")
    from scipy.signal import lfilter

    audio = _noise(1.0)
    emphasised = lfilter([1, -0.97], [1], audio.astype(np.float64))
    # Row r is centred on sample 160 r + 80, hence 320 zeros before the first window of 800.
    padded = np.pad(emphasised, (320, 800))
    spectrum = np.abs(librosa.stft(padded, n_fft=800, hop_length=160, win_length=800, center=False))[:, :100]
    mel = librosa.filters.mel(sr=16000, n_fft=800, n_mels=80, fmin=55, fmax=7600) @ spectrum
    db = 20 * np.log10(np.maximum(1e-5, mel)) - 20
    expected = np.clip(8 * ((db + 100) / 100) - 4, -4, 4).T
    np.testing.assert_allclose(log_mel(audio), expected, atol=1e-4)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1, 1), (640, 1), (641, 2), (16000, 25), (48000, 75)])
def test_four_rows_for_every_begun_video_frame(samples: int, frames: int) -> None:
    assert frames_in(samples) == frames
    mel = log_mel(np.zeros(samples, np.float32))
    assert mel.shape == (4 * frames, 80)
    assert mel.dtype == np.float32


def test_silence_is_the_floor_and_full_scale_stays_in_range() -> None:
    assert (log_mel(np.zeros(6400, np.float32)) == -4).all()
    loud = log_mel(np.sign(np.sin(np.arange(16000) * 0.3)).astype(np.float32))
    assert loud.max() <= 4 and loud.max() > 1


def test_click_in_the_middle_of_a_frame_peaks_symmetrically_in_its_four_rows() -> None:
    audio = np.zeros(16000, np.float32)
    audio[10 * 640 + 320] = 0.5
    energy = (10.0 ** ((log_mel(audio) + 4) / 8 * 5)).sum(axis=1)
    rows = energy[40:44]
    assert energy[41] == pytest.approx(energy[42], rel=0.05)
    assert energy[40] == pytest.approx(energy[43], rel=0.05)
    assert rows[1] == pytest.approx(energy.max(), rel=0.05)
    assert (energy[:37] == energy[0]).all()  # 320 + 400 samples away: outside every window


def test_tone_lands_in_the_band_that_holds_it() -> None:
    bank = mel_filterbank()
    tone = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)).astype(np.float32)
    expected = int(bank[:, 1000 * N_FFT // 16000].argmax())
    assert abs(int(log_mel(tone)[20:80].mean(axis=0).argmax()) - expected) <= 1


def test_length_is_cut_or_padded_to_the_video() -> None:
    audio = _noise(1.0)
    assert log_mel(audio, 30).shape == (120, 80)
    assert (log_mel(audio, 30)[104:] == -4).all()
    np.testing.assert_array_equal(log_mel(audio, 10)[:36], log_mel(audio)[:36])


def test_long_audio_equals_its_parts() -> None:
    audio = _noise(60.0)
    whole = log_mel(audio)
    part = log_mel(audio[30 * 16000 :])
    np.testing.assert_allclose(whole[30 * 100 + 4 :], part[4:], atol=1e-5)


def test_stereo_and_nan_are_refused() -> None:
    with pytest.raises(ValueError, match="mono"):
        log_mel(np.zeros((100, 2), np.float32))
    with pytest.raises(ValueError, match="finite"):
        log_mel(np.array([0.0, np.nan], np.float32))
