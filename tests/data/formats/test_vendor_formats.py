"""GE MUSE, SCP-ECG and Philips Sierra become the same ECG, whatever the file's packing, unit, rate and encoding."""

import binascii
import struct
import warnings

import numpy as np
import pytest
from ecgdatakit import FileParser
from helpers.making import make_ecg
from helpers.vendor_files import (
    DOCTYPE,
    EIGHT,
    FILES,
    scp_file,
    scp_samples,
    scp_sections,
    write_muse,
    write_scp,
    write_sierra,
)
from scipy.signal import resample_poly

from eccl.data.ecg import read_ecg
from eccl.records import ECG, LEADS

ECG_ = make_ecg(np.random.default_rng(0))
STEP = 0.005  # mV, of three leads that were rounded each by itself


def at(rate: float) -> ECG:
    """The ECG as a recorder at another rate has it, in steps of 5 uV."""
    signal = resample_poly(ECG_.signal.astype(float), int(rate), 500, axis=1)
    return ECG(np.round(signal * 200) / 200, rate)


@pytest.mark.parametrize("form", FILES)
def test_every_format_gives_the_same_ecg(tmp_path, form):
    name, write, stated = FILES[form]
    path = write(tmp_path / name, ECG_)
    ecg = read_ecg(path, **stated)
    step = 0.010 if form == "muse" else 0.001 if form == "sph" else 1e-6
    np.testing.assert_allclose(ecg.signal, ECG_.signal, atol=step)
    assert ecg.sampling_rate == 500 and ecg.source == str(path) and ecg.signal.dtype == np.float32


@pytest.mark.parametrize(
    ("write", "choices"),
    [
        (write_muse, {}),
        (write_scp, {"statements": bytes(10)}),
        (write_scp, {"statements": bytes(10), "order": 2, "huffman": True, "beats": True}),
        (write_sierra, {"beats": ""}),
        (write_sierra, {"beats": "", "packed": False, "version": "1.03"}),
    ],
)
def test_an_independent_decoder_gives_the_same_values(tmp_path, write, choices):
    path = write(tmp_path / "a.xml", ECG_, **choices)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of checksums that it cannot know
        theirs = {lead.label: lead.samples for lead in FileParser.parse(path, units="mV").leads}
    ours = read_ecg(path)
    assert set(theirs) == set(EIGHT if write is write_muse else LEADS)
    for lead, samples in theirs.items():
        np.testing.assert_allclose(ours.lead(lead), samples, atol=1e-6)


# --- GE MUSE ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leads", [EIGHT, LEADS, (*EIGHT, "III"), (*reversed(EIGHT), "V3R", "V4R", "V7")])
def test_muse_of_other_leads(tmp_path, leads):
    known = [lead for lead in leads if lead in LEADS]
    path = write_muse(tmp_path / "a.xml", ECG_, leads=known, per_bit=5)
    if len(known) < len(leads):
        text = path.read_text("latin-1")
        for lead in leads[len(known) :]:
            copy = text[text.rindex("<LeadData>") : text.rindex("</LeadData>") + 11]
            copy = copy.replace(f">{known[-1]}<", f">{lead}<").replace(">2<", ">1<")  # one that is not read may differ
            text = text.replace("</Waveform></RestingECG>", copy + "</Waveform></RestingECG>")
        path.write_text(text.replace(f"Leads>{len(known)}<", f"Leads>{len(leads)}<"), "latin-1")
    ecg = read_ecg(path)
    for lead in known:
        np.testing.assert_allclose(ecg.lead(lead), ECG_.lead(lead), atol=1e-6)
    np.testing.assert_allclose(ecg.signal, ECG_.signal, atol=STEP + 1e-6)


@pytest.mark.parametrize(
    ("unit", "per_bit"),
    [("MICROVOLTS", 4.88), ("MICROVOLTS", 2.5), ("MICROVOLTS", 1), ("MILLIVOLTS", 0.005), ("VOLTS", 5e-6)],
)
@pytest.mark.parametrize("baseline", [0, 100, -7])
def test_muse_in_its_unit_with_its_baseline(tmp_path, unit, per_bit, baseline):
    path = write_muse(tmp_path / "a.xml", ECG_, LEADS, per_bit, unit, baseline)
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=0.5 * 0.00488 + 1e-6)


