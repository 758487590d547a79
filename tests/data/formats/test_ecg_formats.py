"""Every ECG format becomes the same ECG; leads by any name, derived leads, odd rates (refusals: test_malformed_ecg)."""

import time

import numpy as np
import pandas as pd
import pydicom
import pytest
import wfdb
from defusedxml import ElementTree
from edfio import Edf, EdfAnnotation, read_edf
from helpers.ecg_files import (
    WRITERS,
    counts,
    dicom_group,
    dicom_names,
    edf_signal,
    write_aecg,
    write_csv,
    write_dicom,
    write_edf,
)
from helpers.making import einthoven, make_ecg
from pydicom.waveforms import multiplex_array

from eccl.data.ecg import read_ecg
from eccl.data.formats.cardiosoft import write_cardiosoft
from eccl.data.formats.leads import lead_name
from eccl.data.standard.twelve_leads import assemble
from eccl.records import ECG, LEADS, SAMPLES, Channels


@pytest.fixture
def ecg(rng) -> ECG:
    return make_ecg(rng)


def channels(signal, rate, names=LEADS, unit="mV"):
    return Channels(tuple(names), np.asarray(signal, dtype=float), (unit,) * len(names), rate, "made here")


# --- Formats --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", WRITERS)
def test_every_format_gives_the_same_ecg_at_the_recorders_resolution(tmp_path, ecg, form):
    name, write, stated = WRITERS[form]
    write(tmp_path / name, ecg)
    again = read_ecg(tmp_path / name, **stated)
    np.testing.assert_allclose(again.signal, ecg.signal, atol=1e-6)
    assert again.signal.dtype == np.float32 and again.sampling_rate == 500 and again.source == str(tmp_path / name)


def test_cardiosoft_is_exact_and_the_same_ecg_gives_the_same_bytes(tmp_path, rng, ecg):
    path = write_cardiosoft(tmp_path / "a.xml", ecg, heart_rate=64.6)
    np.testing.assert_array_equal(read_ecg(path).signal, ecg.signal)
    assert path.read_bytes() == write_cardiosoft(tmp_path / "b.xml", ecg, heart_rate=64.6).read_bytes()
    root = ElementTree.parse(path).getroot()
    rate = root.find("RestingECGMeasurements/VentricularRate")
    assert rate.text == "65" and rate.get("units") == "BPM"
    rough = ECG(rng.normal(0, 1, (12, SAMPLES)))
    again = read_ecg(write_cardiosoft(tmp_path / "c.xml", rough))
    assert np.abs(again.signal - rough.signal).max() <= 0.0025 + 1e-6


def test_cardiosoft_by_hand_with_white_space_another_resolution_and_a_median_beat(tmp_path):
    leads = [f'<WaveformData lead="{lead}">\n\t\t{row}\n\t\t</WaveformData>' for lead, row in zip(LEADS, ["{}"] * 12)]
    body = "".join(leads)
    strip = (
        '<NumberOfLeads>12</NumberOfLeads><SampleRate units="Hz">500</SampleRate><ChannelSampleCountTotal>{n}'
        '</ChannelSampleCountTotal><Resolution units="uVperLsb">2.5</Resolution>'
    )
    digits = ["-7 ,\n\t+3," + ",".join(str((row * place) % 91) for place in range(SAMPLES - 2)) for row in range(1, 13)]
    text = (
        '<?xml version="1.0" encoding="ISO-8859-1"?><CardiologyXML><PatientInfo><Name>J\xf6rg</Name></PatientInfo>'
        f"<RestingECGMeasurements><MedianSamples>{strip.format(n=2)}{body.format(*['900,900'] * 12)}</MedianSamples>"
        f"</RestingECGMeasurements><StripData>{strip.format(n=SAMPLES)}{body.format(*digits)}</StripData></CardiologyXML>"
    )
    (tmp_path / "a.XML").write_bytes(text.encode("iso-8859-1"))
    signal = read_ecg(tmp_path / "a.XML").signal
    expected = [[-7, 3, *((row * place) % 91 for place in range(SAMPLES - 2))] for row in range(1, 13)]
    np.testing.assert_allclose(signal, np.array(expected) * 0.0025, atol=1e-7)


def test_cardiosoft_is_read_in_milliseconds(tmp_path, ecg):
    path = write_cardiosoft(tmp_path / "a.xml", ecg)
    read_ecg(path)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        read_ecg(path)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1


@pytest.mark.parametrize("fmt", ["16", "80", "212", "24", "32"])
def test_wfdb_formats(tmp_path, ecg, fmt):
    gain = 40.0 if fmt == "80" else 200.0  # 8 bits hold little
    signal = np.round(ecg.signal.T.astype(float) * gain) / gain
    wfdb.wrsamp(
        "a",
        fs=500,
        units=["mV"] * 12,
        sig_name=list(LEADS),
        p_signal=signal,
        fmt=[fmt] * 12,
        adc_gain=[gain] * 12,
        baseline=[0] * 12,
        write_dir=str(tmp_path),
    )
    np.testing.assert_allclose(read_ecg(tmp_path / "a").signal, signal.T, atol=1e-6)


