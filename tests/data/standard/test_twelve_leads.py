"""What no ECG can be, whatever the reader: leads that never change, gaps, rows in another order than is assumed."""

from itertools import permutations

import numpy as np
import pytest
from helpers.ecg_files import WRITERS
from helpers.making import make_ecg, refused
from scipy.ndimage import median_filter

from eccl.data.ecg import read_ecg, write_ecg
from eccl.data.formats.limb_leads import check_order, law_broken
from eccl.data.standard.twelve_leads import assemble
from eccl.records import ECG, LEADS, SAMPLES, Channels, DataError

ECG_ = make_ecg(np.random.default_rng(5))
MIMIC = [0, 1, 2, 3, 5, 4, *range(6, 12)]
CABRERA = [4, 0, 3, 1, 5, 2, *range(6, 12)]


def changed(leads, value=0.0, start=0, end=SAMPLES):
    signal = ECG_.signal.astype(float)
    signal[leads, start:end] = value
    return signal


def channels(signal, rate=500.0, names=LEADS, **more):
    return Channels(tuple(names), np.asarray(signal), ("mV",) * len(names), rate, "made here", **more)


# --- Flat leads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize(("leads", "value"), [(slice(0, 12), 0.0), ([3, 8], 0.015)])
def test_leads_that_never_change_are_refused_by_name_in_every_format(tmp_path, form, leads, value):
    name, write, stated = WRITERS[form]
    flat = object.__new__(ECG)  # what a recorder writes and the record refuses
    for key, item in (("signal", changed(leads, value).astype(np.float32)), ("sampling_rate", 500.0), ("source", "")):
        object.__setattr__(flat, key, item)
    write(tmp_path / name, flat)
    error = refused(lambda: read_ecg(tmp_path / name, **stated), tmp_path / name, "never changes")
    assert error.problem.startswith("lead " + ", ".join(np.array(LEADS)[leads].ravel()) + " never")


@pytest.mark.parametrize("rate", [100, 257, 500, 1000])
@pytest.mark.parametrize("value", [0.0, -1.2345678])
def test_a_lead_is_flat_at_any_rate_whatever_the_filter_makes_of_it(rate, value):
    signal = np.random.default_rng(1).normal(0, 0.3, (12, 11 * rate))
    signal[8] = value
    refused(lambda: assemble(channels(signal, rate)), "lead V3 never changes")
    signal[8, 10 * rate + 1 :] += 1.0  # behind the ten seconds: the filter would ring into them
    refused(lambda: assemble(channels(signal, rate)), "lead V3 never changes")


def test_a_derived_lead_is_flat_where_i_and_ii_are_one_signal():
    there = [lead for lead in LEADS if lead != "III"]
    signal = np.array([ECG_.lead(lead) for lead in there], dtype=float)
    signal[1] = signal[0] + 0.1
    refused(lambda: assemble(channels(signal, names=there)), "lead III never changes")


@pytest.mark.parametrize(("change", "kept"), [(0.002, False), (0.005, True), (0.02, True)])
def test_what_is_read_can_be_written_and_read_again(tmp_path, change, kept):
    signal = changed(8)
    signal[8, np.arange(SAMPLES) % 1000 < 100] = change
    if not kept:
        refused(lambda: assemble(channels(signal)), "lead V3 never changes by more than 5 uV")
        return
    again = read_ecg(write_ecg(tmp_path / "a", assemble(channels(signal))))
    np.testing.assert_allclose(again.signal[8], signal[8], atol=1e-6)


@pytest.mark.parametrize(("rate", "factor"), [(500, 1), (1000, 2)])
@pytest.mark.parametrize("value", [0.0001, -0.7351, 1.5001])
@pytest.mark.parametrize("start", [0, 1500, 3400])
def test_a_lead_that_is_off_may_rest_no_longer_than_a_beat(rate, factor, value, start):
    signal = changed(8, value, start, start + 1490)
    assert assemble(channels(signal)).signal.shape == (12, SAMPLES)
    signal = np.repeat(changed(8, value, start, start + 1550), factor, axis=1)
    words = f"lead V3 keeps one value from {start / 500:g} to {(start + 1550) / 500:g} s, longer than any beat (3 s)"
    refused(lambda: assemble(channels(signal, rate)), words, "as it is printed")


@pytest.mark.parametrize("value", [0.0, -6.5536])
def test_a_printed_page_of_2_5_s_a_lead_is_no_recording(value):
    strips = np.where(np.arange(12)[:, None] // 3 == np.arange(SAMPLES) // 1250, ECG_.signal.astype(float), value)
    words = "lead I, II, III, aVR, aVL, aVF, V1, V2, V3, V4, V5, V6 keeps one value from 2.5 to 10 s"
    refused(lambda: assemble(channels(strips)), words)


def test_a_rest_at_the_resolution_of_a_cohort_is_refused_before_it_is_written():
    signal = changed(8)
    signal[8, ::7] = 0.001
    signal[8, :100] = 1.0
    refused(lambda: assemble(channels(signal)), "lead V3 keeps one value from 0.2 to 10 s")


@pytest.mark.parametrize("samples", [0, 1])
def test_one_sample_is_no_record(samples):
    refused(lambda: ECG(np.ones((12, samples))), f"(12, {samples})")


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.uint8, np.float16])
def test_whole_numbers_do_not_overflow(kind):
    signal = np.zeros((12, 4), kind)
    signal[:, 1] = 3
    assert ECG(signal).signal.max() == 3


def test_the_lowest_of_whole_numbers_is_no_small_amplitude():
    refused(lambda: ECG(np.tile(np.array([-128, 0], np.int8), (12, 1))), "128 mV")


