"""Baseline and beats of an ECG: the filter before every measurement, and where the QRS complexes are."""

from __future__ import annotations

import numpy as np

from eccl.records import ECG, SAMPLING_RATE


def remove_baseline(ecg: ECG) -> ECG:
    """The ECG without its baseline wander: a zero-phase Butterworth high-pass of order 2 at 0.5 Hz.

    References
    ----------
    Kligfield et al., Circulation 2007 (0.5 Hz is safe for the ST segment with a zero-phase filter, 0.05 Hz without).
    """
    from scipy.signal import butter, sosfiltfilt

    sections = butter(2, 0.5, btype="highpass", fs=ecg.sampling_rate, output="sos")
    edge = min(int(2 * ecg.sampling_rate), ecg.signal.shape[1] - 1)
    filtered = sosfiltfilt(sections, ecg.signal, axis=1, padlen=edge)
    return ECG(filtered, ecg.sampling_rate, ecg.source)


def r_peaks(signal: np.ndarray, sampling_rate: float = SAMPLING_RATE) -> np.ndarray:
    """Indices of the QRS complexes of an ECG: of the largest deflection of each between 8 and 30 Hz, leads summed.

    Parameters
    ----------
    signal : ndarray, shape (T,) or (L, T)
        mV; with several leads their QRS energies are added, so that a small QRS in one lead is still found.
    sampling_rate : float
        Hz.

    References
    ----------
    Pan and Tompkins, IEEE Trans Biomed Eng 1985 (band-pass, slope, square, integrate).
    """
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import butter, find_peaks, sosfiltfilt

    leads = np.atleast_2d(np.asarray(signal, dtype=float))
    band = butter(2, (8.0, 30.0), btype="bandpass", fs=sampling_rate, output="sos")
    filtered = sosfiltfilt(band, leads, axis=1)
    energy = (np.gradient(filtered, axis=1) ** 2).sum(axis=0)
    window = max(1, round(0.10 * sampling_rate))  # a QRS lasts about 0.1 s
    envelope = uniform_filter1d(energy, window)
    # The median of the maxima of pieces of 1.5 s stands for a QRS: one artefact or ectopic beat does not move it.
    pieces = np.array_split(envelope, max(1, int(len(envelope) / (1.5 * sampling_rate))))
    threshold = 0.25 * np.median([piece.max() for piece in pieces])
    candidates, _ = find_peaks(envelope, height=threshold, distance=max(1, round(0.25 * sampling_rate)))
    reach = round(0.06 * sampling_rate)
    size = np.abs(filtered).sum(axis=0)
    starts = np.maximum(candidates - reach, 0)
    peaks = [start + int(size[start : peak + reach + 1].argmax()) for start, peak in zip(starts, candidates)]
    return np.unique(np.asarray(peaks, dtype=np.int64))
