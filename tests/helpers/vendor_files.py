"""The same ECG as GE MUSE, SCP-ECG, Philips Sierra, HDF5 and MATLAB write it, packed by hand as their formats say."""

from __future__ import annotations

import base64
import binascii
import struct
from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat

from eccl.records import ECG, LEADS

EIGHT = ("I", "II", *LEADS[6:])  # what MUSE stores
UV = {"MICROVOLTS": 1000.0, "MILLIVOLTS": 1.0, "VOLTS": 1e-3}  # of one mV
SCP_CODES = dict(zip(LEADS, (1, 2, 61, 62, 63, 64, *range(3, 9))))
DOCTYPE = '<!DOCTYPE RestingECG SYSTEM "restecg.dtd">'


def text_of(samples: np.ndarray, kind: str = "<i2") -> str:
    """Base64 in lines of 76."""
    plain = base64.b64encode(np.asarray(samples).astype(kind).tobytes()).decode()
    return "\n".join(plain[place : place + 76] for place in range(0, len(plain), 76))


def muse_lead(name: str, row: np.ndarray, per_bit: float, unit: str, baseline: int) -> str:
    counts = np.rint(row.astype(float) * UV[unit] / per_bit) - baseline
    return f"""<LeadData><LeadByteCountTotal>{2 * len(counts)}</LeadByteCountTotal><LeadTimeOffset>0</LeadTimeOffset>
<LeadSampleCountTotal>{len(counts)}</LeadSampleCountTotal>
<LeadAmplitudeUnitsPerBit>{per_bit:g}</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>{unit}</LeadAmplitudeUnits>
<LeadHighLimit>32767</LeadHighLimit><LeadLowLimit>-32768</LeadLowLimit><LeadID>{name}</LeadID>
<LeadOffsetFirstSample>0</LeadOffsetFirstSample><FirstSampleBaseline>{baseline}</FirstSampleBaseline>
<LeadSampleSize>2</LeadSampleSize><LeadOff>FALSE</LeadOff><LeadDataCRC32>2103426725</LeadDataCRC32>
<WaveFormData>
{text_of(counts)}
</WaveFormData></LeadData>"""


def muse_wave(kind: str, leads: str, count: int, base: str = "500", exponent: str = "0") -> str:
    return (
        f"<Waveform><WaveformType>{kind}</WaveformType><NumberofLeads>{count}</NumberofLeads>"
        "<SampleType>CONTINUOUS_SAMPLES</SampleType>"
        f"<SampleBase>{base}</SampleBase><SampleExponent>{exponent}</SampleExponent>{leads}</Waveform>"
    )


def write_muse(
    path: Path,
    ecg: ECG,
    leads=EIGHT,
    per_bit: float = 4.88,
    unit: str = "MICROVOLTS",
    baseline: int = 0,
    base: str | None = None,
    exponent: str = "0",
    doctype: str = DOCTYPE,
    encoding: str = "iso-8859-1",
    declared: str | None = None,
) -> Path:
    """MUSE with a median beat before the rhythm, of which the first lead is named twice in other words."""
    base = base or f"{ecg.sampling_rate:g}"
    median = "".join(muse_lead(lead, np.full(600, 0.7), 4.88, "MICROVOLTS", 0) for lead in leads)
    rhythm = "".join(muse_lead(lead, ecg.lead(lead), per_bit, unit, baseline) for lead in leads)
    text = f"""<?xml version="1.0" encoding="{declared or encoding}"?>
{doctype}
<RestingECG><MuseInfo><MuseVersion>9.0.0</MuseVersion></MuseInfo>
<PatientDemographics><PatientLastName>N\xf6 <![CDATA[<!DOCTYPE]]></PatientLastName></PatientDemographics>
{muse_wave("Median", median, len(leads))}{muse_wave("Rhythm", rhythm, len(leads), base, exponent)}</RestingECG>
"""
    path.write_bytes(text.encode(encoding))
    return path


# --- SCP-ECG ---------------------------------------------------------------------------------------------------------


def scp_bits(values) -> bytes:
    """Values in the Huffman code of the standard."""
    bits = []
    for value in map(int, values):
        if abs(value) <= 8:
            bits.append("0" if value == 0 else "1" * abs(value) + "0" + ("0" if value > 0 else "1"))
        elif -128 <= value < 128:
            bits.append(f"1111111110{value & 0xFF:08b}")
        else:
            bits.append(f"1111111111{value & 0xFFFF:016b}")
    text = "".join(bits)
    text += "0" * (-len(text) % 16)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def scp_differences(row: np.ndarray, order: int) -> np.ndarray:
    """The first samples, as many as the order, and then differences."""
    return np.concatenate([row[:order], np.diff(row, order)])