@pytest.mark.parametrize("unit", ["Microvolts", "microvolt", "uV", "\u00b5V"])
def test_muse_with_its_unit_in_other_words(tmp_path, unit):
    path = write_muse(tmp_path / "a.xml", ECG_, LEADS, 5)
    path.write_text(path.read_text("latin-1").replace("MICROVOLTS", unit), "latin-1")
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=1e-6)


@pytest.mark.parametrize(("base", "exponent", "rate"), [("500", "0", 500), ("250", "0", 250), ("1000", "0", 1000)])
@pytest.mark.parametrize("shift", [0, 1, 2, -1])
def test_the_rate_of_muse_is_its_base_times_a_power_of_ten(tmp_path, base, exponent, rate, shift):
    ecg = at(rate)
    exponent = f"{shift:+d}" if shift else exponent
    path = write_muse(tmp_path / "a.xml", ecg, per_bit=5, base=f"{float(base) / 10**shift:g}", exponent=exponent)
    np.testing.assert_allclose(read_ecg(path, sampling_rate=rate).lead("V2"), ecg.lead("V2"), atol=1e-6)
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=0.06)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("doctype", ["", DOCTYPE])
def test_muse_in_any_encoding(tmp_path, encoding, doctype):
    path = write_muse(
        tmp_path / "a.XML", ECG_, per_bit=5, doctype=doctype, encoding=encoding, declared=encoding.removesuffix("-sig")
    )
    np.testing.assert_allclose(read_ecg(path).lead("V6"), ECG_.lead("V6"), atol=1e-6)


def test_muse_without_counts_and_with_its_rhythm_first(tmp_path):
    path = write_muse(tmp_path / "a.xml", ECG_, per_bit=5)
    text = path.read_text("latin-1")
    start, middle = text.index("<Waveform>"), text.rindex("<Waveform>")
    end = text.index("</RestingECG>")
    text = text[:start] + text[middle:end] + text[start:middle] + text[end:]
    for name in (
        "LeadByteCountTotal",
        "LeadSampleCountTotal",
        "NumberofLeads",
        "FirstSampleBaseline",
        "SampleExponent",
    ):
        text = text.replace(f"<{name}>", "<x>").replace(f"</{name}>", "</x>")
    path.write_text(
        text.replace(">Rhythm<", ">\n RHYTHM <").replace("<RestingECG>", '<RestingECG xmlns="x">'), "latin-1"
    )
    np.testing.assert_allclose(read_ecg(path).lead("V1"), ECG_.lead("V1"), atol=1e-6)


# --- SCP-ECG ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("huffman", [False, True])
@pytest.mark.parametrize("beats", [False, True])
@pytest.mark.parametrize("leads", [LEADS, EIGHT])
def test_scp_in_any_packing(tmp_path, order, huffman, beats, leads):
    path = write_scp(tmp_path / "a.scp", ECG_, leads=leads, order=order, huffman=huffman, beats=beats)
    ecg = read_ecg(path)
    for lead in leads:
        np.testing.assert_allclose(ecg.lead(lead), ECG_.lead(lead), atol=1e-6)
    np.testing.assert_allclose(ecg.signal, ECG_.signal, atol=STEP + 1e-6)


@pytest.mark.parametrize("rate", [125, 250, 256, 1000])
@pytest.mark.parametrize("nanovolts", [5000, 2500, 1000])
def test_scp_at_other_rates_and_scales(tmp_path, rate, nanovolts):
    ecg = at(rate)
    path = write_scp(tmp_path / "a.scp", ecg, nanovolts=nanovolts)
    np.testing.assert_allclose(read_ecg(path, sampling_rate=rate).signal, ecg.signal, atol=1e-6)


