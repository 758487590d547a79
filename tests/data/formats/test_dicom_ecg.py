"""DICOM ECG as recorders and archives write it: padding, coded leads, several groups, empty elements, other classes."""

import numpy as np
import pydicom
import pytest
from helpers.ecg_files import counts, dicom_group, dicom_names, write_dicom
from helpers.making import make_ecg, refused
from pydicom.waveforms import multiplex_array

from eccl.data.formats.dicom_ecg import read_dicom_ecg
from eccl.data.standard.twelve_leads import assemble
from eccl.records import LEADS, SAMPLES

ECG_ = make_ecg(np.random.default_rng(6))
COUNTS = counts(ECG_)  # 5 uV each
NUMBERS = dict(zip(LEADS, (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8)))
PADDING, SKEW, OFFSET = 0x5400100A, "ChannelSampleSkew", "MultiplexGroupTimeOffset"
HEMODYNAMIC = "1.2.840.10008.5.1.4.1.1.9.2.1"


def read(path):
    return assemble(read_dicom_ecg(path))


def group_of(leads=LEADS, samples=COUNTS, names=None, **more):
    rows = samples[[LEADS.index(lead) for lead in leads]]
    return dicom_group(rows, 500, tuple(names or (f"Lead {lead}" for lead in leads)), **more)


def code(group, place, value, scheme, meaning=None):
    source = group.ChannelDefinitionSequence[place].ChannelSourceSequence[0]
    source.CodeValue, source.CodingSchemeDesignator = value, scheme
    if meaning is not None:
        source.CodeMeaning = meaning
    return group


def coded(form, scheme, meaning="Ableitung"):
    group = group_of()
    for place, lead in enumerate(LEADS):
        code(group, place, form.format(NUMBERS[lead], lead.upper(), 131072 + NUMBERS[lead]), scheme, meaning)
    return group


def same(path):
    np.testing.assert_allclose(read(path).signal, ECG_.signal, atol=1e-6)


# --- Padding --------------------------------------------------------------------------------------------------------


def padded(samples, value, kind="<i2"):
    group = group_of(samples=samples, kind=kind)
    group.add_new(PADDING, "OW", np.array(value, kind).tobytes())
    return group


@pytest.mark.parametrize("value", [0, 1, -20, 100, -32768])
@pytest.mark.parametrize("kind", ["<i2", ">i2"])
def test_a_line_may_cross_the_padding_value(tmp_path, value, kind):
    same(write_dicom(tmp_path / "a.dcm", [padded(COUNTS, value, kind)], big_endian=kind == ">i2"))


def test_a_line_without_noise_may_rest_on_the_padding_value(tmp_path):
    beat = 200 * np.exp(-(((np.arange(SAMPLES) / 500 % 0.9 - 0.4) / 0.02) ** 2))
    samples = np.rint(np.linspace(-1, 1.3, 12)[:, None] * beat).astype(int)
    assert (samples == 0).all(axis=0).mean() > 0.7
    path = write_dicom(tmp_path / "a.dcm", [padded(samples, 0)])
    np.testing.assert_allclose(read(path).signal, samples * 0.005, atol=1e-6)


@pytest.mark.parametrize("value", [0, -32768, 32767, 7])
@pytest.mark.parametrize(("start", "end"), [(1500, 2000), (1500, 2500), (1510, 1525), (0, 300), (4900, 5000)])
def test_a_stretch_of_all_leads_is_missing_from_then_to_then(tmp_path, value, start, end):
    samples = COUNTS + 40 * np.arange(-6, 6)[:, None]  # offsets, as electrodes have
    samples[:, start:end] = value
    path = write_dicom(tmp_path / "a.dcm", [padded(samples, value)])
    refused(lambda: read(path), path, f"missing from {start / 500:g} to {end / 500:g} s")


def test_a_lead_that_lies_on_the_padding_value_for_beats_is_missing(tmp_path):
    samples = COUNTS.copy()
    samples[8, 2500:] = 0  # printed by parts: each lead for a quarter of the time
    path = write_dicom(tmp_path / "a.dcm", [padded(samples, 0)])
    refused(lambda: read(path), path, "lead V3, missing from 5 to 10 s")
    samples[8] = COUNTS[8]
    samples[8, 2500:3200] = 0
    write_dicom(path, [padded(samples, 0)])
    assert (read(path).lead("V3")[2500:3200] == 0).all()


def test_padding_behind_the_ten_seconds_does_not_matter(tmp_path):
    samples = np.concatenate([COUNTS, np.full((12, 900), -32768)], axis=1)
    same(write_dicom(tmp_path / "a.dcm", [padded(samples, -32768)]))