def test_matlab_4_of_the_challenges_by_hand(tmp_path, ecg):
    digital = counts(ecg).astype("<i2")
    head = np.array([30, 12, SAMPLES, 0, 4], "<i4").tobytes() + b"val\0"  # int16, little endian, by columns
    (tmp_path / "a.mat").write_bytes(head + digital.T.tobytes())
    lines = [f"a.mat 16x1+24 200(0)/mV 16 0 {row[0]} 0 0 {lead}" for lead, row in zip(LEADS, digital)]
    (tmp_path / "a.hea").write_text("\n".join([f"a 12 500 {SAMPLES}", *lines, "#Dx: 426783006"]))
    np.testing.assert_allclose(read_ecg(tmp_path / "a.mat").signal, ecg.signal, atol=1e-6)


def test_a_silent_wfdb_header_may_be_given_its_rate_but_a_stated_one_stands(tmp_path, ecg):
    name, write, _ = WRITERS["wfdb"]
    header = write(tmp_path / name, ecg)
    np.testing.assert_array_equal(read_ecg(header, rate=250).signal, ecg.signal)
    header.write_text(header.read_text().replace("a 12 500 5000", "a 12"))
    np.testing.assert_array_equal(read_ecg(header, rate=500).signal, ecg.signal)


def test_aecg_adds_its_origin_and_leaves_the_representative_beat(tmp_path, ecg):
    path = write_aecg(tmp_path / "a.xml", ecg, origin=-35.0)
    text = path.read_text()
    beat = text[text.index("<series>") : text.index("</component></AnnotatedECG>")]
    beat = (
        beat.replace("RHYTHM", "REPRESENTATIVE_BEAT")
        .replace("series>", "derivedSeries>")
        .replace("<digits>", "<digits>9")
    )
    path.write_text(text.replace("</series>", f"<derivation>{beat}</derivation></series>"))
    np.testing.assert_allclose(read_ecg(path).signal, ecg.signal, atol=1e-6)


@pytest.mark.parametrize(("kind", "big"), [("<i2", False), (">i2", True), ("<i4", False)])
def test_dicom_takes_the_rhythm_with_its_factor_and_baseline(tmp_path, ecg, kind, big):
    median = dicom_group(np.full((12, 600), 99), 500, dicom_names())
    rhythm = dicom_group(counts(ecg), 500, dicom_names(), baseline=20.0, factor=2.0, kind=kind)
    if big:
        median.WaveformData = median.WaveformData[::-1]
    path = write_dicom(tmp_path / "a.dcm", [median, rhythm], big_endian=big)
    np.testing.assert_allclose(read_ecg(path).signal, ecg.signal + 0.02, atol=1e-6)
    bare = tmp_path / "bare"  # files of an archive have no extension
    path.rename(bare)
    np.testing.assert_allclose(read_ecg(bare).signal, ecg.signal + 0.02, atol=1e-6)


def test_dicom_by_its_channel_labels(tmp_path, ecg):
    group = dicom_group(counts(ecg), 500, dicom_names())
    for channel, lead in zip(group.ChannelDefinitionSequence, LEADS):
        del channel.ChannelSourceSequence
        channel.ChannelLabel = lead.upper()
    np.testing.assert_allclose(read_ecg(write_dicom(tmp_path / "a.dcm", [group])).signal, ecg.signal, atol=1e-6)


def test_edf_reads_its_leads_among_slower_signals_and_annotations(tmp_path, ecg):
    breath = edf_signal(np.zeros(250), 25, "Resp", "cmH2O")
    leads = [edf_signal(row, 500, lead.upper()) for lead, row in zip(LEADS, counts(ecg))]
    path = tmp_path / "a.edf"
    Edf([breath, *leads], annotations=[EdfAnnotation(1, None, "start")]).write(path)
    np.testing.assert_allclose(read_ecg(path).signal, ecg.signal, atol=1e-6)
    reference = read_edf(path)  # edfio's own scaling
    np.testing.assert_allclose(read_ecg(path).signal[3], reference.get_signal("AVR").data / 1000, atol=1e-6)


def test_of_a_long_edf_only_the_beginning_is_read(tmp_path, ecg):
    signal = np.tile(ecg.signal, 20)
    path = write_edf(tmp_path / "a.edf", ECG(signal))
    np.testing.assert_allclose(read_ecg(path).signal, ecg.signal, atol=1e-6)
    np.testing.assert_allclose(read_ecg(path, duration=40).signal, signal[:, : 4 * SAMPLES], atol=1e-6)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(("column", "factor"), [("time (s)", 1.0), ("Time [ms]", 1000.0)])
