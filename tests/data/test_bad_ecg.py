"""Malformed WFDB records: each is refused with its file, what is wrong, and a remedy."""

import os
from pathlib import Path

import numpy as np
import pytest
from helpers.making import make_ecg, refused

from eccl.data.ecg import read_ecg, write_ecg
from eccl.records import SAMPLES


@pytest.fixture
def header(tmp_path, rng) -> Path:
    return write_ecg(tmp_path / "rec", make_ecg(rng))


def edit(header: Path, *replacements: tuple[str, str]) -> None:
    text = header.read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    header.write_text(text)


ECG_HEADERS = {  # what is wrong: (replacements in the header, words of the message)
    "missing lead": ([(" 0 V3", " 0 V33")], ["lead V3 is missing", "V33"]),
    "several missing leads": ([(" 0 V", " 0 xV")], ["lead V1, V2, V3, V4, V5, V6 is missing"]),
    "unnamed leads": ([(f" 0 {lead}\n", "\n") for lead in ("V5", "V6")], ["lead V5, V6 is missing"]),
    "one name for two leads": ([(" 0 V3", " 0 V2")], ["V3 is missing"]),
    "unit K": ([("200(0)/mV", "200(0)/K")], ["lead I", "'K'"]),
    "unit adu": ([("200(0)/mV", "200(0)/adu")], ["'adu'", "gain"]),
    "no unit": ([("200(0)/mV", "200(0)")], ["no unit is stated for lead I", 'unit="mV"']),
    "no gain": ([(" 200(0)/mV 16", "")], ["no unit is stated"]),
    "gain of 0": ([("200(0)/mV", "0(0)/mV")], ["no gain is stated for lead I", "ADC counts"]),
    "no rate": ([("rec 12 500 5000", "rec 12")], ["sampling rate", "not stated"]),
    "rate of 0": ([("rec 12 500 5000", "rec 12 0 5000")], ["sampling rate", "0 Hz"]),
    "several segments": ([("rec 12 500", "rec/2 12 500")], ["several segments"]),
    "no header": ([("rec 12 500 5000", "hello")], ["no WFDB header"]),
    "more signals than there are": ([("rec 12 500", "rec 13 500")], ["rec.hea"]),
    "more samples than there are": ([("500 5000", "500 6000")], ["do not fit"]),
    "unknown format": ([("rec.dat 16 ", "rec.dat 99 ")], ["format 99"]),
}


@pytest.mark.parametrize("case", ECG_HEADERS)
def test_a_malformed_ecg_header_is_refused(header, case):
    replacements, words = ECG_HEADERS[case]
    edit(header, *replacements)
    refused(lambda: read_ecg(header), header, *words)


def test_a_lead_that_is_there_twice_is_refused(header):
    edit(header, ("rec 12 500", "rec 13 500"))
    header.write_text(header.read_text() + "rec.dat 16 200(0)/mV 16 0 0 0 0 avr\n")
    header.with_suffix(".dat").write_bytes(np.zeros((SAMPLES, 13), "<i2").tobytes())
    refused(lambda: read_ecg(header), header, "lead aVR", "more than once")


def test_an_empty_header_is_refused(header):
    header.write_text("")
    refused(lambda: read_ecg(header), header, "no WFDB header")


@pytest.mark.parametrize("size", [0, 1, 60_000, 119_999])
def test_a_truncated_signal_file_is_refused(header, size):
    os.truncate(header.with_suffix(".dat"), size)
    refused(lambda: read_ecg(header), header, "do not fit", "truncated")


def test_a_missing_signal_file_is_named(header):
    header.with_suffix(".dat").unlink()
    refused(lambda: read_ecg(header), header, "rec.dat", "missing")


def test_a_missing_record_is_named(tmp_path):
    refused(lambda: read_ecg(tmp_path / "none"), tmp_path / "none.hea", "No such file")


def test_missing_samples_are_refused_with_their_lead(header):
    data = np.fromfile(header.with_suffix(".dat"), "<i2").reshape(-1, 12)
    data[100, 7] = -32768  # WFDB's mark of a missing sample
    header.with_suffix(".dat").write_bytes(data.tobytes())
    refused(lambda: read_ecg(header), header, "not finite", "lead V2")
    edit(header, ("rec 12 500 5000", "rec 12 400 5000"))
    refused(lambda: read_ecg(header), header, "not finite", "lead V2")  # and before it is resampled


def test_microvolts_that_call_themselves_millivolts_are_refused(header):
    edit(header, ("200(0)/mV", "0.2(0)/mV"))
    refused(lambda: read_ecg(header), header, "mV a surface ECG can have", "uV")


def test_another_rate_may_be_refused(header):
    edit(header, ("12 500 5000", "12 250 5000"))
    assert read_ecg(header).signal.shape == (12, SAMPLES)
    refused(lambda: read_ecg(header, resample=False), header, "250 Hz", "500 Hz", "resample=True")


def test_a_short_record_is_refused_and_not_padded(header):
    edit(header, ("12 500 5000", "12 500 4990"))
    refused(lambda: read_ecg(header), header, "9.98 s", "10 s")
