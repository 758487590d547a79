"""Every malformed MUSE, SCP-ECG and Sierra file is refused with the file, the value and a remedy."""

import base64
import struct

import numpy as np
import pytest
from helpers.ecg_damage import both, cut, first, swap
from helpers.making import make_ecg, refused
from helpers.vendor_files import (
    lzw,
    scp_file,
    scp_samples,
    scp_sections,
    sierra_residuals,
    write_muse,
    write_scp,
    write_sierra,
    xli,
)

from eccl.data.ecg import read_ecg
from eccl.records import ECG, LEADS

ECG_ = make_ecg(np.random.default_rng(0))
COUNTS = np.rint(ECG_.signal.astype(float) * 200).astype(int)


def rhythm(old: str, new: str):
    """Replace a text where the rhythm has it first, behind the median beat."""

    def change(raw: bytes) -> bytes:
        place = raw.rindex(b"<Waveform>")
        assert old.encode() in raw[place:], old
        return raw[:place] + raw[place:].replace(old.encode(), new.encode(), 1)

    return change


def broken_lead(raw: bytes) -> bytes:
    """aVF with the samples of V1."""
    text = raw.decode("latin-1")
    start = text.rindex("<Waveform>")
    leads = text[start:].split("<WaveFormData>")
    data = [part.split("</WaveFormData>", 1) for part in leads[1:]]
    data[5][0] = data[6][0]
    return (text[:start] + "<WaveFormData>".join([leads[0], *("</WaveFormData>".join(part) for part in data)])).encode(
        "latin-1"
    )


MUSE = {
    "without rhythm": (swap(("Rhythm", "Other")), ["0 waveforms of type Rhythm"]),
    "without types": (swap(("WaveformType", "Kind")), ["0 waveforms of type Rhythm"]),
    "of two rhythms": (swap(("Median", "Rhythm")), ["2 waveforms of type Rhythm"]),
    "of another type of samples": (rhythm("CONTINUOUS_SAMPLES", "MULTIPLEX"), ["'MULTIPLEX'"]),
    "with another count of leads": (rhythm("Leads>12<", "Leads>11<"), ["NumberofLeads", "11", "12"]),
    "with another count of bytes": (rhythm(">10000<", ">9998<"), ["LeadByteCountTotal of lead I", "9998", "10000"]),
    "with another count of samples": (rhythm(">5000<", ">5001<"), ["LeadSampleCountTotal of lead I", "5001"]),
    "with a count of words": (rhythm(">5000<", ">many<"), ["'many'", "whole number"]),
    "without scale": (rhythm("LeadAmplitudeUnitsPerBit>", "X>"), ["no XML"]),
    "with an empty scale": (rhythm("PerBit>5<", "PerBit><"), ["LeadAmplitudeUnitsPerBit of lead I is ''"]),
    "of a negative scale": (rhythm("PerBit>5<", "PerBit>-10<"), ["'-10'", "lead I"]),
    "of an infinite scale": (rhythm("PerBit>5<", "PerBit>inf<"), ["'inf'"]),
    "without unit": (rhythm("MICROVOLTS", ""), ["no unit is stated for lead I"]),
    "in another unit": (rhythm("MICROVOLTS", "COUNTS"), ["'COUNTS'", "no voltage"]),
    "in mV that are uV": (swap(("MICROVOLTS", "MILLIVOLTS")), ["mV a surface ECG can have"]),
    "with a baseline of words": (rhythm("Baseline>0<", "Baseline>high<"), ["FirstSampleBaseline of lead I", "'high'"]),
    "that starts later": (rhythm("FirstSample>0<", "FirstSample>40<"), ["lead I", "starts at byte 40"]),
    "of 4 bytes a sample": (rhythm("Size>2<", "Size>4<"), ["4 bytes a sample"]),
    "with a lead that lags": (rhythm("TimeOffset>0<", "TimeOffset>2500<"), ["not simultaneous", "0, 2500"]),
    "of an exponent with two signs": (rhythm("Exponent>0<", "Exponent>+-0<"), ["'+-0'", "whole number"]),
    "without rate": (rhythm("SampleBase>500<", "SampleBase><"), ["SampleBase is ''"]),
    "of rate 0": (rhythm("SampleBase>500<", "SampleBase>0<"), ["SampleBase is '0'"]),
    "of a wild rate": (rhythm("Exponent>0<", "Exponent>6<"), ["5e+08 Hz"]),
    "of a wilder exponent": (rhythm("Exponent>0<", "Exponent>999999<"), ["SampleExponent is 999999"]),
    "of a fraction of an exponent": (rhythm("Exponent>0<", "Exponent>0.5<"), ["'0.5'", "whole number"]),
    "of damaged Base64": (rhythm("</WaveFormData>", "?</WaveFormData>"), ["lead I", "no Base64"]),
    "of an odd count of bytes": (
        both(rhythm(">10000<", "><"), rhythm(">5000<", "><"), rhythm("==\n</WaveFormData>", "A=\n</WaveFormData>")),
        ["lead I has 10001 bytes"],
    ),
    "with an empty lead": (rhythm("<WaveFormData>", "<WaveFormData/><x>"), ["no XML"]),
    "of a shorter lead": (
        both(rhythm(">10000<", "><"), rhythm(">5000<", "><"), rhythm("<WaveFormData>\nA", "<WaveFormData>\nAAAAAAAAA")),
        ["different length", "5003"],
    ),
    "of 11 leads": (both(rhythm("<LeadID>V3<", "<LeadID>V3R<")), ["lead V3 is missing"]),
    "with a lead twice": (both(rhythm("<LeadID>V3<", "<LeadID>V2<")), ["V3 is missing"]),
    "with limb leads that contradict": (broken_lead, ["limb leads that contradict one another", "aVF"]),
    "truncated": (cut(0.8), ["no XML"]),
    "without a lead that is counted": (
        lambda raw: raw[: raw.rindex(b"<LeadData>")] + raw[raw.rindex(b"</LeadData>") + 11 :],
        ["NumberofLeads", "12", "11"],
    ),
}


