"""ECG files: round trips against wfdb, rates, leads, units; what must be refused is in test_bad_input.py."""

import numpy as np
import pytest
import wfdb
from helpers.making import make_ecg, refused

from eccl.data.ecg import read_ecg, record_stem, write_ecg
from eccl.data.measure.beats import r_peaks, remove_baseline
from eccl.records import ECG, LEADS, SAMPLES, DataError


def write_with_wfdb(folder, signal, rate=500, names=LEADS, units=None, name="record"):
    """A record by an independent writer: signal (T, L)."""
    wfdb.wrsamp(
        name,
        fs=rate,
        units=units or ["mV"] * len(names),
        sig_name=list(names),
        p_signal=np.asarray(signal, dtype=float),
        fmt=["16"] * len(names),
        adc_gain=[200.0 if (units or ["mV"])[0] == "mV" else 0.2] * len(names),
        baseline=[0] * len(names),
        write_dir=str(folder),
    )
    return folder / name


def test_what_is_written_is_read_exactly(tmp_path, rng):
    ecg = make_ecg(rng)
    again = read_ecg(write_ecg(tmp_path / "a", ecg))
    assert np.array_equal(again.signal, ecg.signal)
    assert again.signal.shape == (12, SAMPLES) and again.signal.dtype == np.float32
    assert again.sampling_rate == 500.0


def test_values_are_rounded_to_5_microvolt(tmp_path, rng):
    ecg = ECG(rng.normal(0, 1, (12, SAMPLES)))
    again = read_ecg(write_ecg(tmp_path / "a", ecg))
    assert np.abs(again.signal - ecg.signal).max() <= 0.0025 + 1e-6


def test_wfdb_reads_what_is_written(tmp_path, rng):
    ecg = make_ecg(rng)
    write_ecg(tmp_path / "sim-000001", ecg)
    record = wfdb.rdrecord(str(tmp_path / "sim-000001"))
    assert record.sig_name == list(LEADS) and record.units == ["mV"] * 12 and record.fs == 500
    assert record.fmt == ["16"] * 12 and record.adc_gain == [200.0] * 12
    np.testing.assert_allclose(record.p_signal.T, ecg.signal, atol=1e-7)
    digital = wfdb.rdrecord(str(tmp_path / "sim-000001"), physical=False)
    assert digital.checksum == digital.calc_checksum()
    assert digital.init_value == list(digital.d_signal[0])


def test_same_ecg_same_bytes(tmp_path, rng):
    ecg = make_ecg(rng)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_ecg(tmp_path / folder / "a", ecg)
    for suffix in (".hea", ".dat"):
        assert (tmp_path / "one" / f"a{suffix}").read_bytes() == (tmp_path / "two" / f"a{suffix}").read_bytes()


@pytest.mark.parametrize("ending", ["", ".hea", ".dat"])
def test_a_record_is_found_with_or_without_its_extension(tmp_path, rng, ending):
    write_ecg(tmp_path / "a", make_ecg(rng))
    assert read_ecg(f"{tmp_path / 'a'}{ending}").signal.shape == (12, SAMPLES)
    assert record_stem(tmp_path / f"a{ending}") == tmp_path / "a"


def test_a_name_that_wfdb_cannot_hold_is_refused(tmp_path, rng):
    with pytest.raises(ValueError, match=r"letters, digits"):
        write_ecg(tmp_path / "a b", make_ecg(rng))


@pytest.mark.parametrize("spell", [str.upper, str.lower, "Lead {}".format, "MDC_ECG_LEAD_{}".format])
def test_leads_are_found_by_any_spelling_in_any_order_among_others(tmp_path, rng, spell):
    ecg = make_ecg(rng)
    names = ["vx", *(spell(lead) for lead in LEADS[::-1]), "vy", "vz"]
    other = rng.normal(0, 1, (SAMPLES, 3))
    path = write_with_wfdb(tmp_path, np.column_stack([other[:, 0], ecg.signal[::-1].T, other[:, 1:]]), names=names)
    np.testing.assert_allclose(read_ecg(path).signal, ecg.signal, atol=1e-6)


def test_microvolts_become_millivolts(tmp_path, rng):
    ecg = make_ecg(rng)
    path = write_with_wfdb(tmp_path, ecg.signal.T * 1000, units=["uV"] * 12)
    np.testing.assert_allclose(read_ecg(path).signal, ecg.signal, atol=1e-6)


def test_the_unit_of_each_lead_counts(tmp_path, rng):
    ecg = make_ecg(rng)
    write_ecg(tmp_path / "a", ecg)
    header = tmp_path / "a.hea"
    lines = header.read_text().splitlines()
    lines[12] = lines[12].replace("200(0)/mV", "0.2(0)/uV")  # V6 alone in uV: the same voltage
    header.write_text("\n".join(lines))
    np.testing.assert_allclose(read_ecg(header).signal, ecg.signal, atol=1e-6)