@pytest.mark.parametrize("content", [b"", b"\0"])
def test_an_empty_padding_value_is_none(tmp_path, content):
    group = group_of()
    group.add_new(PADDING, "OW", content)
    same(write_dicom(tmp_path / "a.dcm", [group]))


# --- Which lead a channel is ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "scheme"),
    [
        *(("5.6.3-9-{0}", "SCPECG"), ("5.6.3-9-{0} ", "SCPECG "), ("5.6.3-9-{0}", "99LOCAL"), ("{0}", "SCPECG")),
        *(("2:{0}", "MDC"), ("MDC_ECG_LEAD_{1}", "MDC"), ("{2}", "MDC"), ("{1}", "99LOCAL")),
        ("5.6.3-9-{0}\0", "SCPECG"),
    ],
)
@pytest.mark.parametrize("meaning", ["Ableitung", "D\u00e9riv.", "", "Lead"])
def test_leads_are_told_by_their_codes(tmp_path, form, scheme, meaning):
    group = coded(form, scheme, meaning)
    path = tmp_path / "a.dcm"
    write_dicom(path, [group])
    same(path)


@pytest.mark.parametrize("spell", ["{}\0", " {} ", "Lead {}\0\0", "LEAD {}", "{}, augmented voltage, right"])
def test_leads_are_told_by_their_meaning_or_label_without_what_fills_it(tmp_path, spell):
    spelt = [spell.format(lead) if "right" not in spell or lead == "aVR" else lead for lead in LEADS]
    same(write_dicom(tmp_path / "a.dcm", [group_of(names=spelt)]))
    labelled = coded("0", "SCPECG")  # an unspecified lead: the words count
    for channel, lead in zip(labelled.ChannelDefinitionSequence, spelt):
        channel.ChannelLabel = lead
    same(write_dicom(tmp_path / "b.dcm", [labelled]))


@pytest.mark.parametrize(
    ("value", "scheme", "meaning", "label", "words"),
    [
        ("5.6.3-9-3", "SCPECG", "Lead V2", "", ["V1 and V2"]),
        ("2:61", "MDC", "II", "", ["II and III"]),
        ("5.6.3-9-3", "SCPECG", "", "V2", ["V1 and V2"]),
        ("x", "UCUM", "Lead V1", "V2", ["V1 and V2"]),
        ("MDC_ECG_LEAD_V1", "MDC", "Lead V2", "", ["V1 and V2"]),
    ],
)
def test_a_channel_of_two_names_is_refused(tmp_path, value, scheme, meaning, label, words):
    group = code(group_of(), 6, value, scheme, meaning)
    group.ChannelDefinitionSequence[6].ChannelLabel = label
    path = write_dicom(tmp_path / "a.dcm", [group])
    refused(lambda: read(path), path, *words)


@pytest.mark.parametrize(("value", "scheme"), [("5.6.3-9-65", "SCPECG"), ("2:112", "MDC"), ("5.6.3-9-24", "SCPECG")])
def test_a_coded_lead_that_is_none_of_the_twelve_is_left_out_whatever_it_is_called(tmp_path, value, scheme):
    samples = COUNTS.copy()
    samples[3] *= -1
    group = code(group_of(samples=samples), 3, value, scheme, "aVR")
    signal = read(write_dicom(tmp_path / "a.dcm", [group])).signal
    np.testing.assert_allclose(signal[3], -(ECG_.signal[0] + ECG_.signal[1]) / 2, atol=1e-6)
    path = write_dicom(tmp_path / "b.dcm", [code(group_of(), 8, value, scheme, "V3")])
    refused(lambda: read(path), path, "lead V3 is missing")


# --- Groups ---------------------------------------------------------------------------------------------------------


def parted(parts, samples=COUNTS, offsets=None):
    groups = [group_of(part, samples) for part in parts]
    for group, offset in zip(groups, offsets or []):
        if offset is not None:
            group.MultiplexGroupTimeOffset = offset
    return groups


SIXES = (LEADS[:6], LEADS[6:])
THREES = (LEADS[:3], LEADS[3:6], LEADS[6:9], LEADS[9:])


@pytest.mark.parametrize("parts", [SIXES, THREES, tuple((lead,) for lead in LEADS), (*THREES, ("II",)), SIXES[::-1]])
@pytest.mark.parametrize("offset", [None, 0, "", "12.5"])
def test_groups_of_one_time_are_joined(tmp_path, parts, offset):
    groups = parted(parts, offsets=[offset] * len(parts))
    median = dicom_group(np.full((12, 600), 99), 500, dicom_names())
    median.WaveformOriginality = "DERIVED"
    del median.WaveformData  # what is not needed is not asked for
    same(write_dicom(tmp_path / "a.dcm", [median, *groups]))


