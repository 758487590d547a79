"""Real recordings with an open licence, read as they are; their people have one modality each, so nothing is paired."""

import numpy as np
import pytest
import wfdb
from helpers.making import einthoven

from eccl.data.cmr import read_cine, read_image, still_slice
from eccl.data.ecg import read_ecg, record_stem
from eccl.data.measure.beats import r_peaks
from eccl.data.standard.intensity import scale_intensity
from eccl.data.standard.plane import mask_centre, resample_plane
from eccl.records import SAMPLES, DataError


def some(folder, pattern, count):
    paths = sorted(folder.rglob(pattern))
    assert paths, f"no {pattern} in {folder}"
    return paths[:: max(1, len(paths) // count)][:count]


def test_ptbxl_at_500_hz_is_what_wfdb_reads(real_data):
    for path in some(real_data / "ecg/ptbxl/records500", "*.hea", 12):
        ecg, record = read_ecg(path), wfdb.rdrecord(str(record_stem(path)))
        np.testing.assert_allclose(ecg.signal, record.p_signal.T, atol=1e-6)
        assert ecg.signal.shape == (12, SAMPLES) and einthoven(ecg) < 0.02


def test_ptbxl_at_100_hz_becomes_500_hz(real_data):
    for path in some(real_data / "ecg/ptbxl/records100", "*.hea", 12):
        ecg, record = read_ecg(path), wfdb.rdrecord(str(record_stem(path)))
        assert ecg.signal.shape == (12, SAMPLES)
        back = ecg.signal[:, ::5].T  # the samples there were
        assert np.corrcoef(back[50:-50].ravel(), record.p_signal[50:-50].ravel())[0, 1] > 0.99
        with pytest.raises(DataError, match="recorded at 100 Hz"):
            read_ecg(path, resample=False)


def test_the_two_rates_of_one_recording_agree(real_data):
    slow = {path.stem.removesuffix("_lr"): path for path in (real_data / "ecg/ptbxl/records100").rglob("*.hea")}
    fast = {path.stem.removesuffix("_hr"): path for path in (real_data / "ecg/ptbxl/records500").rglob("*.hea")}
    both = sorted(set(slow) & set(fast))[:12]
    assert both
    for name in both:
        one, two = read_ecg(slow[name]).signal[:, 250:-250], read_ecg(fast[name]).signal[:, 250:-250]
        assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.97
        assert np.abs(one).max() == pytest.approx(np.abs(two).max(), rel=0.35)  # same unit; 100 Hz blunts a QRS


def test_cinc2021_matlab_records(real_data):
    paths = some(real_data / "ecg/cinc2021", "*.hea", 12)
    for path in paths:
        ecg, record = read_ecg(path.with_suffix(".mat")), wfdb.rdrecord(str(record_stem(path)))
        np.testing.assert_allclose(ecg.signal, record.p_signal.T, atol=1e-6)
        assert einthoven(ecg) < 0.02
    assert {path.stem[:2] for path in paths} == {"E0", "HR", "JS"}


def test_ptb_states_no_unit_and_is_long_fast_and_has_fifteen_channels(real_data):
    path = real_data / "ecg/ptb/s0010_re.hea"
    with pytest.raises(DataError, match="no unit is stated"):
        read_ecg(path)
    ecg, record = read_ecg(path, unit="mV"), wfdb.rdrecord(str(record_stem(path)))
    assert ecg.signal.shape == (12, SAMPLES) and einthoven(ecg) < 0.01
    expected = record.p_signal[: 2 * SAMPLES : 2, :12].T
    assert np.corrcoef(ecg.signal.ravel(), expected.ravel())[0, 1] > 0.999


def test_beats_are_found_where_wfdbs_own_detector_finds_them(real_data):
    from wfdb.processing import compare_annotations, xqrs_detect

    found, missed, extra = 0, 0, 0
    for path in some(real_data / "ecg/ptbxl/records500", "*.hea", 15):
        ecg = read_ecg(path)
        reference = xqrs_detect(ecg.lead("II").astype(float), 500, verbose=False)
        inner = reference[(reference > 200) & (reference < SAMPLES - 200)]
        ours = r_peaks(ecg.signal, 500.0)
        ours = ours[(ours > 120) & (ours < SAMPLES - 120)]
        comparison = compare_annotations(inner, ours, 75)  # 150 ms, the window of ANSI/AAMI EC57
        found, missed = found + comparison.tp, missed + comparison.fn
        extra += len([peak for peak in ours if not (np.abs(reference - peak) <= 75).any()])
    assert found > 120 and missed / (found + missed) < 0.04 and extra / found < 0.06


def test_still_images_say_how_many_frames_they_hold(real_data):
    for path, frames in [
        ("sunnybrook/SC-HF-I-01/sa_ED.nii.gz", 1),
        ("sunnybrook/SC-HF-I-05/sa_EDES.nii.gz", 2),
        ("autofd/A/sa_ED.nii.gz", 1),
    ]:
        stated = {} if path.startswith("autofd") else {"units": ("mm", "sec")}
        stack = read_image(real_data / "cmr" / path, **stated)
        assert stack.frame_count == frames and stack.images.ndim == 4 and stack.images.max() > 0


def test_sunnybrook_states_no_unit_of_length(real_data):
    with pytest.raises(DataError, match="'unknown', not mm"):
        read_image(real_data / "cmr/sunnybrook/SC-HF-I-01/sa_ED.nii.gz")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("sunnybrook/SC-HF-I-01/sa_ED.nii.gz", "no time axis"),
        ("sunnybrook/SC-HF-I-05/sa_EDES.nii.gz", "2 frames of the beat, not 50"),
        ("autofd/A/sa_ED.nii.gz", "1 frames of the beat, not 50"),
    ],
)
def test_no_cine_is_made_of_one_or_two_frames(real_data, path, words):
    with pytest.raises(DataError, match=words):
        read_cine(real_data / "cmr" / path, resample_frames=True, units=("mm", "sec"))