def test_csv_takes_its_rate_from_a_column_of_time(tmp_path, ecg, separator, column, factor):
    table = pd.DataFrame(ecg.signal.T.astype(float) * 1000, columns=[f"{lead} [\u00b5V]" for lead in LEADS]).round(3)
    table.insert(3, column, (np.arange(SAMPLES) / 500 * factor).round(6))
    table.to_csv(tmp_path / "a.csv", sep=separator, index=False)
    np.testing.assert_allclose(read_ecg(tmp_path / "a.csv").signal, ecg.signal, atol=1e-6)
    np.testing.assert_allclose(read_ecg(tmp_path / "a.csv", rate=100, unit="V").signal, ecg.signal, atol=1e-6)


def test_csv_in_a_stated_unit_and_npy_either_way_round(tmp_path, ecg):
    path = write_csv(tmp_path / "a.csv", ecg, list(LEADS))
    np.testing.assert_allclose(read_ecg(path, rate=500, unit="mV").signal, ecg.signal, atol=1e-6)
    for array in (ecg.signal, ecg.signal.T, np.asfortranarray(ecg.signal), ecg.signal.astype(">f8")):
        np.save(tmp_path / "a.npy", array)
        np.testing.assert_array_equal(read_ecg(tmp_path / "a.npy", rate=500, unit="mV").signal, ecg.signal)
    np.save(tmp_path / "a.npy", counts(ecg).astype("i2") * 5)
    np.testing.assert_allclose(read_ecg(tmp_path / "a.npy", rate=500, unit="uV").signal, ecg.signal, atol=1e-6)


# --- Real files -----------------------------------------------------------------------------------------------------


def test_a_real_dicom_ecg(real_data):
    path = real_data / "ecg/other/pydicom_waveform_ecg.dcm"
    dataset = pydicom.dcmread(path)
    reference = multiplex_array(dataset, 0, as_raw=False).T / 1000  # uV; the order of the leads is that of LEADS
    definitions = dataset.WaveformSequence[0].ChannelDefinitionSequence
    assert [item.ChannelSourceSequence[0].CodeMeaning.split()[1] for item in definitions] == list(LEADS)
    native = read_ecg(path, sampling_rate=1000)
    np.testing.assert_allclose(native.signal, reference, atol=1e-6)
    ecg = read_ecg(path)
    assert ecg.signal.shape == (12, SAMPLES) and einthoven(ecg) < 0.005
    assert np.corrcoef(ecg.signal.ravel(), reference[:, ::2].ravel())[0, 1] > 0.999


def test_a_real_hl7_ecg(real_data):
    path = real_data / "ecg/other/hl7_example_aecg.xml"
    name = "{urn:hl7-org:v3}"
    expected = {}
    for sequence in ElementTree.parse(path).getroot().iter(f"{name}sequence"):
        code = sequence.find(f"{name}code").get("code").removeprefix("MDC_ECG_LEAD_")
        digits = sequence.findtext(f"{name}value/{name}digits")
        if digits and code not in expected:  # the rhythm comes first, the representative beat repeats its leads
            expected[code] = np.array(digits.split(), dtype=float) * 2.5e-3
    ecg = read_ecg(path)
    np.testing.assert_allclose(ecg.signal, [expected[lead.upper()] for lead in LEADS], atol=1e-6)
    assert ecg.signal.shape == (12, SAMPLES) and einthoven(ecg) < 0.005


def test_real_wfdb_at_1000_hz_and_matlab_keep_einthovens_law(real_data):
    ecg = read_ecg(real_data / "ecg/ptb/s0010_re", unit="mV")
    reference = wfdb.rdrecord(str(real_data / "ecg/ptb/s0010_re"), sampto=10_000).p_signal[::2, :12].T
    assert einthoven(ecg) < 0.01 and np.corrcoef(ecg.signal.ravel(), reference.ravel())[0, 1] > 0.999
    matlab = read_ecg(real_data / "ecg/cinc2021/E07500.mat")
    np.testing.assert_allclose(
        matlab.signal, wfdb.rdrecord(str(real_data / "ecg/cinc2021/E07500")).p_signal.T, atol=1e-6
    )