@pytest.mark.parametrize("case", MUSE)
def test_a_malformed_muse_is_refused(tmp_path, case):
    change, words = MUSE[case]
    path = write_muse(tmp_path / "a.xml", ECG_, LEADS, per_bit=5)
    path.write_bytes(change(path.read_bytes()))
    refused(lambda: read_ecg(path), path, *words)


def test_muse_too_short_and_flat(tmp_path):
    path = write_muse(tmp_path / "a.xml", ECG(ECG_.signal[:, :4000]))
    refused(lambda: read_ecg(path), path, "8 s long")
    text = write_muse(path, ECG_, per_bit=5).read_text("latin-1")
    start = text.rindex("<LeadID>V4<")
    start, end = text.index("<WaveFormData>", start) + 14, text.index("</WaveFormData>", start)
    path.write_text(text[:start] + base64.b64encode(bytes(10_000)).decode() + text[end:], "latin-1")
    refused(lambda: read_ecg(path), path, "lead V4 never changes")


# --- SCP-ECG ----------------------------------------------------------------------------------------------------------


def lead_entry(number: int, start: int, end: int, code: int):
    """Overwrite what section 3 says of a lead."""

    def change(sections):
        body, place = bytearray(sections[3]), 2 + 9 * number
        body[place : place + 9] = struct.pack("<IIB", start, end, code)
        return sections | {3: bytes(body)}

    return change


def patch(section: int, place: int, *values: int, kind: str = "H"):
    def change(sections):
        body = bytearray(sections[section])
        struct.pack_into(f"<{len(values)}{kind}", body, place, *values)
        return sections | {section: bytes(body)}

    return change


def without(number: int):
    return lambda sections: {key: body for key, body in sections.items() if key != number}