@pytest.mark.parametrize("subject", "ABCDE")
def test_a_real_slice_is_brought_to_the_geometry_of_a_cohort_about_its_heart(real_data, subject):
    folder = real_data / "cmr/autofd" / subject
    stack = read_image(folder / "sa_ED.nii.gz")
    mask = read_image(folder / "seg_sa_ED.nii.gz", units=("mm", "sec"))  # the labels' header is silent
    still = still_slice(stack, mask)
    assert still.frames.shape == (50, 80, 80) and np.ptp(still.frames, axis=0).max() == 0
    middle = int(np.median(np.flatnonzero((mask.images[0] == 1).any(axis=(1, 2))) + 0.5))
    label = mask.images[0, middle]
    labels = resample_plane(label, mask.spacing, mask_centre(label == 1), labels=True)
    assert set(np.unique(labels)) <= {0.0, 1.0, 2.0, 4.0}
    assert mask_centre(labels == 1) == pytest.approx((39.5, 39.5), abs=0.6)
    area = (label == 1).sum() * np.prod(stack.spacing)
    assert (labels == 1).sum() * 1.8**2 == pytest.approx(area, rel=0.05)  # mm2 are kept
    assert mask_centre(labels == 4)[1] < 39.5  # the right ventricle is left of the left one, as in every cine here
    image = scale_intensity(still.frames)[0]
    assert image[labels == 1].mean() > 1.5 * image[labels == 2].mean()  # blood is bright: image and labels fit


def test_padded_labels_are_deeper_than_their_image(real_data):
    folder = real_data / "cmr/autofd/A"
    image, padded = read_image(folder / "sa_ED.nii.gz"), read_image(folder / "seg_sa_ED_padded.nii.gz")
    assert padded.images.shape[1] == image.images.shape[1] + 6  # three slices more at each end; align before use


def test_ejection_fraction_falls_out_of_two_frames(real_data):
    """Sunnybrook's spacing is nominal, but a ratio of volumes needs none; ES is smaller than ED in each of them."""
    for path in sorted((real_data / "cmr/sunnybrook").glob("*/seg_sa_EDES.nii.gz")):
        labels = read_image(path, units=("mm", "sec"))
        assert labels.frame_count == 2
        diastole, systole = ((labels.images[frame] == 1).sum() for frame in range(2))
        assert 0.05 < 1 - systole / diastole < 0.9
