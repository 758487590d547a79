"""WFDB beyond the ordinary: frames of several samples, skew, every format, odd headers and hostile ones."""

import time

import numpy as np
import pytest
import wfdb
from helpers.ecg_files import counts
from helpers.making import make_ecg, refused

from eccl.data.ecg import read_ecg, write_ecg
from eccl.data.formats.wfdb_record import MOST_SAMPLES
from eccl.records import LEADS, SAMPLES

ECG_ = make_ecg(np.random.default_rng(4))
COUNTS = counts(ECG_)  # 200 a mV
MIMIC = ("I", "II", "III", "aVR", "aVF", "aVL", *LEADS[6:])


def write_frames(folder, signals, first, fmt="16", gain="200/mV", name="a"):
    """A record of one file: signals are (name, counts (F x many), samples a frame, more of the format field)."""
    frames = len(signals[0][1]) // signals[0][2]
    parts = [np.asarray(row).reshape(frames, many) for _, row, many, _ in signals]
    (folder / f"{name}.dat").write_bytes(np.concatenate(parts, axis=1).astype("<i2").tobytes())
    lines = [f"{name}.dat {fmt}x{many}{more} {gain} 16 0 0 0 0 {lead}" for lead, _, many, more in signals]
    (folder / f"{name}.hea").write_text("\n".join([first, *lines]) + "\n")
    return folder / f"{name}.hea"


def leads_of(many, more="", names=LEADS):
    return [(lead, COUNTS[LEADS.index(lead)], many, more) for lead in names]


# --- Frames, skew, formats -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("many", [1, 2, 4, 5, 10, 100, 1000])
def test_samples_of_a_frame_are_taken_one_by_one(tmp_path, many):
    path = write_frames(tmp_path, leads_of(many), f"a 12 {500 / many:g} {SAMPLES // many}")
    ecg = read_ecg(path)
    np.testing.assert_allclose(ecg.signal, ECG_.signal, atol=1e-6)
    reference = wfdb.rdrecord(str(tmp_path / "a"), smooth_frames=False).e_p_signal
    np.testing.assert_allclose(ecg.signal, reference, atol=1e-6)


@pytest.mark.parametrize("rate", [62.4725, 15.5])
def test_the_rate_is_that_of_the_samples(tmp_path, rate):
    path = write_frames(tmp_path, leads_of(10), f"a 12 {rate} {SAMPLES // 10}")
    ecg = read_ecg(path, sampling_rate=10 * rate, duration=5)
    np.testing.assert_allclose(ecg.signal, ECG_.signal[:, : round(50 * rate)], atol=1e-6)


def test_a_slower_channel_beside_the_leads_does_not_matter(tmp_path):
    breath = ("Resp", np.arange(SAMPLES // 10), 1, "")
    path = write_frames(tmp_path, [breath, *leads_of(10)], f"a 13 50 {SAMPLES // 10}")
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=1e-6)


def test_leads_that_differ_in_rate_are_refused_with_both(tmp_path):
    slow = [("V6", COUNTS[11, ::2], 5, "")]
    path = write_frames(tmp_path, [*leads_of(10, names=LEADS[:11]), *slow], f"a 12 50 {SAMPLES // 10}")
    refused(lambda: read_ecg(path), path, "250 and 500 Hz")
    path.write_text(path.read_text().replace("a 12 50 500", "a 12"))
    refused(lambda: read_ecg(path, rate=500), path, "5 and 10 samples a frame")


def test_a_frame_rate_stated_by_the_caller_is_that_of_the_samples(tmp_path):
    path = write_frames(tmp_path, leads_of(4), "a 12")
    np.testing.assert_allclose(read_ecg(path, rate=500).signal, ECG_.signal, atol=1e-6)


@pytest.mark.parametrize("many", [1, 4])
def test_leads_are_shifted_by_their_own_skew(tmp_path, many):
    lag = {lead: place % 3 for place, lead in enumerate(LEADS)}  # frames
    rows = np.concatenate([np.random.default_rng(1).normal(0, 9, (12, 40)).astype(int), COUNTS], axis=1)
    signals = [
        (lead, np.concatenate([row[40 - lag[lead] * many :], row[: 40 - lag[lead] * many]]), many, f":{lag[lead]}")
        for lead, row in zip(LEADS, rows)
    ]
    path = write_frames(tmp_path, signals, f"a 12 {500 / many:g} {(SAMPLES + 40) // many}")
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=1e-6)