def test_scp_of_tables_of_its_own_that_follow_one_another(tmp_path):
    sections = scp_sections(ECG_)
    counts = np.rint(ECG_.signal.astype(float) * 200).astype(int)
    # Table 1: 0 switches to table 2, 10 is a value of 16 bits, 11 one of 8. Table 2: 0 back, 1 a value of 16 bits.
    first = [(1, 1, 0, 2, 0b0), (2, 18, 1, 0, 0b01), (2, 10, 1, 0, 0b11)]  # the first bit is the lowest one
    second = [(1, 1, 0, 1, 0b0), (1, 17, 1, 0, 0b1)]
    codes = struct.pack("<HH", 2, 3) + b"".join(struct.pack("<BBBhI", *code) for code in first)
    sections[2] = codes + struct.pack("<H", 2) + b"".join(struct.pack("<BBBhI", *code) for code in second)

    def packed(row):
        bits = []
        for place, value in enumerate(row.tolist()):
            small = -128 <= value < 128
            word = f"11{value & 0xFF:08b}" if small else f"10{value & 0xFFFF:016b}"
            bits.append(word if place % 7 else f"01{value & 0xFFFF:016b}0")
        text = "".join(bits)
        return int(text.ljust(-(-len(text) // 16) * 16, "0"), 2).to_bytes(-(-len(text) // 16) * 2, "big")

    rows = [packed(row) for row in counts]
    sections[6] = struct.pack("<HHBB12H", 5000, 2000, 0, 0, *map(len, rows)) + b"".join(rows)
    (tmp_path / "a.scp").write_bytes(scp_file(sections))
    np.testing.assert_allclose(read_ecg(tmp_path / "a.scp").signal, ECG_.signal, atol=1e-6)


def test_of_a_long_scp_only_the_beginning_is_decoded(tmp_path):
    long = ECG(np.tile(ECG_.signal, 3))
    for choices in ({}, {"order": 1, "huffman": True}):
        path = write_scp(tmp_path / "a.scp", long, **choices)
        np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=1e-6)
        np.testing.assert_allclose(read_ecg(path, duration=25).signal, long.signal[:, :12_500], atol=1e-6)


def test_scp_leaves_other_leads_and_what_lies_behind_the_record(tmp_path):
    sections = scp_sections(ECG_)
    counts = np.rint(ECG_.signal.astype(float) * 200).astype(int)
    calibration = np.full((1, 800), 200)  # of another length, which does not matter
    sections[3] = bytes([13, sections[3][1]]) + struct.pack("<IIB", 1, 800, 31) + sections[3][2:]
    sections[6] = scp_samples([*calibration, *counts], 0, False, 5000, 2000)
    (tmp_path / "a.scp").write_bytes(scp_file(sections) + b"behind")
    np.testing.assert_allclose(read_ecg(tmp_path / "a.scp").signal, ECG_.signal, atol=1e-6)


@pytest.mark.parametrize("of", ["section", "record", "both uncalculated"])
def test_one_sound_checksum_vouches_for_scp(tmp_path, of):
    path = write_scp(tmp_path / "a.scp", ECG_)
    raw = bytearray(path.read_bytes())
    places = [struct.unpack_from("<HII", raw, 22 + 10 * number)[2] - 1 for number in (3, 6)]
    for place in {"section": [0], "record": places, "both uncalculated": [0, *places]}[of]:
        raw[place : place + 2] = b"\0\0" if of == "both uncalculated" else b"\x12\x34"
    if of == "record":
        raw[:2] = struct.pack("<H", binascii.crc_hqx(bytes(raw[2:]), 0xFFFF))
    path.write_bytes(raw)
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=1e-6)


# --- Philips Sierra ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.03", "1.04", "1.04.02"])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "utf-16-le"])
def test_sierra_of_every_version(tmp_path, version, packed, encoding):
    path = write_sierra(tmp_path / "a.xml", ECG_, version, packed, encoding.removesuffix("-le"))
    if encoding == "utf-16-le":
        path.write_bytes(path.read_bytes()[2:].replace("utf-16".encode("utf-16-le"), "utf-16le".encode("utf-16-le")))
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=1e-6)


@pytest.mark.parametrize("rate", [250, 1000])
def test_sierra_at_other_rates(tmp_path, rate):
    ecg = at(rate)
    path = write_sierra(tmp_path / "a.xml", ecg)
    np.testing.assert_allclose(read_ecg(path, sampling_rate=rate).signal, ecg.signal, atol=1e-6)


def test_sierra_of_more_labels_than_leads_and_of_eleven_seconds(tmp_path):
    long = ECG(np.concatenate([ECG_.signal, ECG_.signal[:, :500]], axis=1))
    path = write_sierra(tmp_path / "a.xml", long, leadlabels=" ".join([*LEADS, "V3R", "V7"]))
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=1e-6)
    path = write_sierra(tmp_path / "a.xml", long, durationperchannel="10000")  # XLI may hold more than is stated
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=1e-6)


@pytest.mark.parametrize(("encoding", "method"), [("base64", "XLI"), ("BASE64", "xli"), ("Base64", "Xli")])
def test_sierra_in_any_case(tmp_path, encoding, method):
    path = write_sierra(tmp_path / "a.xml", ECG_, dataencoding=encoding, compressmethod=method)
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=1e-6)