def test_a_unit_may_be_stated_for_a_silent_header_but_not_overridden(tmp_path, rng):
    ecg = make_ecg(rng)
    header = write_ecg(tmp_path / "a", ecg)
    stated = header.read_text()
    header.write_text(stated.replace("/mV", ""))
    np.testing.assert_array_equal(read_ecg(header, unit="mV").signal, ecg.signal)
    refused(lambda: read_ecg(header, unit="uV"), header, "never changes by more than 5 uV", "unit is wrong")
    header.write_text(stated)
    np.testing.assert_array_equal(read_ecg(header, unit="uV").signal, ecg.signal)


@pytest.mark.parametrize("rate", [100, 250, 1000])
def test_another_rate_is_resampled_to_the_same_waves(tmp_path, rate):
    def wave(rate):
        return np.tile(np.sin(2 * np.pi * 7.0 * np.arange(10 * rate) / rate)[:, None], (1, 12)) + 0.5

    again = read_ecg(write_with_wfdb(tmp_path, wave(rate), rate=rate))
    assert again.signal.shape == (12, SAMPLES) and again.sampling_rate == 500.0
    inner = slice(200, -200)
    np.testing.assert_allclose(again.signal[:, inner], wave(500).T[:, inner], atol=0.02)


def test_resampling_does_not_alias(tmp_path):
    seconds = np.arange(10000) / 1000
    slow = 0.5 * np.sin(2 * np.pi * seconds)
    fast = np.tile((slow + np.sin(2 * np.pi * 400.0 * seconds))[:, None], (1, 12))  # 400 Hz would fold to 100 Hz
    again = read_ecg(write_with_wfdb(tmp_path, fast, rate=1000)).signal
    assert np.abs(again - slow[::2])[:, 200:-200].max() < 0.01


def test_a_resampled_offset_does_not_sag_at_the_ends(tmp_path):
    level = np.full((10000, 12), 1.5)
    level[2500:-2500] += 0.1 * np.hanning(5000)[:, None]  # a lead that rests for longer is refused
    again = read_ecg(write_with_wfdb(tmp_path, level, rate=1000)).signal
    for end in (again[:, :1200], again[:, -1200:]):
        np.testing.assert_allclose(end, 1.5, atol=1e-3)


def test_a_longer_record_is_cut_to_its_first_ten_seconds(tmp_path, rng):
    long = rng.normal(0, 0.3, (19000, 12)).round(2)
    again = read_ecg(write_with_wfdb(tmp_path, long))
    np.testing.assert_allclose(again.signal, long[:SAMPLES].T, atol=1e-6)


def test_the_cut_of_a_resampled_record_has_no_edge(tmp_path):
    seconds = np.arange(38000) / 1000
    wave = np.tile(np.sin(2 * np.pi * 5.0 * seconds)[:, None] + 1, (1, 12))
    again = read_ecg(write_with_wfdb(tmp_path, wave, rate=1000)).signal[0]
    np.testing.assert_allclose(again[-50:], wave[: 2 * SAMPLES : 2, 0][-50:], atol=0.006)


def test_baseline_is_removed_and_waves_stay(rng):
    ecg = make_ecg(rng, heart_rate=60)
    seconds = np.arange(SAMPLES) / 500
    wander = 0.5 * np.sin(2 * np.pi * 0.15 * seconds) + 0.3
    clean = remove_baseline(ECG(ecg.signal + wander.astype(np.float32))).signal
    own = remove_baseline(ecg).signal
    assert np.abs(clean - own)[:, 750:-750].max() < 0.05  # of 0.8 mV
    assert np.ptp(clean, axis=1) == pytest.approx(np.ptp(ecg.signal, axis=1), rel=0.15)


@pytest.mark.parametrize("heart_rate", [45, 70, 110, 160])
def test_every_beat_is_found_once(rng, heart_rate):
    ecg = make_ecg(rng, heart_rate)
    for signal in (ecg.lead("V5"), ecg.signal):
        intervals = np.diff(r_peaks(signal)) / 500
        np.testing.assert_allclose(intervals, 60 / heart_rate, atol=0.012)
        assert len(intervals) + 1 in (int(10 * heart_rate / 60), int(10 * heart_rate / 60) + 1)


def test_a_failed_write_leaves_the_earlier_record(tmp_path, rng, monkeypatch):
    ecg = make_ecg(rng)
    header = write_ecg(tmp_path / "a", ecg)
    before = header.with_suffix(".dat").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(DataError, match="No space left"):
        write_ecg(tmp_path / "a", make_ecg(rng))
    monkeypatch.undo()
    assert header.with_suffix(".dat").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dat", "a.hea"]
    np.testing.assert_array_equal(read_ecg(header).signal, ecg.signal)