SWAPPED = COUNTS[[1, 0, *range(2, 12)]]
SCP = {  # what is wrong: (change of the sections, words, how they are packed)
    "without leads": (without(3), ["section 3 is missing"], {}),
    "without rhythm": (without(6), ["section 6 is missing"], {}),
    "of no rhythm but a beat": (without(6), ["section 6 is missing"], {"beats": True}),
    "without beats that were taken off": (without(5), ["reference beat", "is missing"], {"beats": True}),
    "without places of beats": (without(4), ["reference beat"], {"beats": True}),
    "of a beat without scale": (patch(5, 0, 0), ["reference beat"], {"beats": True}),
    "of a beat at another rate": (patch(5, 2, 1000), ["another rate", "bimodal"], {"beats": True}),
    "bimodal": (patch(6, 5, 1, kind="B"), ["reference beat", "is missing"], {}),
    "without scale": (patch(6, 0, 0), ["0 nV a count"], {}),
    "without interval": (patch(6, 2, 0), ["0 us between samples"], {}),
    "of a wild rate": (patch(6, 2, 1), ["1e+06 Hz"], {}),
    "of another difference": (patch(6, 4, 3, kind="B"), ["order 3"], {}),
    "of fewer samples": (lead_entry(0, 1, 4999, 1), ["not simultaneous", "1 to 4999"], {}),
    "of leads one after another": (lead_entry(4, 5001, 10_000, 63), ["not simultaneous"], {}),
    "of leads that end before they start": (lambda s: {**s, 3: _spans(s[3], 9, 3)}, ["samples 9 to 3"], {}),
    "of more samples than there are": (lambda s: {**s, 3: _spans(s[3], 1, 5400)}, ["5000 samples in section 6"], {}),
    "of more codes than there are": (
        lambda s: {**s, 3: _spans(s[3], 1, 2**32 - 1), 6: scp_samples(COUNTS[:, :4000], 0, True, 5000, 2000)},
        ["in section 6, fewer than 5500"],
        {"huffman": True},
    ),
    "of codes without end": (
        lambda s: {**s, 3: _spans(s[3], 1, 2**32 - 1), 6: scp_samples(COUNTS, 0, True, 5000, 20)},
        ["550000 Huffman codes of a lead"],
        {"huffman": True},
    ),
    "of longer leads than there are": (patch(6, 6, 65_535), ["bytes in a section 6"], {}),
    "of more leads than there are": (patch(3, 0, 200, kind="B"), ["damaged"], {}),
    "of 11 leads": (lead_entry(8, 1, 5000, 12), ["lead V3 is missing", "lead of code 12"], {}),
    "of -aVR": (lead_entry(8, 1, 5000, 65), ["lead V3 is missing"], {}),
    "with a lead twice": (lead_entry(8, 1, 5000, 4), ["lead V3 is missing"], {}),
    "without any lead": (lambda s: {**s, 3: bytes(2)}, ["missing among no channels"], {}),
    "with limb leads that contradict": (
        lambda s: {**s, 6: scp_samples(SWAPPED, 0, False, 5000, 2000)},
        ["limb leads that contradict one another"],
        {},
    ),
    "of no Huffman table": (lambda s: {**s, 2: b"\0\0"}, ["no Huffman table"], {"huffman": True}),
    "of an empty Huffman table": (lambda s: {**s, 2: b"\1\0\0\0"}, ["no Huffman table"], {"huffman": True}),
    "of fewer codes than stated": (lambda s: {**s, 2: b"\1\0\x09\0"}, ["damaged"], {"huffman": True}),
    "of a table that is not there": (
        lambda s: {**s, 2: struct.pack("<HHBBBhI", 1, 1, 1, 1, 0, 9, 0)},
        ["no Huffman"],
        {"huffman": True},
    ),
    "of bits that are no code": (
        lambda s: {**s, 2: struct.pack("<HHBBBhI", 1, 1, 8, 8, 1, 9, 0)},
        ["no Huffman code at bit"],
        {"huffman": True},
    ),
}


def _spans(body: bytes, start: int, end: int) -> bytes:
    entries = (struct.pack("<II", start, end) + body[10 + 9 * number : 11 + 9 * number] for number in range(12))
    return body[:2] + b"".join(entries)


@pytest.mark.parametrize("case", SCP)
def test_a_malformed_scp_is_refused(tmp_path, case):
    change, words, packing = SCP[case]
    path = tmp_path / "a.scp"
    path.write_bytes(scp_file(change(scp_sections(ECG_, **packing))))
    refused(lambda: read_ecg(path), path, *words)


@pytest.mark.parametrize("place", [2_000, 60_000, 100_000])
def test_a_changed_sample_of_scp_is_told_by_the_checksum(tmp_path, place):
    path = write_scp(tmp_path / "a.scp", ECG_)
    raw = bytearray(path.read_bytes())
    raw[place] ^= 4
    path.write_bytes(raw)
    refused(lambda: read_ecg(path), path, "the checksum of section 6 does not fit")


@pytest.mark.parametrize("length", [0, 5, 31, 150, 400, 60_000, -1])
def test_a_truncated_scp_is_refused(tmp_path, length):
    path = write_scp(tmp_path / "a.scp", ECG_)
    path.write_bytes(path.read_bytes()[:length])
    refused(lambda: read_ecg(path), path)


# --- Philips Sierra ---------------------------------------------------------------------------------------------------


def waves(blob: bytes):
    """Other waveforms."""

    def change(raw: bytes) -> bytes:
        text = raw.decode()
        start, end = text.index(">", text.index("<parsedwaveforms")) + 1, text.index("</parsedwaveforms>")
        return (text[:start] + base64.b64encode(blob).decode() + text[end:]).encode()

    return change


