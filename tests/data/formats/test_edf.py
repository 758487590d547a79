"""EDF and BDF as recorders write them: encodings, unknown lengths, annotations, records of any size, 24 bits."""

import struct

import edfio
import numpy as np
import pytest
from helpers.making import make_ecg, refused

from eccl.data.formats.edf import read_edf_leads
from eccl.data.standard.twelve_leads import MARGIN, assemble
from eccl.records import LEADS, SAMPLES

ECG_ = make_ecg(np.random.default_rng(8))
KINDS = {"edf": (edfio.Edf, edfio.EdfSignal, 2), "bdf": (edfio.Bdf, edfio.BdfSignal, 3)}
STEP = {"edf": 2 * 5.0 / 65535, "bdf": 2 * 5.0 / (2**24 - 1)}  # mV


def written(path, kind="edf", signal=None, unit="uV", others=(), seconds=None, labels=LEADS, **options):
    """A file by edfio; `others` are rows of slower signals (T / 10)."""
    File, Signal, _ = KINDS[kind]
    signal = ECG_.signal.astype(float) if signal is None else signal
    factor = 1000 if unit == "uV" else 1
    signals = [
        Signal(row * factor, 500, label=label, physical_dimension=unit, physical_range=(-5 * factor, 5 * factor))
        for label, row in zip(labels, signal)
    ]
    slow = [Signal(row, 50, label="Resp", physical_dimension="mmHg", physical_range=(-9, 9)) for row in others]
    File([*slow, *signals], data_record_duration=seconds, **options).write(path)
    return path


def read(path, duration=10.0):
    return assemble(read_edf_leads(path, duration + MARGIN), duration=duration).signal


def by_hand(path, width):
    """The samples in the unit of the file, decoded from its bytes alone: (L, T), labels."""
    raw = path.read_bytes()
    number = int(raw[252:256])
    fields, at = [], 256
    for size in (16, 80, 8, 8, 8, 8, 8, 80, 8, 32):
        fields.append([raw[at + size * n : at + size * (n + 1)].decode("latin-1").strip() for n in range(number)])
        at += size * number
    many = list(map(int, fields[8]))
    rows = [[] for _ in many]
    while at < len(raw):
        for row, count in zip(rows, many):
            for _ in range(count):
                row.append(int.from_bytes(raw[at : at + width], "little", signed=True))
                at += width
    scaled = [
        float(low) + (np.array(row) - int(least)) * (float(high) - float(low)) / (int(most) - int(least))
        for row, low, high, least, most in zip(rows, *fields[3:7])
    ]
    return scaled, fields[0]