@pytest.mark.parametrize("fmt", ["16", "61", "80", "160", "212", "310", "311", "24", "32", "8", "516", "524"])
def test_every_format_is_as_wfdb_reads_it(tmp_path, fmt):
    gain = {"80": 40.0, "8": 40.0, "310": 100.0, "311": 100.0}.get(fmt, 200.0)
    signal = np.round(ECG_.signal.T.astype(float) * gain) / gain
    wfdb.wrsamp("a", 500, ["mV"] * 12, list(LEADS), p_signal=signal, fmt=["16"] * 12, adc_gain=[gain] * 12,
                baseline=[0] * 12, write_dir=str(tmp_path))  # fmt: skip
    digital = np.rint(signal * gain).astype(int)
    if fmt in ("61", "160", "8", "310", "311"):  # those that wfdb reads and does not write
        header = (tmp_path / "a.hea").read_text().replace("a.dat 16 ", f"a.dat {fmt} ")
        (tmp_path / "a.hea").write_text(header)
        (tmp_path / "a.dat").write_bytes(packed(digital, fmt))
    elif fmt != "16":
        wfdb.wrsamp("a", 500, ["mV"] * 12, list(LEADS), p_signal=signal, fmt=[fmt] * 12, adc_gain=[gain] * 12,
                    baseline=[0] * 12, write_dir=str(tmp_path))  # fmt: skip
    again = read_ecg(tmp_path / "a").signal
    np.testing.assert_allclose(again, signal.T, atol=1e-6)
    np.testing.assert_allclose(again, wfdb.rdrecord(str(tmp_path / "a")).p_signal.T, atol=1e-6)


def packed(digital, fmt):
    """Bytes of counts (T, L), as the formats that wfdb does not write pack them."""
    flat = digital.ravel()
    if fmt == "8":  # differences of each signal, from the first sample that the header states
        return np.diff(digital, axis=0, prepend=digital[:1]).astype("i1").tobytes()
    if fmt in ("61", "160"):
        return flat.astype(">i2").tobytes() if fmt == "61" else (flat + 32768).astype("<u2").tobytes()
    one, two, three = (flat.reshape(-1, 3).T & 0x3FF).astype("<u4")
    words = one << 1 | two << 17 | (three & 0x1F) << 11 | (three >> 5) << 27
    return (words if fmt == "310" else one | two << 10 | three << 20).astype("<u4").tobytes()


def test_leads_may_lie_in_several_files_and_below_the_folder_of_the_header(tmp_path):
    (tmp_path / "sub").mkdir()
    lines = ["a 12 500 5000"]
    for name, places in (("b.1.dat", range(6)), ("sub/c.dat", range(6, 12))):
        (tmp_path / name).write_bytes(COUNTS[list(places)].T.astype("<i2").tobytes())
        lines += [f"{name} 16 200/mV 16 0 0 0 0 {LEADS[place]}" for place in places]
    (tmp_path / "a.hea").write_text("\n".join(lines))
    np.testing.assert_allclose(read_ecg(tmp_path / "a.hea").signal, ECG_.signal, atol=1e-6)


def test_the_order_of_mimic_is_read_by_name(tmp_path):
    path = write_frames(tmp_path, leads_of(1, names=MIMIC), f"a 12 500 {SAMPLES}")
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=1e-6)


# --- Headers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        *("a 12 500 5000 2006", "a 12 500 5000 10:11:12.345 2006-01-02", "a 12 500 5000 25:61 31/2/1999"),
        *("a 12 500 5000 12:00 05/06/2020 and more", "a 12 500 5000 noon", "a 12 500 5000 -", "a 12 500 5000   "),
        *("rec.1 12 500 5000", "pat@x#1 12 500 5000", "a/b 12 500 5000", "\u00fc 12 500 5000"),
        *("a 12 500/1000(0) 5000", "a 12 500/1000 5000", "a 12 500(7.5) 5000", "a\t12\t500\t5000", "a 12 5e2 5000"),
        *("a 12 500.000 5000", "a 12 500. 5000", "a 12 500", "a 12 500 0", "a 12 500 10:11:12", "a 12 500 5000\r"),
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_only_what_the_samples_need_is_read_of_the_first_line(tmp_path, first, mark):
    path = write_frames(tmp_path, leads_of(1), first)
    path.write_bytes(mark + path.read_bytes())
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("\n", "  \t\n\n"),
        lambda text: "\n# a comment \x85 in front\n" + text.replace("\n", "\n  # between\n"),
        lambda text: text.replace(" ", "  \t"),
        lambda text: text + "# age: 60\nwhat follows the signals\n",
        lambda text: text.replace("16x1 200/mV", "16 200(0)/mV"),
        lambda text: text.replace("200/mV", "200.0(0.0)/mV"),
        lambda text: text.replace("200/mV", "2e-1/uV"),
        lambda text: text.replace("200/mV", ".2/\u00b5V"),
        lambda text: text.replace("200/mV 16 0 0 0 0", "200/mV"),
        lambda text: text.replace("200/mV 16 0 0 0 0", "200/mV 16 0"),
        lambda text: text.replace("16x1 ", "16x1:0+0 "),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_headers_as_they_are_found(tmp_path, change, encoding):
    path = write_frames(tmp_path, leads_of(1), f"a 12 500 {SAMPLES}")
    path.write_bytes(change(path.read_text()).encode(encoding))
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=1e-6)