# --- Gaps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [250, 500, 1000])
def test_a_gap_is_named_with_its_seconds_and_does_not_matter_behind_the_end(rate):
    signal = np.random.default_rng(1).normal(0, 0.3, (12, 12 * rate))
    whole = assemble(channels(signal, rate)).signal
    signal[8, 3 * rate : 4 * rate] = np.nan
    refused(lambda: assemble(channels(signal, rate)), "not finite", "lead V3, missing from 3 to 4 s")
    signal[2, 6 * rate] = np.inf
    refused(lambda: assemble(channels(signal, rate)), "lead III, V3, missing from 3 to 4 s and later")
    signal[[2, 8]] = 0.5 * np.random.default_rng(2).normal(0, 0.3, (2, 12 * rate))
    expected = assemble(channels(signal, rate)).signal
    signal[:, round(10.4 * rate) :] = np.nan
    again = assemble(channels(signal, rate)).signal  # not the first samples at another rate
    np.testing.assert_allclose(again[:, :-50], expected[:, :-50], atol=0.02)
    assert whole.shape == again.shape == (12, SAMPLES)


# --- The order of rows -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "sign", "words"),
    [
        (MIMIC, 1, ["MIMIC-IV-ECG", "rows 0, 1, 2, 3, 5, 4"]),
        (CABRERA, -1, ["-aVR", "Cabrera", "rows 1, 3, 5, 2, 0, 4", "change the sign of aVR"]),
        (CABRERA, 1, ["aVR, II, aVF, III of Cabrera", "rows 1, 3, 5, 2, 0, 4"]),
        ([1, 0, *range(2, 12)], 1, ["another order", "rows 1, 0, 2, 3, 4, 5"]),
        ([*range(6, 12), *range(6)], 1, ["save one row for each"]),
        ([0, 2, 1, *range(3, 12)], 1, ["rows 0, 2, 1, 3, 4, 5"]),
        ([0, 1, 2, 4, 3, *range(5, 12)], 1, ["rows 0, 1, 2, 4, 3, 5"]),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("kind", "factor"), [("<f4", 1.0), ("<i2", 1000.0), ("<f2", 1.0)])
def test_rows_that_break_the_laws_of_the_limb_leads_are_refused(tmp_path, rows, sign, words, turned, kind, factor):
    signal = ECG_.signal[rows].astype(float)
    signal[2] *= sign
    array = np.rint(signal * factor) if kind == "<i2" else signal * factor
    np.save(tmp_path / "a.npy", (array.T if turned else array).astype(kind))
    unit = "mV" if factor == 1 else "uV"
    error = refused(lambda: read_ecg(tmp_path / "a.npy", rate=500, unit=unit), "a.npy", "% of their amplitude", *words)
    assert error.problem.startswith("the first six rows are not I, II, III, aVR, aVL, aVF")


@pytest.mark.parametrize(("step", "small"), [(0.001, 1), (0.005, 1), (0.05, 1), (0.001, 0.1), (0.01, 0.1)])
def test_rounding_breaks_no_law(step, small):
    signal = np.round(small * ECG_.signal.astype(float) / step) * step
    if np.ptp(signal[:6], axis=1).min() > 0:
        check_order(signal, 500, "here")
    floor = np.floor(small * ECG_.signal.astype(float) / step) * step  # as integers are cut
    check_order(floor, 500, "here")


def test_neither_offsets_nor_independent_filters_nor_one_clipped_beat_break_a_law():
    seconds = np.arange(SAMPLES) / 500
    one, two = (ECG_.signal[place] + size * np.sin(seconds) for place, size in ((0, 0.2), (1, -0.3)))
    limbs = np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2])
    cleaned = np.stack([row - median_filter(row, 301) for row in limbs])  # each lead of its wander by itself
    check_order(cleaned, 500, "here")
    assert law_broken(cleaned, 500) is None
    assert law_broken(limbs + np.arange(6)[:, None], 500) is None
    limbs[1, 700:900] = 5.0
    assert law_broken(limbs, 500) is None


@pytest.mark.parametrize("rows", [rows for rows in permutations(range(6)) if rows != tuple(range(6))][::90])
def test_any_other_order_of_rows_cleaned_by_themselves_is_found(rows):
    cleaned = np.stack([row - median_filter(row, 301) for row in ECG_.signal[:6].astype(float)])
    first = ", ".join(str(rows.index(place)) for place in range(6))
    refused(lambda: check_order(cleaned[list(rows)], 500, "here"), "here", f"put rows {first} (counted from 0) first")


def test_leads_of_another_scale_break_a_law():
    for place in range(6):
        limbs = ECG_.signal[:6].astype(float)
        limbs[place] *= 3
        assert "is off by" in law_broken(limbs, 500)
    limbs = ECG_.signal[:6].astype(float)
    limbs[3] *= -1
    refused(lambda: check_order(limbs, 500, "here"), "change the sign of aVR")
    refused(lambda: check_order(limbs / limbs.std(axis=1, keepdims=True), 500, "here"), "is off by")


def test_a_named_lead_and_what_lies_in_the_chest_are_not_tested():
    signal = ECG_.signal[MIMIC]
    assert assemble(channels(signal)).signal.shape == (12, SAMPLES)  # the names are written: they are believed
    chest = ECG_.signal[[*range(6), 11, 10, 9, 8, 7, 6]]
    check_order(chest, 500, "here")


def test_gaps_and_flat_lines_are_left_to_the_record():
    for value in (np.nan, 0.0):
        assert law_broken(np.full((6, 5000), value), 500) is None
        with pytest.raises(DataError, match=r"not finite|never changes"):
            assemble(channels(np.full((12, 5000), value), order_assumed=True))
