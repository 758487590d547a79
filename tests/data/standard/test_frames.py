"""A beat lasts 0.25 to 3 s, whichever file says otherwise; and the frames of a cine are evenly over it."""

import dataclasses

import numpy as np
import pytest
from helpers.hearts import hearts_of
from helpers.making import refused
from helpers.stacks import beating, in_a_patient, nifti_file

from eccl.data.cmr import read_cine, read_image
from eccl.data.formats.dicom_writer import write_dicom_cine
from eccl.data.sources.scans import read_scan
from eccl.data.standard.slices import STILL_BEAT, cut_cine, still_cine
from eccl.records import BEAT, Cine, DataError, check_beat

SMALL = np.random.default_rng(0).uniform(0, 9, (50, 4, 4))


def written(tmp_path, dt, units=10, count=50):
    image, _ = beating((count, 3, 40, 40), centre=(20.0, 20.0))
    return nifti_file(tmp_path / "sa.nii.gz", image.images.astype(np.uint8), sform=in_a_patient(), dt=dt, units=units)


@pytest.mark.parametrize("frames", [1, 10, 25, 50, 60])
def test_the_bounds_are_of_the_beat_whatever_the_number_of_frames(frames):
    for beat, held in ((249, False), (250, True), (1000, True), (3000, True), (3001, False), (-1000, False)):
        images = np.repeat(SMALL[:1], frames, axis=0)
        if held:
            assert Cine(images, (1.8, 1.8), beat / frames).frame_interval == pytest.approx(beat / frames)
        else:
            refused(lambda b=beat, i=images: Cine(i, (1.8, 1.8), b / frames, "f"), "f", f"{frames} frames", "0.25 to 3")


BEATS = {  # what a file says: (time between frames, units, words of the message)
    "a converter's default": (1.0, 10, ["1000 ms", "a beat of 50 s", "the converter's default of 1 s"]),
    "the same in ms": (1000.0, 18, ["a beat of 50 s", "default of 1 s"]),
    "ms called s": (20.0, 10, ["20000 ms", "a beat of 1000 s"]),
    "s called ms": (0.02, 18, ["0.02 ms", "a beat of 0.001 s"]),
    "us": (40.0, 26, ["0.04 ms", "a beat of 0.002 s"]),
    "the beat for the frame": (0.9, 10, ["a beat of 45 s"]),
    "a repetition time": (0.003, 10, ["3 ms", "a beat of 0.15 s"]),
    "nothing": (0.0, 10, ["frame interval of 0 in the unit 'sec'"]),
    "less than nothing": (-0.02, 10, ["frame interval of -0.02"]),
    "no number": (np.nan, 10, ["frame interval of nan"]),
    "no end": (np.inf, 10, ["frame interval of inf"]),
    "more than a number holds": (3e38, 10, ["a beat of"]),
}


@pytest.mark.parametrize("case", BEATS)
def test_a_beat_that_no_heart_has_is_refused_with_its_value(tmp_path, case):
    dt, units, words = BEATS[case]
    path = written(tmp_path, dt, units)
    error = refused(lambda: read_cine(path), path, *words)
    assert "time between frames" in error.remedy
    known = any("a beat of" in word for word in words)
    for cut in (lambda: read_scan(path), lambda: cut_cine(read_image(path))):
        refused(cut, path, *(words if known else ["the time between frames is not known"]))


@pytest.mark.parametrize("count", [12, 30])
def test_the_default_of_one_second_is_named_also_where_frames_are_interpolated(tmp_path, count):
    path = written(tmp_path, 1.0, count=count)
    for read in (lambda: read_cine(path, resample_frames=True), lambda: read_scan(path, frame_policy="interpolate")):
        refused(read, path, f"a beat of {count} s", "default of 1 s")


def test_a_slow_and_a_fast_heart_are_read(tmp_path):
    for dt in (0.0055, 0.059):
        assert read_cine(written(tmp_path, dt)).frame_interval == pytest.approx(1000 * dt)


@pytest.mark.parametrize(("interval", "words"), [(2000.0, ["a beat of 24 s"]), (1000.0, ["default of 1 s"]), (1.0, [])])
def test_trigger_times_of_no_heartbeat_are_refused(tmp_path, interval, words):
    image, _ = beating((12, 3, 40, 40), centre=(20.0, 20.0), interval=interval)
    image = dataclasses.replace(image, affine=in_a_patient())
    path = write_dicom_cine(tmp_path / "1.zip", image, "p")
    refused(lambda: read_cine(path, frames=12), path, *words)
    refused(lambda: read_scan(path, frame_policy="interpolate"), path, *words)


@pytest.mark.parametrize("frames", [10, 20, 50, 80])
def test_a_cine_may_have_another_number_of_frames(tmp_path, frames):
    path = written(tmp_path, 0.02)
    cine = read_cine(path, frames=frames, resample_frames=True)
    assert len(cine.frames) == frames and cine.frame_interval * frames == pytest.approx(1000, rel=1e-6)
    if frames != 50:
        with pytest.raises(DataError, match=f"50 frames, not {frames}"):
            read_cine(path, frames=frames)
    still = still_cine(SMALL[0], (1.8, 1.8), frames)
    assert len(still.frames) == frames and still.frame_interval * frames == pytest.approx(STILL_BEAT)
    cut = cut_cine(read_image(path), frame_policy="interpolate", frames=frames)
    assert len(cut.frames) == frames and cut.frame_interval == pytest.approx(cine.frame_interval)


def test_one_frame_or_two_stay_stills_whatever_their_time_says(tmp_path):
    for count, dt in ((1, 0.003), (2, 1.0), (1, 0.0)):
        path = written(tmp_path, dt, count=count)
        cine, acquired, _ = read_scan(path, frame_policy="still")
        assert acquired == count and np.ptp(cine.frames, axis=0).max() == 0 and cine.frame_interval == 20.0


def test_the_simulated_hearts_beat_within_the_bounds():
    beats = [60000 / heart.heart_rate for heart in hearts_of(300, seed=3)]
    assert BEAT[0] < min(beats) < max(beats) < BEAT[1]
    check_beat(50, min(beats) / 50, None)