def test_a_baseline_is_the_zero_of_the_adc_where_none_is_stated(tmp_path):
    path = write_frames(tmp_path, leads_of(1), f"a 12 500 {SAMPLES}")
    text = path.read_text()
    path.write_text(text.replace("200/mV 16 0 ", "200/mV 16 40 "))
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal - 0.2, atol=1e-6)
    path.write_text(text.replace("200/mV 16 0 ", "200(-20)/mV 16 40 "))
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal + 0.1, atol=1e-6)
    np.testing.assert_allclose(read_ecg(path).signal, wfdb.rdrecord(str(tmp_path / "a")).p_signal.T, atol=1e-6)


def test_a_lead_of_the_opposite_sign_is_none_even_without_a_checksum(tmp_path):
    path = write_frames(tmp_path, leads_of(1), f"a 12 500 {SAMPLES}")
    path.write_text(path.read_text().replace("0 0 0 0 aVR", "0 0 -aVR").replace("0 0 0 0 V1", "0 0 -V1"))
    refused(lambda: read_ecg(path), path, "lead V1 is missing", "-V1")


REFUSALS = {  # what is wrong: (text, its replacement, words of the message)
    "fewer samples than stated": ("500 5000", "500 5010", ["5010 frames of 12 samples", "holds 5000", "truncated"]),
    "a rate in words": ("a 12 500 5000", "a 12 fast 5000", ["'fast' cannot be read"]),
    "frames of none": ("16x1 ", "16x0 ", ["0 Hz"]),
    "a frame that asks for memory": ("16x1 200", "16x999999999 200", ["5e+11 Hz"]),
    "an unknown format": ("16x1 ", "17x1 ", ["format 17"]),
    "a signal that is kept nowhere": ("16x1 ", "0x1 ", ["format 0"]),
    "a gain in words": ("200/mV", "much/mV", ["lead I, II"]),
    "no gain": ("200/mV", "/mV", ["no gain is stated for lead I"]),
    "a gain of nothing": ("200/mV", "0.0/mV", ["no gain is stated for lead I"]),
    "an offset beyond the end": ("16x1 ", "16x1+999999 ", ["holds 0", "truncated"]),
    "a skew beyond the end": ("16x1 ", "16x1:6000 ", ["0 s long"]),
    "another file": ("a.dat 16x1 200/mV 16 0 0 0 0 V2", "b.dat 16x1 200/mV 16 0 0 0 0 V2", ["not described together"]),
    "two formats in one file": ("a.dat 16x1 200/mV 16 0 0 0 0 V2", "a.dat 80 200/mV 16 0 0 0 0 V2", ["one format"]),
    "a file outside": ("a.dat", "../a.dat", ["'../a.dat' is not in the folder"]),
    "an absolute file": ("a.dat", "/etc/passwd", ["'/etc/passwd' is not in the folder"]),
    "an address": ("a.dat", "http://x/a.dat", ["is not in the folder"]),
    "a chain of addresses": ("a.dat", "a::http:x.dat", ["is not in the folder"]),
    "a missing file": ("a.dat", "gone.dat", ["the signal file gone.dat is missing"]),
    "FLAC that is none": ("16x1 ", "516x1 ", ["do not fit", "FLAC"]),
    "segments": ("a 12 500", "a/3 12 500", ["several segments"]),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_header_that_cannot_be_right_is_refused_for_what_is_wrong(tmp_path, case):
    old, new, words = REFUSALS[case]
    path = write_frames(tmp_path, leads_of(1), f"a 12 500 {SAMPLES}")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    problem = refused(lambda: read_ecg(path), path, *words)
    assert ("truncated" in str(problem)) == ("truncated" in words)


@pytest.mark.parametrize("first", ["a 13 500 9000000", "a 13 500"])
def test_memory_is_bounded_by_the_product_of_samples_channels_and_frames(tmp_path, first):
    path = write_frames(tmp_path, leads_of(1), f"a 12 500 {SAMPLES}")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([first, "a.dat 16x99999 200/mV 16 0 0 0 0 x", *lines[1:]]))
    with (tmp_path / "a.dat").open("r+b") as file:
        file.truncate(20_000_000_000)  # sparse: it takes no room
    start = time.perf_counter()
    refused(lambda: read_ecg(path), path, f"more than {MOST_SAMPLES} samples")
    assert time.perf_counter() - start < 2


def test_a_pipe_for_a_signal_file_is_not_waited_for(tmp_path):
    import os

    path = write_ecg(tmp_path / "a", ECG_)
    (tmp_path / "a.dat").unlink()
    os.mkfifo(tmp_path / "a.dat")
    refused(lambda: read_ecg(path), path, "a.dat is missing")