PACKED = xli(sierra_residuals(COUNTS))
BOMB = [0, *(256 + min(number, 766) for number in range(24_000))]
BITS = "".join(f"{code:010b}" for code in BOMB)
BOMB = struct.pack("<iHh", len(BITS) // 8, 1, 0) + int(BITS[: len(BITS) // 8 * 8], 2).to_bytes(len(BITS) // 8, "big")
UNDEFINED = struct.pack("<iHh", 2, 1, 0) + b"\xc0\0"
SIERRA = {  # what is wrong: (change of its bytes, words)
    "without waveforms": (swap(("parsedwaveforms", "otherwaveforms")), ["0 parsedwaveforms"]),
    "without rate": (both(first('samplespersecond="500"', ""), swap(("samplingrate", "x"))), ["samplingrate is not"]),
    "of two rates": (first('samplespersecond="500"', 'samplespersecond="1000"'), ["500 Hz and 1000 Hz"]),
    "of rate 0": (swap(('"500"', '"0"'), (">500<", ">0<")), ["'0' Hz"]),
    "without resolution": (swap(("resolution>", "x>")), ["signalresolution is not stated"]),
    "of two resolutions": (first("dataencoding", 'resolution="2.5" dataencoding'), ["2.5 uV and 5 uV"]),
    "of resolution 0": (swap(("<resolution>5", "<resolution>0")), ["'0' uV"]),
    "with an offset": (first("offset>0<", "offset>2048<"), ["signaloffset is '2048'"]),
    "of 12 bits": (first("sample>16<", "sample>12<"), ["bitspersample is '12'"]),
    "unsigned": (first("signed>True<", "signed>False<"), ["signalsigned is 'False'"]),
    "without duration": (first("durationperchannel", "x"), ["durationperchannel is ''"]),
    "of an endless duration": (first('channel="10000"', 'channel="1e300"'), ["1e+300 ms"]),
    "of a longer duration": (first('channel="10000"', 'channel="10004"'), ["XLI of 5000 samples, but 5002"]),
    "without duration to speak of": (first('channel="10000"', 'channel="0.1"'), ["0.1 ms"]),
    "without labels and set": (both(first("leadlabels", "x"), first("STD-12", "ORIG")), ["0 labels of leads for 12"]),
    "of fewer labels": (first(" V5 V6", ""), ["10 labels of leads for 12"]),
    "of a count of words": (first('numberofleads="12"', 'numberofleads="many"'), ["many channels"]),
    "of another order": (first("I II III", "II I III"), ["order II, I, III"]),
    "of another packing": (first('"XLI"', '"ZIP"'), ["'ZIP'"]),
    "of another encoding": (first('"Base64"', '"Plain"'), ["'Plain'"]),
    "of damaged Base64": (first("</parsedwaveforms>", "?</parsedwaveforms>"), ["parsedwaveforms", "no Base64"]),
    "of nothing": (waves(b""), ["parsedwaveforms is empty"]),
    "of half the leads": (waves(xli(sierra_residuals(COUNTS)[:6])), ["XLI of 6 leads, not 12"]),
    "truncated within": (waves(PACKED[:-40]), ["XLI of 11 leads, not 12"]),
    "of fewer samples": (waves(xli(sierra_residuals(COUNTS[:, :4000]))), ["XLI of 4000 samples, but 5000"]),
    "of a code that means nothing": (waves(UNDEFINED), ["damaged XLI"]),
    "of a size below 0": (waves(struct.pack("<iHh", -9, 1, 0) + bytes(40)), ["XLI of 0 leads"]),
    "that unpacks without end": (waves(BOMB * 12), ["XLI of 100000 samples"]),
    "with limb leads that contradict": (waves(xli(COUNTS)), ["limb leads that contradict one another"]),
    "truncated": (cut(0.7), ["no XML"]),
}


@pytest.mark.parametrize("case", SIERRA)
def test_a_malformed_sierra_is_refused(tmp_path, case):
    change, words = SIERRA[case]
    path = write_sierra(tmp_path / "a.xml", ECG_, encoding="utf-8")
    path.write_bytes(change(path.read_bytes()))
    refused(lambda: read_ecg(path), path, *words)


def test_sierra_unpacked_in_another_order_and_of_another_length_is_refused(tmp_path):
    path = write_sierra(tmp_path / "a.xml", ECG_, encoding="utf-8", packed=False)
    raw = path.read_bytes()
    path.write_bytes(waves(COUNTS.T.astype("<i2").tobytes())(raw))  # sample by sample
    refused(lambda: read_ecg(path), path, "limb leads that contradict one another")
    path.write_bytes(waves(COUNTS.astype("<i2").tobytes()[:-2])(raw))
    refused(lambda: read_ecg(path), path, "119998 bytes for 5000 samples of 12 leads")


def test_lzw_of_ten_bits_needs_no_more_than_its_codes():
    assert len(lzw(bytes(10_000))) < 250  # what the bomb above multiplies
