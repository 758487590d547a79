"""Every malformed ECG file of any format is a DataError that holds the file, the value and a remedy."""

import time
from pathlib import Path

import numpy as np
import pytest
from edfio import Edf
from helpers.ecg_damage import (
    AECG,
    CARDIOSOFT,
    CSV,
    DICOM,
    ECG_,
    EDF,
    NPY,
    STATED,
    WFDB,
    WRITE,
    both,
    cell,
    cut,
    first,
    header,
    rows,
    saved,
    swap,
    twice_lead,
    valid,
    whole,
    without_lead,
)
from helpers.ecg_files import TWELVE_LEAD, counts, dicom_group, dicom_names, edf_signal, write_dicom, write_edf
from helpers.making import refused
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from eccl.data.ecg import read_ecg
from eccl.data.standard.twelve_leads import assemble
from eccl.records import LEADS, Channels


@rows
def in_microvolt(table):
    return [table[0], *([f"{float(value) * 1e3:.0f}" for value in row] for row in table[1:])]


def timed(seconds):
    """A column of time before all others."""
    return rows(lambda table: [["time (s)", *table[0]], *([f"{seconds(n)}", *row] for n, row in enumerate(table[1:]))])


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY l "lol">'
    + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)).replace("&l0;", "&l;")
    + "]><CardiologyXML>&l9;</CardiologyXML>"
).encode()
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><CardiologyXML>&x;</CardiologyXML>'
)
WAVE = ("<WaveformData", "</WaveformData>")
SEQUENCE = ("<component>", "</component>")
INF = ECG_.signal.copy()
INF[4, 17] = np.inf