def scp_section(number: int, body: bytes, reserved: bytes = bytes(6)) -> bytes:
    body += bytes(len(body) % 2)
    rest = struct.pack("<HIBB", number, 16 + len(body), 20, 20) + reserved + body
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest


def scp_samples(rows, order: int, huffman: bool, nanovolts: int, interval: int) -> bytes:
    packed = [scp_differences(row, order) for row in rows]
    packed = [scp_bits(row) if huffman else row.astype("<i2").tobytes() for row in packed]
    sizes = struct.pack(f"<{len(packed)}H", *map(len, packed))
    return struct.pack("<HHBB", nanovolts, interval, order, 0) + sizes + b"".join(packed)


def scp_file(sections: dict[int, bytes]) -> bytes:
    """A record of sections, given by number as their content."""
    parts = {number: scp_section(number, body) for number, body in sorted(sections.items())}
    place, pointers = 7 + 16 + 120, struct.pack("<HII", 0, 136, 7)
    for number in range(1, 12):
        size = len(parts.get(number, b""))
        pointers += struct.pack("<HII", number, size, place if size else 0)
        place += size
    content = scp_section(0, pointers, b"SCPECG") + b"".join(parts.values())
    content = struct.pack("<I", 6 + len(content)) + content
    return struct.pack("<H", binascii.crc_hqx(content, 0xFFFF)) + content