def patched(path, *changes):
    raw = path.read_bytes()
    for place, new in changes:
        raw = raw[:place] + new + raw[place + len(new) :]
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [None, 0.1, 1, 2, 10])
@pytest.mark.parametrize("annotated", [False, True])
def test_leads_are_as_edfio_and_as_the_bytes_say(tmp_path, kind, seconds, annotated):
    notes = [edfio.EdfAnnotation(1, None, "I")] if annotated else None
    breath = np.sin(np.arange(SAMPLES // 10))
    path = written(tmp_path / f"a.{kind}", kind, others=[breath], seconds=seconds, annotations=notes)
    signal = read(path)
    np.testing.assert_allclose(signal, ECG_.signal, atol=STEP[kind])
    file = (edfio.read_edf if kind == "edf" else edfio.read_bdf)(path)
    reference = np.array([file.get_signal(lead).data for lead in LEADS]) / 1000
    np.testing.assert_allclose(signal, reference, atol=1e-6)
    if seconds == 1:
        rows, labels = by_hand(path, KINDS[kind][2])
        np.testing.assert_allclose(signal, np.array([rows[labels.index(lead)] for lead in LEADS]) / 1000, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_long_file_the_beginning_is_read(tmp_path, kind):
    long = np.tile(ECG_.signal.astype(float), 6)
    for seconds in (1, 60):
        path = written(tmp_path / f"a.{kind}", kind, signal=long, seconds=seconds)
        np.testing.assert_allclose(read(path), ECG_.signal, atol=STEP[kind])
        np.testing.assert_allclose(read(path, 25.0), long[:, :12500], atol=STEP[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unit", [b"\xc2\xb5V", b"\xb5V", b"\xce\xbcV", b"uV\0\0", b" uV"])
def test_a_micro_sign_is_one_in_any_encoding(tmp_path, kind, unit):
    path = written(tmp_path / f"a.{kind}", kind)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"uV      ", unit.ljust(8)))
    np.testing.assert_allclose(read(path), ECG_.signal, atol=STEP[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", [b"", b"\1" * 1234])
def test_records_that_nobody_counted_are_counted(tmp_path, kind, more):
    path = patched(written(tmp_path / f"a.{kind}", kind), (236, b"-1      "))
    path.write_bytes(path.read_bytes() + more)  # what was begun when the recorder was switched off
    np.testing.assert_allclose(read(path), ECG_.signal, atol=STEP[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_what_follows_the_records_that_are_stated_is_left_alone(tmp_path, kind):
    path = written(tmp_path / f"a.{kind}", kind)
    path.write_bytes(path.read_bytes() * 2)
    np.testing.assert_allclose(read(path), ECG_.signal, atol=STEP[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("place", "text", "words"),
    [
        (236, b"11      ", ["11 data records stated, but 10 whole ones"]),
        (236, b"0       ", ["0 data records stated"]),
        (236, b"-2      ", ["-2 data records stated"]),
        (236, b"many    ", ["neither EDF nor BDF"]),
        (244, b"nan     ", ["data records of nan s"]),
        (244, b"100     ", ["a sampling rate of 5 Hz"]),
        (184, b"256     ", ["a header of 256 bytes"]),
        (184, b"99999999", ["10 data records stated, but "]),
        (252, b"-1  ", ["neither EDF nor BDF"]),
        (252, b"0   ", ["neither EDF nor BDF"]),
    ],
)
def test_a_header_that_cannot_be_right_is_refused(tmp_path, kind, place, text, words):
    path = patched(written(tmp_path / f"a.{kind}", kind), (place, text))
    refused(lambda: read(path), path, *words)


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_file_is_refused_and_gaps_in_time_too(tmp_path, kind):
    path = written(tmp_path / f"a.{kind}", kind)
    raw = path.read_bytes()
    path.write_bytes(raw[:-1])
    refused(lambda: read(path), path, "10 data records stated, but 9 whole ones are there")
    path.write_bytes(raw[:192] + f"{kind.upper()}+D".encode().ljust(44) + raw[236:])
    refused(lambda: read(path), path, f"{kind.upper()}+D", f"as {kind.upper()}+C")


def test_24_bits_hold_their_sign_and_their_ends(tmp_path):
    path = written(tmp_path / "a.bdf", "bdf", unit="mV")
    raw = bytearray(path.read_bytes())
    start = 256 * 13
    for n, count in enumerate((-8388608, 8388607, -1, 0, 1, 65536, -65537)):
        raw[start + 3 * n : start + 3 * n + 3] = struct.pack("<i", count)[:3]
    path.write_bytes(raw)
    counts = np.rint((read(path)[0, :7].astype(float) + 5) / STEP["bdf"]) - 8388608
    np.testing.assert_allclose(counts, [-8388608, 8388607, -1, 0, 1, 65536, -65537], atol=1)


@pytest.mark.parametrize("kind", KINDS)
def test_records_of_any_size_take_no_memory(tmp_path, kind):
    path = written(tmp_path / f"a.{kind}", kind)
    at = 256 + 216 * 12
    path = patched(path, *((at + 8 * n, b"90000000") for n in range(12)), (244, b"180000  "), (236, b"-1      "))
    with path.open("r+b") as file:
        file.truncate(256 * 13 + 12 * 90_000_000 * KINDS[kind][2])  # sparse: it takes no room
    channels = read_edf_leads(path, 11.0)
    assert channels.signal.shape == (12, 5500) and channels.sampling_rate == 500