def test_of_an_offset_of_0_and_of_none_the_time_is_one(tmp_path):
    same(write_dicom(tmp_path / "a.dcm", parted(SIXES, offsets=[None, 0])))


@pytest.mark.parametrize("strip", [False, True])
def test_leads_that_were_recorded_one_after_another_are_not_simultaneous(tmp_path, strip):
    parts = [group_of(part, COUNTS[:, n * 1250 : (n + 1) * 1250]) for n, part in enumerate(THREES)]
    for n, group in enumerate(parts):
        group.MultiplexGroupTimeOffset = 2500 * n
    path = write_dicom(tmp_path / "a.dcm", [*parts, *([group_of(("II",))] if strip else [])])
    refused(lambda: read(path), path, "not simultaneous", "aVR, aVL, aVF from 2.5 to 5 s at 500 Hz")


def test_groups_of_two_rates_are_not_simultaneous(tmp_path):
    slow = group_of(LEADS[6:], COUNTS[:, ::2])
    slow.SamplingFrequency = 250
    path = write_dicom(tmp_path / "a.dcm", [group_of(LEADS[:6]), slow])
    refused(lambda: read(path), path, "not simultaneous", "at 250 Hz", "at 500 Hz")


def test_a_lead_of_two_groups_that_differ_is_there_twice(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", [*parted(SIXES), group_of(("II",), COUNTS + 1)])
    refused(lambda: read(path), path, "lead II is there more than once")


def test_of_two_whole_groups_the_first_of_the_longest_is_read(tmp_path):
    short, other = group_of(samples=COUNTS[:, :4000] * 2), group_of(samples=COUNTS * 3)
    same(write_dicom(tmp_path / "a.dcm", [short, group_of(), other]))


# --- What is not needed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["ChannelSensitivityCorrectionFactor", "ChannelBaseline", SKEW, "ChannelTimeSkew", "ChannelLabel"]
)
def test_an_empty_optional_element_counts_as_absent(tmp_path, name):
    for value in ("", None):
        group = group_of()
        for channel in group.ChannelDefinitionSequence:
            setattr(channel, name, value)
        same(write_dicom(tmp_path / "a.dcm", [group]))


def test_a_correction_of_0_is_no_correction(tmp_path):
    group = group_of()
    group.ChannelDefinitionSequence[4].ChannelSensitivityCorrectionFactor = 0
    path = write_dicom(tmp_path / "a.dcm", [group])
    refused(lambda: read(path), path, "a sensitivity of 0 for Lead aVL")


@pytest.mark.parametrize(("name", "small", "large"), [(SKEW, "0.9", "3"), ("ChannelTimeSkew", "0.0019", "0.006")])
def test_leads_may_lag_by_less_than_a_sample(tmp_path, name, small, large):
    group = group_of()
    setattr(group.ChannelDefinitionSequence[9], name, small)
    same(write_dicom(tmp_path / "a.dcm", [group]))
    setattr(group.ChannelDefinitionSequence[9], name, large)
    path = write_dicom(tmp_path / "b.dcm", [group])
    refused(lambda: read(path), path, "not simultaneous", "V4 lags 6 ms behind I")
    for channel in group.ChannelDefinitionSequence:
        setattr(channel, name, large)
    same(write_dicom(tmp_path / "c.dcm", [group]))


def test_other_channels_need_no_calibration(tmp_path):
    group = dicom_group(np.vstack([COUNTS, COUNTS[:1]]), 500, (*dicom_names(), "Pressure"))
    del group.ChannelDefinitionSequence[12].ChannelSensitivity
    same(write_dicom(tmp_path / "a.dcm", [group]))


def test_waveforms_of_a_catheter_laboratory_are_read_where_the_twelve_leads_are_in_them(tmp_path):
    pressure = dicom_group(COUNTS[:2, ::2], 250, ("Arterial pressure", "Pulse"))
    same(write_dicom(tmp_path / "a.dcm", [pressure, group_of()], kind=HEMODYNAMIC))
    path = write_dicom(tmp_path / "b.dcm", [pressure, group_of(LEADS[:3])], kind=HEMODYNAMIC)
    refused(lambda: read(path), path, "Hemodynamic Waveform Storage is no ECG")


def test_pydicom_gives_the_same_millivolts(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", [group_of(baseline=15.0, factor=1.5)])
    reference = multiplex_array(pydicom.dcmread(path), 0, as_raw=False).T / 1000
    np.testing.assert_allclose(read(path).signal, reference, atol=1e-6)