def scp_sections(
    ecg: ECG,
    leads=LEADS,
    order: int = 0,
    huffman: bool = False,
    beats: bool = False,
    nanovolts: int = 5000,
    statements: bytes = b"\0" * 3,
) -> dict[int, bytes]:
    """Sections by number; the statements are damaged, since nobody needs them."""
    counts = np.array([np.rint(ecg.lead(lead).astype(float) * 1e6 / nanovolts) for lead in leads]).astype(int)
    samples, interval = counts.shape[1], round(1e6 / ecg.sampling_rate)
    flags = 0b100 | (len(leads) << 3) | beats
    sections = {1: b"\xff\0\0" + bytes(1)}
    if huffman:
        sections[2] = struct.pack("<H", 19_999)
    entries = (struct.pack("<IIB", 1, samples, SCP_CODES[lead]) for lead in leads)
    sections[3] = bytes([len(leads), flags]) + b"".join(entries)
    if beats:  # three beats of 400 ms about samples 500, 1500, 2500; the second one of another kind
        length, middle = round(400_000 / interval), 80
        beat = counts[:, 500 - middle : 500 - middle + length] // 2 * 2
        places = [(0, 440, 500, 600), (1, 1440, 1500, 1600), (0, 2421, 2500, 2610)]
        sections[4] = struct.pack("<HHH", 400, middle, 3) + b"".join(struct.pack("<HIII", *place) for place in places)
        sections[4] += b"".join(struct.pack("<II", start, end) for _, start, _, end in places)
        sections[5] = scp_samples(beat // 2, order, huffman, 2 * nanovolts, interval)
        counts = counts.copy()
        for kind, start, peak, end in places:
            for sample in range(start, end + 1):
                at = sample - peak + middle - 1
                if kind == 0 and 0 <= at < length:
                    counts[:, sample - 1] -= beat[:, at]
    sections[6] = scp_samples(counts, order, huffman, nanovolts, interval)
    sections[8] = statements
    return sections


def write_scp(path: Path, ecg: ECG, **choices) -> Path:
    path.write_bytes(scp_file(scp_sections(ecg, **choices)))
    return path


# --- Philips Sierra --------------------------------------------------------------------------------------------------


def lzw(plain: bytes) -> bytes:
    """Codes of ten bits, of which the last is never used."""
    known, word, codes = {bytes([byte]): byte for byte in range(256)}, b"", []
    for byte in plain:
        longer = word + bytes([byte])
        if longer not in known:
            codes.append(known[word])
            if len(known) < 1023:
                known[longer] = len(known)
            longer = bytes([byte])
        word = longer
    bits = "".join(f"{code:010b}" for code in (*codes, known[word]))
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def xli(rows) -> bytes:
    """Each lead by itself: its first two samples, then how much each bends down, 64 too high and one place late."""
    packed = b""
    for row in np.asarray(rows, dtype=int):
        bends = 2 * row[1:-1] - row[:-2] - row[2:]
        words = np.concatenate([row[:2], bends[1:] + 64, [64]]).astype(">i2").tobytes()
        codes = lzw(words[::2] + words[1::2])
        packed += struct.pack("<iHh", len(codes), 1, bends[0]) + codes
    return packed


def sierra_residuals(counts: np.ndarray) -> np.ndarray:
    """The limb leads less what I and II foretell."""
    one, two, three, right, left, foot = counts[:6]
    derived = [two - one - three, -right - (one + two) // 2, (one - three) // 2 - left, (two + three) // 2 - foot]
    return np.concatenate([counts[:2], derived, counts[6:]])


BEATS = '<repbeats><repbeat leadname="I"><waveform>????</waveform></repbeat></repbeats>'  # damaged: nobody needs them


def write_sierra(
    path: Path,
    ecg: ECG,
    version: str = "1.04",
    packed: bool = True,
    encoding: str = "utf-16",
    beats: str = BEATS,
    **attributes: str,
) -> Path:
    """Sierra XML; `attributes` are those of its waveforms, left out where they are empty."""
    counts = np.rint(ecg.signal.astype(float) * 200).astype(int)
    milliseconds = round(counts.shape[1] / ecg.sampling_rate * 1000)
    stated = {"dataencoding": "Base64", "durationperchannel": str(milliseconds)}
    resolution = "signalresolution" if version == "1.03" else "resolution"
    stated |= {"compressflag": str(packed), "compressmethod": "XLI"} if packed else {}
    if version != "1.03":
        stated |= {"leadlabels": " ".join(LEADS), "numberofleads": "12", "samplespersecond": f"{ecg.sampling_rate:g}"}
    stated = {name: value for name, value in (stated | attributes).items() if value}
    waves = xli(sierra_residuals(counts)) if packed else counts.astype("<i2").tobytes()
    text = f"""<?xml version="1.0" encoding="{encoding}"?>
<restingecgdata xmlns="http://www3.medical.philips.com">
<documentinfo><documenttype>PhilipsECG</documenttype><documentversion>{version}</documentversion></documentinfo>
<dataacquisition><signalcharacteristics><samplingrate>{ecg.sampling_rate:g}</samplingrate>
<{resolution}>5</{resolution}><acquisitiontype>STD-12</acquisitiontype><bitspersample>16</bitspersample>
<signaloffset>0</signaloffset><signalsigned>True</signalsigned>
<numberchannelsallocated>12</numberchannelsallocated></signalcharacteristics></dataacquisition>
<waveforms><parsedwaveforms {" ".join(f'{name}="{value}"' for name, value in stated.items())}>
{text_of(np.frombuffer(waves, "u1"), "u1")}
</parsedwaveforms>{beats}</waveforms>
</restingecgdata>
"""
    path.write_bytes(text.encode(encoding))
    return path


# --- HDF5 and MATLAB -------------------------------------------------------------------------------------------------


def write_code15(path: Path, signals, ids=None, samples: int = 4096, **storage) -> Path:
    """Recordings (T, 12) in the middle of as many zeros as fill them up."""
    array = np.zeros((len(signals), samples, 12), np.float32)
    for row, signal in enumerate(signals):
        start = (samples - len(signal)) // 2
        array[row, start : start + len(signal)] = signal
    with h5py.File(path, "w") as file:
        file.create_dataset("tracings", data=array, **storage)
        if ids is not None:
            file["exam_id"] = np.array(ids)
    return path


def write_sph(path: Path, ecg: ECG) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("ecg", data=ecg.signal.astype(np.float16))
    return path


def write_cpsc(path: Path, ecg: ECG, **choices) -> Path:
    """CPSC 2018: a structure of sex, age and data in mV."""
    savemat(path, {"ECG": {"sex": "Male", "age": 74.0, "data": ecg.signal.astype(float)}}, **choices)
    return path


def write_val(path: Path, ecg: ECG, **choices) -> Path:
    """The challenges' matrix of whole uV, without the header that goes with it."""
    savemat(path, {"val": np.rint(ecg.signal.astype(float) * 1000).astype(np.int16)}, **choices)
    return path


def write_matlab_73(path: Path, ecg: ECG) -> Path:
    """HDF5 behind a block of 512 bytes, matrices turned."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("ECG/data", data=ecg.signal.astype(float).T)
        file.create_dataset("ECG/age", data=np.array([[74.0]]))
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return path


STATED = {"rate": 500, "unit": "mV"}
FILES = {  # name: (file, writer, what the caller states)
    "muse": ("a.xml", write_muse, {}),
    "scp": ("a.scp", write_scp, {}),
    "scp packed": ("a.scp", lambda path, ecg: write_scp(path, ecg, order=2, huffman=True, beats=True), {}),
    "sierra": ("a.xml", write_sierra, {}),
    "sph": ("a.h5", write_sph, STATED),
    "code-15": (
        "a.hdf5",
        lambda path, ecg: write_code15(path, [ecg.signal.T], samples=5096, compression="gzip"),
        STATED,
    ),
    "cpsc": ("a.mat", write_cpsc, STATED),
    "cpsc packed": ("a.mat", lambda path, ecg: write_cpsc(path, ecg, do_compression=True), STATED),
    "val": ("a.mat", lambda path, ecg: write_val(path, ecg, format="4"), {"rate": 500, "unit": "uV"}),
    "matlab 7.3": ("a.mat", write_matlab_73, STATED),
}