# --- Leads and units ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "lead"),
    [
        *(
            (spelling, "aVR")
            for spelling in ("aVR", "AVR", "avr", " aVR ", "Lead aVR", "LEAD AVR", "ECG aVR", "EKG avr")
        ),
        *((spelling, "aVR") for spelling in ("MDC_ECG_LEAD_AVR", "ECG Lead  aVR", "aVR, augmented voltage, right")),
        *((spelling, "I") for spelling in ("I", "i", "Lead I", "Lead I (Einthoven)", "EKG I", "DI", "MDC_ECG_LEAD_I")),
        *((spelling, "V1") for spelling in ("V1", "v1", "ECG V1", "ECG_V1", "Lead V1")),
        *((spelling, "III") for spelling in ("III", "DIII", "lead iii")),
        *((spelling, None) for spelling in ("-aVR", "Lead -aVR", "ECG -aVR", "aVR-", "aVRneg", "MDC_ECG_LEAD_AVRneg")),
        *((spelling, None) for spelling in ("V3R", "V7", "V10", "MLII", "vx", "", None, "Lead", "ECG", "Resp", "IV")),
        *((spelling, None) for spelling in ("MDC_ECG_LEAD_", "II-III", "D1", "V 1", "l", "|", "ⅠⅠ")),
    ],
)
def test_labels_mean_a_lead_or_none(label, lead):
    assert lead_name(label) == lead


@pytest.mark.parametrize(
    ("unit", "scale"),
    [("mV", 1), ("MV", 1), ("uV", 1e3), ("\u00b5V", 1e3), ("\u03bcV", 1e3), ("V", 1e-3), ("nV", 1e6)],
)
def test_units_of_voltage(ecg, unit, scale):
    again = assemble(channels(ecg.signal.astype(float) * scale, 500, unit=unit))
    np.testing.assert_allclose(again.signal, ecg.signal, atol=1e-6)


@pytest.mark.parametrize("absent", [{"III"}, {"aVR"}, {"aVL"}, {"aVF"}, {"III", "aVR", "aVL", "aVF"}])
def test_missing_limb_leads_are_derived_from_i_and_ii(ecg, absent):
    there = [lead for lead in LEADS if lead not in absent]
    again = assemble(channels([ecg.lead(lead) for lead in there], 500, there))
    one, two = ecg.lead("I"), ecg.lead("II")
    law = {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}
    for lead in LEADS:
        np.testing.assert_allclose(again.lead(lead), law[lead] if lead in absent else ecg.lead(lead), atol=1e-6)
    np.testing.assert_allclose(again.signal, ecg.signal, atol=0.0051)  # the leads were rounded to 5 uV each


def test_leads_that_are_there_are_not_derived(ecg):
    signal = ecg.signal.astype(float)
    signal[2] += 0.5
    np.testing.assert_allclose(assemble(channels(signal, 500)).signal, signal, atol=1e-6)


def test_derived_leads_take_the_unit_of_each_lead_into_account(ecg):
    there = [lead for lead in LEADS if lead != "III"]
    signal = np.array([ecg.lead(lead) for lead in there], dtype=float)
    signal[0] *= 1000
    mixed = Channels(tuple(there), signal, ("uV", *["mV"] * 10), 500.0, "made here")
    np.testing.assert_allclose(assemble(mixed).lead("III"), ecg.lead("III"), atol=0.0051)


# --- Rates ----------------------------------------------------------------------------------------------------------


def waves(rate, seconds, hertz):
    """Twelve sines of rising phase, (12, T)."""
    at = np.arange(round(seconds * rate)) / rate
    return np.sin(2 * np.pi * hertz * at + np.arange(12)[:, None])


@pytest.mark.parametrize("rate", [100, 128, 257, 333.3, 360, 499.98, 500.004, 977, 1000, 1024, 2000])
@pytest.mark.parametrize("seconds", [10, 12])
def test_any_rate_becomes_500_hz_without_drift(rate, seconds):
    again = assemble(channels(waves(rate, seconds, 11.0), rate)).signal
    assert again.shape == (12, SAMPLES)
    inner = slice(250, -250)
    np.testing.assert_allclose(again[:, inner], waves(500, 10, 11.0)[:, inner], atol=0.01)
    # The phase at the end, over half a second: a drift of 0.1 ms would be 0.007.
    tail = slice(-500, -250)
    error = again[:, tail] - waves(500, 10, 11.0)[:, tail]
    assert np.sqrt((error**2).mean()) < 0.006


@pytest.mark.parametrize(("rate", "hertz"), [(1000, 400.0), (977, 350.0), (2000, 730.0), (1000, 300.0)])
def test_what_500_hz_cannot_hold_does_not_come_back_as_another_frequency(rate, hertz):
    again = assemble(channels(waves(rate, 11, hertz) + waves(rate, 11, 1.0), rate)).signal
    assert np.abs(again - waves(500, 10, 1.0))[:, 250:-250].max() < 0.01


def test_another_wanted_rate_and_length(ecg):
    again = assemble(channels(waves(360, 30, 5.0), 360), sampling_rate=250, duration=25)
    assert again.signal.shape == (12, 6250) and again.sampling_rate == 250
    np.testing.assert_allclose(again.signal[:, 250:-250], waves(250, 25, 5.0)[:, 250:-250], atol=0.01)