CASES = {  # what is wrong: (file, change of its bytes, words of the message)
    # XML of any kind
    "XML truncated": (CARDIOSOFT, cut(0.6), ["damaged, or no XML"]),
    "XML of another root": (
        CARDIOSOFT,
        swap(("CardiologyXML", "MuseXML")),
        ["'MuseXML'", "CardiologyXML", "AnnotatedECG"],
    ),
    "XML of nothing": (CARDIOSOFT, whole(b""), ["no XML"]),
    "XML of binary garbage": (CARDIOSOFT, whole(bytes(range(256)) * 9), ["no XML"]),
    "XML with an entity expansion": (CARDIOSOFT, whole(LAUGHS), ["document type or an entity"]),
    "XML with an external entity": (CARDIOSOFT, whole(OUTSIDE), ["document type or an entity"]),
    "XML with an entity that nothing uses": (
        CARDIOSOFT,
        first("<CardiologyXML>", '<!DOCTYPE a [<!ENTITY b "c">]><CardiologyXML>'),
        ["document type or an entity"],
    ),
    "XML in an unknown encoding": (CARDIOSOFT, first("ISO-8859-1", "klingon"), ["no XML", "klingon"]),
    # CardioSoft
    "CardioSoft without strip": (CARDIOSOFT, swap(("StripData", "FullDisclosure")), ["0 StripData"]),
    "CardioSoft without unit of the resolution": (
        CARDIOSOFT,
        first(' units="uVperLsb"', ""),
        ["Resolution has no unit"],
    ),
    "CardioSoft in mV per bit": (CARDIOSOFT, first("uVperLsb", "mVperLsb"), ["'mVperLsb'", "'uVperLsb'"]),
    "CardioSoft without resolution": (CARDIOSOFT, swap(("Resolution", "Other")), ["Resolution is missing"]),
    "CardioSoft of resolution 0": (CARDIOSOFT, first(">5</Res", ">0</Res"), ["Resolution is '0' uVperLsb"]),
    "CardioSoft of infinite resolution": (CARDIOSOFT, first(">5</Res", ">inf</Res"), ["'inf' uVperLsb"]),
    "CardioSoft without unit of the rate": (CARDIOSOFT, first(' units="Hz"', ""), ["SampleRate has no unit", "in Hz"]),
    "CardioSoft of rate 0": (CARDIOSOFT, first(">500<", ">0<"), ["SampleRate is '0' Hz"]),
    "CardioSoft of a negative rate": (CARDIOSOFT, first(">500<", ">-500<"), ["'-500' Hz"]),
    "CardioSoft in kHz that calls itself Hz": (CARDIOSOFT, first(">500<", ">0.5<"), ["0.5 Hz", "50 to 50000 Hz"]),
    "CardioSoft with another count of samples": (CARDIOSOFT, first(">5000<", ">4999<"), ["'4999'", "there are 5000"]),
    "CardioSoft with another count of leads": (CARDIOSOFT, first(">12<", ">8<"), ["NumberOfLeads is '8'", "12"]),
    "CardioSoft of 11 leads": (
        CARDIOSOFT,
        both(without_lead(*WAVE, '"V3"'), first(">12<", ">11<")),
        ["lead V3 is missing", "V2, V4"],
    ),
    "CardioSoft with a lead twice": (
        CARDIOSOFT,
        both(twice_lead(*WAVE, '"V2"'), first(">12<", ">13<")),
        ["lead V2 is there more than once"],
    ),
    "CardioSoft with a shorter lead": (CARDIOSOFT, first('"V5">\n      ', '"V5">\n 1,'), ["different length", "5001"]),
    "CardioSoft with a word for a sample": (CARDIOSOFT, first('"II">\n      ', '"II">\n n/k,'), ["'n/k'", "lead II"]),
    "CardioSoft with a fraction": (CARDIOSOFT, first('"II">\n      ', '"II">\n 1.5,'), ["'1.5'", "whole number"]),
    "CardioSoft with NaN": (CARDIOSOFT, first('"II">\n      ', '"II">\n nan,'), ["'nan'"]),
    "CardioSoft with a gap": (CARDIOSOFT, first('"II">\n      ', '"II">\n ,'), ["''", "whole number"]),
    "CardioSoft with an endless number": (CARDIOSOFT, first('"II">\n      ', '"II">\n' + "9" * 5000 + ","), ["999"]),
    "CardioSoft with an empty lead": (
        CARDIOSOFT,
        both(first('"II">', '"II"></WaveformData><WaveformData lead="x">'), first(">12<", ">13<")),
        ["lead II is empty"],
    ),
    "CardioSoft without leads": (
        CARDIOSOFT,
        both(swap(("WaveformData", "Waveform")), first(">12<", ">0<"), first(">5000<", ">0<")),
        ["is missing among no channels"],
    ),
    "CardioSoft above 20 mV": (CARDIOSOFT, first(">5</Res", ">500</Res"), ["mV a surface ECG can have"]),
    "CardioSoft too short": (CARDIOSOFT, first(">500<", ">501<"), ["9.98 s long, shorter than 10 s"]),
    # HL7 aECG
    "HL7 truncated": (AECG, cut(0.3), ["damaged, or no XML"]),
    "HL7 without rhythm": (AECG, swap(("RHYTHM", "REPRESENTATIVE_BEAT")), ["0 rhythm series"]),
    "HL7 without scale": (
        AECG,
        first('<scale value="5" unit="uV"/>', ""),
        ["the scale of lead MDC_ECG_LEAD_I is missing"],
    ),
    "HL7 without unit of the scale": (AECG, first('5" unit="uV"/>', '5"/>'), ["no unit is stated", "MDC_ECG_LEAD_I"]),
    "HL7 in kelvin": (AECG, first('value="5" unit="uV"', 'value="5" unit="K"'), ["'K'", "MDC_ECG_LEAD_I"]),
    "HL7 of scale 0": (AECG, first('value="5" unit="uV"', 'value="0" unit="uV"'), ["a scale of 0 uV"]),
    "HL7 of a scale that is no number": (AECG, first('value="5" unit="uV"', 'value="five" unit="uV"'), ["'five'"]),
    "HL7 without origin": (AECG, first('<origin value="0" unit="uV"/>', ""), ["the origin of lead MDC_ECG_LEAD_I"]),
    "HL7 with leads of different length": (AECG, first("<digits>", "<digits>7 "), ["different length", "5001"]),
    "HL7 without increment": (AECG, first('<increment value="0.002" unit="s"/>', ""), ["time between samples", "None"]),
    "HL7 of an increment in minutes": (AECG, first('unit="s"', 'unit="min"'), ["'min'"]),
    "HL7 of increment 0": (AECG, first('"0.002"', '"0"'), ["time between samples is '0' s"]),
    "HL7 in ms that calls itself s": (AECG, first('"0.002"', '"2"'), ["0.5 Hz"]),
    "HL7 without time": (AECG, swap(("GLIST_TS", "NONE")), ["the sampling rate is not stated"]),
    "HL7 of another list": (AECG, first("SLIST_PQ", "SLIST_INT"), ["'SLIST_INT'"]),
    "HL7 with a fraction": (AECG, first("<digits>", "<digits>0.5 "), ["'0.5'"]),
    "HL7 of 11 leads": (AECG, first("LEAD_V4", "LEAD_V4R"), ["lead V4 is missing", "V3"]),
    "HL7 with a lead twice": (AECG, first("LEAD_V4", "LEAD_V5"), ["V4 is missing"]),
    "HL7 with two sets": (AECG, first("</sequenceSet>", "</sequenceSet><sequenceSet/>"), ["2 sets of sequences"]),
    # DICOM
    "DICOM truncated": (DICOM, cut(0.7), [""]),
    "DICOM truncated in its header": (DICOM, lambda raw: raw[:200], ["transfer syntax None"]),
    "DICOM of nothing": (DICOM, whole(b""), ["damaged, or no DICOM"]),
    "DICOM of text": (DICOM, whole(b"no DICOM" * 50), ["damaged, or no DICOM"]),
    "DICOM of a compressed syntax": (DICOM, swap(("1.2.840.10008.1.2.1\0", "1.2.840.10008.1.2.9\0")), ["10008.1.2.9"]),
    # EDF
    "EDF truncated": (EDF, cut(0.5), ["10 data records stated, but 4 whole ones"]),
    "EDF truncated by one byte": (EDF, lambda raw: raw[:-1], ["10 data records stated, but 9 whole ones"]),
    "EDF truncated in its header": (EDF, lambda raw: raw[:700], ["neither EDF nor BDF"]),
    "EDF of nothing": (EDF, whole(b""), ["neither EDF nor BDF"]),
    "EDF of text": (EDF, whole(b"no EDF " * 99), ["neither EDF nor BDF"]),
    "EDF in degC": (EDF, header(96, 8, "degC", True), ["lead I", "'degC'"]),
    "EDF without unit": (EDF, header(96, 8, "", True), ["no unit is stated for lead I"]),
    "EDF of 11 leads": (EDF, swap(("ECG V6 ", "ECG V9 ")), ["lead V6 is missing"]),
    "EDF with a lead twice": (EDF, swap(("ECG V6 ", "ECG V5 ")), ["V6 is missing"]),
    "EDF of an empty physical range": (EDF, header(104, 8, "163835", True), ["ECG I", "163835 to 163835"]),
    "EDF of an empty digital range": (EDF, header(120, 8, "32767", True), ["ECG I", "32767 to 32767"]),
    "EDF of a range that is no number": (EDF, header(104, 8, "low", True), ["neither EDF nor BDF", "low"]),
    "EDF of a range that is NaN": (EDF, header(104, 8, "nan", True), ["ECG I", "nan"]),
    "EDF of a digital range that is no number": (EDF, header(120, 8, "low", True), ["neither EDF nor BDF"]),
    "EDF with records of 0 s": (EDF, header(244, 8, "0"), ["data records of 0 s"]),
    "EDF with records of negative length": (EDF, header(244, 8, "-1"), ["data records of -1 s"]),
    "EDF with more records than there are": (EDF, header(236, 8, "9999"), ["9999 data records", "10 whole ones"]),
    "EDF with more signals than there are": (EDF, header(252, 4, "9999"), ["neither EDF nor BDF"]),
    "EDF with gaps": (EDF, header(192, 44, "EDF+D"), ["EDF+D", "gaps"]),
    # CSV
    "CSV of nothing": (CSV, whole(b""), ["0 rows"]),
    "CSV of titles alone": (CSV, lambda raw: raw.split(b"\n")[0], ["1 rows"]),
    "CSV ragged": (
        CSV,
        rows(lambda table: [*table[:9], table[9][:11], *table[10:]]),
        ["12 titles over 11 cells in row 9"],
    ),
    "CSV with one title less": (CSV, rows(lambda table: [table[0][:11], *table[1:]]), ["11 titles over 12 cells"]),
    "CSV with a word": (CSV, cell(7, 3, "n/k"), ["row 7", "'n/k'", "aVR"]),
    "CSV with a gap": (CSV, cell(7, 3, ""), ["row 7", "''", "aVR"]),
    "CSV with NaN": (CSV, cell(7, 3, "nan"), ["not finite", "lead aVR"]),
    "CSV with an infinite sample": (CSV, cell(7, 3, "-inf"), ["not finite", "lead aVR"]),
    "CSV with two columns of a lead": (CSV, first("V2", "V1"), ["V2 is missing"]),
    "CSV with a column more of a lead": (
        CSV,
        rows(lambda table: [[*row, row[7]] for row in table]),
        ["V2", "more than once"],
    ),
    "CSV without unit": (CSV, swap((" (mV)", "")), ["no unit is stated for lead I", 'unit="mV"']),
    "CSV without titles": (CSV, rows(lambda table: table[1:]), ["lead I, II"]),
    "CSV in uV that calls itself mV": (CSV, in_microvolt, ["mV a surface ECG can have"]),
    "CSV too short": (CSV, rows(lambda table: table[:4990]), ["9.978 s"]),
    "CSV of binary garbage": (CSV, whole(bytes(range(256)) * 9), ["no table of text"]),
    "CSV of uneven time": (CSV, timed(lambda n: (n + (n > 2000)) / 500), ["does not run evenly"]),
    "CSV of time that stands still": (CSV, timed(lambda n: 1), ["does not run evenly"]),
    # NPY
    "NPY of shape (11, 5000)": (NPY, whole(saved(ECG_.signal[:11])), ["(11, 5000)"]),
    "NPY of shape (12, 12)": (NPY, whole(saved(ECG_.signal[:, :12])), ["(12, 12)"]),
    "NPY of one dimension": (NPY, whole(saved(ECG_.signal.ravel())), ["(60000,)"]),
    "NPY of three dimensions": (NPY, whole(saved(ECG_.signal[None])), ["(1, 12, 5000)"]),
    "NPY with an infinite sample": (NPY, whole(saved(INF)), ["not finite", "lead aVL"]),
    "NPY of complex numbers": (NPY, whole(saved(ECG_.signal.astype(complex))), ["complex128"]),
    "NPY of text": (NPY, whole(saved(ECG_.signal.astype("U6"))), ["<U"]),
    "NPY of the wrong byte order": (NPY, first("'<f4'", "'>f4'"), ["mV a surface ECG can have"]),
    "NPY of another type": (NPY, first("'<f4'", "'<f8'"), ["damaged, or no NPY"]),
    "NPY of a huge shape": (NPY, first("(12, 5000), }", "(12, 10**12)}"), ["damaged, or no NPY"]),
    "NPY of more samples": (NPY, first("(12, 5000)", "(12, 9000)"), ["damaged, or no NPY"]),
    "NPY truncated": (NPY, cut(0.5), ["damaged, or no NPY"]),
    "NPY of nothing": (NPY, whole(b""), ["damaged, or no NPY"]),
    "NPY of text alone": (NPY, whole(b"no NPY"), ["damaged, or no NPY"]),
    "NPY too short": (NPY, whole(saved(ECG_.signal[:, :4999])), ["9.998 s"]),
    # WFDB
    "WFDB of a wild rate": (WFDB, first("12 500 5000", "12 5e9 5000"), ["5e+09 Hz"]),
    "WFDB of a negative rate": (WFDB, first("12 500 5000", "12 -500 5000"), ["-500 Hz"]),
    "WFDB of a rate of dots": (WFDB, first("12 500 5000", "12 ..e 5000"), ["'..e' cannot be read"]),
    "WFDB with a million samples a frame": (WFDB, first("a.dat 16 ", "a.dat 16x1000000 "), ["500 and 5e+08 Hz"]),
    "WFDB of binary garbage": (WFDB, whole(bytes(range(256)) * 9), ["no WFDB header"]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_malformed_file_is_refused(tmp_path, case):
    name, change, words = CASES[case]
    raw = valid(name)
    changed = change(raw)
    assert changed != raw
    if name == WFDB:
        WRITE[name](tmp_path / name, ECG_)
    (tmp_path / name).write_bytes(changed)
    start = time.perf_counter()
    refused(lambda: read_ecg(tmp_path / name, **STATED[name]), tmp_path / name, *words)
    assert time.perf_counter() - start < 2


# --- What needs a library to be written -------------------------------------------------------------------------------


def element(name, value):
    """Set (or with None delete) an element of a waveform group."""

    def change(group):
        delattr(group, name) if value is None else setattr(group, name, value)

    return change


def channel(name, value, number=2):
    def change(group):
        element(name, value)(group.ChannelDefinitionSequence[number])

    return change


GROUPS = {  # what is wrong: (change of the waveform, words of the message)
    "no samples": (element("WaveformData", None), ["a waveform without WaveformData"]),
    "no rate": (element("SamplingFrequency", None), ["a waveform without SamplingFrequency"]),
    "rate of 0": (element("SamplingFrequency", 0), ["a sampling rate of 0"]),
    "negative rate": (element("SamplingFrequency", -500), ["a sampling rate of -500"]),
    "more samples than there are": (element("NumberOfWaveformSamples", 6000), ["6000 samples", "120000 bytes there"]),
    "fewer samples than there are": (element("NumberOfWaveformSamples", 5), ["5 samples", "120000 bytes there"]),
    "no sample": (element("NumberOfWaveformSamples", 0), ["0 samples"]),
    "another number of channels": (element("NumberOfWaveformChannels", 11), ["11 channels stated, but 12 defined"]),
    "mu-law samples": (element("WaveformSampleInterpretation", "MB"), ["MB with 16 bits"]),
    "no sensitivity": (channel("ChannelSensitivity", None), ["no sensitivity is stated for Lead III"]),
    "sensitivity of 0": (channel("ChannelSensitivity", 0), ["a sensitivity of 0 for Lead III"]),
    "no unit": (channel("ChannelSensitivityUnitsSequence", None), ["no unit is stated for lead III"]),
    "another lead": (lambda group: channel("CodeMeaning", "Lead -V6")(wrapped(group)), ["lead V6 is missing", "-V6"]),
    "a lead twice": (lambda group: channel("CodeMeaning", "Lead V5")(wrapped(group)), ["V6 is missing"]),
}


def wrapped(group):
    """The source of the last channel, as if it were a channel of a group."""
    stand_in = Dataset()
    source = group.ChannelDefinitionSequence[11].ChannelSourceSequence[0]
    stand_in.ChannelDefinitionSequence = [Dataset(), Dataset(), source]
    return stand_in


@pytest.mark.parametrize("case", GROUPS)
def test_a_malformed_dicom_waveform_is_refused(tmp_path, case):
    change, words = GROUPS[case]
    group = dicom_group(counts(ECG_), 500, dicom_names())
    change(group)
    path = write_dicom(tmp_path / DICOM, [group])
    refused(lambda: read_ecg(path), path, *words)


def test_dicom_without_waveform_and_of_an_image_are_refused(tmp_path):
    path = write_dicom(tmp_path / DICOM, [], kind=TWELVE_LEAD)
    refused(lambda: read_ecg(path), path, "no waveform")
    image = Path(get_testdata_file("MR_small.dcm"))
    refused(lambda: read_ecg(image), image, "MR Image Storage", "no ECG")


def test_edf_with_leads_at_two_rates_is_refused(tmp_path):
    fast, slow = counts(ECG_), counts(ECG_)[:, ::2]
    signals = [edf_signal(slow[n] if n == 5 else fast[n], 250 if n == 5 else 500, lead) for n, lead in enumerate(LEADS)]
    Edf(signals).write(tmp_path / EDF)
    refused(lambda: read_ecg(tmp_path / EDF), tmp_path / EDF, "250, 500 Hz")


def test_a_lead_that_is_there_twice_is_refused_in_any_format():
    signal = np.concatenate([ECG_.signal, ECG_.signal[3:4]])
    channels = Channels((*LEADS, "MDC_ECG_LEAD_AVR"), signal, ("mV",) * 13, 500.0, "file")
    refused(lambda: assemble(channels), "file", "lead aVR is there more than once")


@pytest.mark.parametrize("absent", ["I", "II"])
def test_limb_leads_are_not_derived_without_both_i_and_ii(absent):
    there = [lead for lead in LEADS if lead not in (absent, "aVF")]
    channels = Channels(tuple(there), np.stack([ECG_.lead(lead) for lead in there]), ("mV",) * 10, 500.0, "file")
    refused(lambda: assemble(channels), "file", f"lead {absent}, aVF is missing")


def test_a_rate_without_a_usable_ratio_is_refused_rather_than_drift():
    signal = np.random.default_rng(0).normal(0, 0.1, (12, 60_001))
    channels = Channels(LEADS, signal, ("mV",) * 12, 500.0026, "file")
    refused(lambda: assemble(channels, duration=119), "500.0026 Hz", "drift")


def test_a_rate_of_another_kind_is_refused(tmp_path):
    WRITE[NPY](tmp_path / NPY, ECG_)
    for rate in (0, -500, float("nan"), float("inf"), 1e-9):
        refused(lambda rate=rate: read_ecg(tmp_path / NPY, unit="mV", rate=rate), NPY, f"{rate:g} Hz")
    refused(lambda: read_ecg(tmp_path / NPY, unit="mV"), NPY, "not stated", "rate=500")
    refused(lambda: read_ecg(tmp_path / NPY, rate=500), NPY, "no unit is stated", "unit=")
    refused(lambda: read_ecg(tmp_path / NPY, rate=500, unit="adu"), NPY, "'adu'")
    refused(lambda: read_ecg(tmp_path / NPY, rate=600, unit="mV"), NPY, "8.3333 s")


def test_edf_of_another_calibration_is_what_it_says(tmp_path):
    path = write_edf(tmp_path / EDF, ECG_)
    raw = path.read_bytes()
    path.write_bytes(both(header(104, 8, "-81920", True), header(112, 8, "81917.5", True))(raw))
    np.testing.assert_allclose(read_ecg(path).lead("I"), ECG_.lead("I") / 2, atol=1e-6)
    path.write_bytes(header(96, 8, "nV", True)(raw))
    refused(lambda: read_ecg(path), path, "lead I never changes by more than 5 uV")
