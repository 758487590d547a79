"""What no model was trained for is refused by name, and people like those of training are not."""

import numpy as np
import pytest
import torch
from helpers.making import make_ecg, refused
from helpers.simulated import simulate_people
from scipy.signal import butter, sosfilt

from eccl.data.standard.twelve_leads import assemble
from eccl.records import ECG, LEADS, SAMPLES, SAMPLING_RATE, Channels, DataError
from eccl.share.domain import FALSE_REFUSALS, Domain, farthest, fit_domain
from eccl.share.quality import CHECKS, mean_beat, measures, polarity, seen_range

TIME = np.arange(SAMPLES) / SAMPLING_RATE


def by_law(eight: np.ndarray) -> np.ndarray:
    """Twelve leads of I, II and V1 to V6, so that no law is broken."""
    channels = Channels(("I", "II", *LEADS[6:]), eight, ("mV",) * 8, SAMPLING_RATE, "made")
    return assemble(channels).signal


def changed(ecg: ECG, lead: str, values: np.ndarray) -> ECG:
    signal = ecg.signal.copy()
    signal[LEADS.index(lead)] = values
    return ECG(signal)


def exchanged(ecg: ECG, one: str, other: str) -> ECG:
    return changed(changed(ecg, one, ecg.lead(other)), other, ecg.lead(one))


def noise(ecg: ECG, rng) -> ECG:
    return ECG(by_law(rng.normal(0, 0.05, (8, SAMPLES))))


def slow_noise(ecg: ECG, rng) -> ECG:
    slow = sosfilt(butter(2, 25.0, fs=SAMPLING_RATE, output="sos"), rng.normal(0, 0.8, (8, SAMPLES)), axis=1)
    return ECG(by_law(slow))


def sine(ecg: ECG, rng) -> ECG:
    return ECG(by_law(rng.uniform(0.5, 1, (8, 1)) * np.sin(2 * np.pi * 10 * TIME)))


def hum(ecg: ECG, rng) -> ECG:
    eight = ecg.signal[[0, 1, *range(6, 12)]] + 0.6 * np.sin(2 * np.pi * 50 * TIME + rng.uniform(0, 6, (8, 1)))
    return ECG(by_law(eight))


def wandering(ecg: ECG, rng) -> ECG:
    eight = ecg.signal[[0, 1, *range(6, 12)]] + 2 * np.sin(2 * np.pi * 0.2 * TIME + rng.uniform(0, 6, (8, 1)))
    return ECG(by_law(eight))


def offset(ecg: ECG, rng) -> ECG:
    return ECG(by_law(ecg.signal[[0, 1, *range(6, 12)]] + 1.0))


def silent_end(ecg: ECG, rng) -> ECG:
    eight = ecg.signal[[0, 1, *range(6, 12)]].copy()
    eight[4, 3500:4900] = eight[4, 3500]
    return ECG(by_law(eight))


def clipped(ecg: ECG, rng) -> ECG:
    limit = 0.5 * np.abs(ecg.signal).max(axis=1, keepdims=True)
    return ECG(np.clip(ecg.signal, -limit, limit))


def beats_at(rate: float):
    return lambda ecg, rng: make_ecg(rng, rate)


OUTSIDE = {
    "250 Hz": ("sampling rate", lambda ecg, rng: ECG(ecg.signal[:, ::2], 250.0), ["250 Hz", "500 Hz"]),
    "5 s": ("duration", lambda ecg, rng: ECG(ecg.signal[:, :2500]), ["5 s", "10 s"]),
    "20 s": ("duration", lambda ecg, rng: ECG(np.tile(ecg.signal, 2)), ["20 s", "10 s"]),
    "ten times the gain": ("amplitude", lambda ecg, rng: ECG(ecg.signal * 10), ["mV", "up to"]),
    "a tenth of the gain": ("amplitude", lambda ecg, rng: ECG(ecg.signal / 10), ["mV", "at least"]),
    "one flat lead": ("flat lead", lambda ecg, rng: changed(ecg, "V3", rng.normal(0, 1e-4, SAMPLES)), ["V3", "10 s"]),
    "a lead lost on the way": ("flat lead", silent_end, ["V3", "2.8 s"]),
    "one loose lead": ("silent lead", lambda ecg, rng: changed(ecg, "V3", rng.normal(0, 0.01, SAMPLES)), ["V3"]),
    "clipped": ("clipped", clipped, ["plateaus"]),
    "white noise": ("noise", lambda ecg, rng: ECG(by_law(rng.normal(0, 0.3, (8, SAMPLES)))), ["above 40 Hz"]),
    "noise below 25 Hz": ("beats", slow_noise, ["kurtosis"]),
    "a sine of 10 Hz": ("beats", sine, ["kurtosis"]),
    "mains hum": ("noise", hum, ["RMS"]),
    "a wandering baseline": ("baseline", wandering, ["RMS"]),
    "an offset of the baseline": ("baseline", offset, ["RMS"]),
    "20 beats a minute": ("heart rate", beats_at(20.0), ["bpm", "at least"]),
    "220 beats a minute": ("heart rate", beats_at(220.0), ["bpm", "up to"]),
    "turned over": ("polarity", lambda ecg, rng: ECG(-ecg.signal), ["degrees"]),
    "I and aVR exchanged": ("limb leads", lambda ecg, rng: exchanged(ecg, "I", "aVR"), ["is off by"]),
    "all leads alike": ("chest leads", lambda ecg, rng: ECG(np.tile(ecg.lead("II"), (12, 1))), ["V1 to V6"]),
    "a chest lead twice": ("chest leads", lambda ecg, rng: changed(ecg, "V4", ecg.lead("V5")), ["V1 to V6"]),
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_what_is_outside_is_refused_by_name(model, typical, rng, what):
    name, make, words = OUTSIDE[what]
    ecg = make(typical, rng)
    error = refused(lambda: model.predict(ecg), *words)
    assert error.problem.startswith(f"{name}: "), error.problem
    assert any(character.isdigit() for character in error.problem)  # by how much


def test_each_check_refuses_something():
    names = {name for name, _, _ in OUTSIDE.values()}
    assert names >= {check.name for check in CHECKS} | {"sampling rate", "duration", "limb leads"}


def test_zeros_are_refused_by_the_record(model):
    refused(lambda: model.predict(ECG(np.zeros((12, SAMPLES)))), "never changes")


def test_what_is_far_in_features_alone_is_refused(model, typical):
    h = model.embed(typical)
    far = model.domain.centre + 4 * (h - model.domain.centre) * model.domain.distances[1] / model.domain.distance(h)
    error = refused(lambda: model.domain.check_features(far, ["my.xml"]), "my.xml", "4 times the limit", "Mahalanobis")
    assert error.problem.startswith("features: ")
    model.domain.check_features(h, [""])


def test_unknown_values_are_outside(model):
    refused(lambda: model.domain.check_features(np.full((1, len(model.domain.centre)), np.nan), [""]), "features")


def test_the_file_is_named(model, typical):
    ecg = ECG(typical.signal[:, :2500], source="my.xml")
    assert refused(lambda: model.predict(ecg), "duration").source == "my.xml"
    assert refused(lambda: model.predict_many([typical, ECG(typical.signal[:, :2500])])).source == "ECG 2 of 2"


def refusals(model, ecgs) -> list[str]:
    told = []
    for ecg in ecgs:
        try:
            model.embed(ecg)
        except DataError as error:
            told.append(error.problem)
    return told


def test_at_most_one_in_a_hundred_of_the_test_split_is_refused(model, ecgs):
    assert len(refusals(model, ecgs)) <= 0.01 * len(ecgs)


def test_at_most_one_in_a_hundred_at_the_preset_smoke(smoke, ecgs):
    assert smoke.description["people"]["train"] < 60
    assert len(refusals(smoke, ecgs)) <= 0.01 * len(ecgs)


@pytest.mark.slow
def test_new_people_are_rarely_refused(model, smoke):
    """By features 1 in 1,000 at most, by everything 1 in 100, of 3,000 who had no part in anything."""
    new = [ecg for ecg, _ in simulate_people(range(10_000, 13_000))]
    with torch.inference_mode():
        batches = [torch.from_numpy(np.stack([ecg.signal for ecg in new[at : at + 100]])) for at in range(0, 3000, 100)]
        h = np.concatenate([model.encoder(batch).numpy() for batch in batches])
    for one in (model, smoke):
        far = np.sum(one.domain.distance(h) > one.domain.distances[1])
        assert far <= FALSE_REFUSALS * len(new) + 2 * np.sqrt(FALSE_REFUSALS * len(new))  # and chance
        told = refusals(one, new[:600])
        assert len(told) <= 0.01 * 600, told


@pytest.mark.parametrize("count", [12, 100, 400])
@pytest.mark.parametrize("tail", ["log-normal", "power"])
def test_the_limit_of_distances_is_exceeded_by_one_in_a_thousand(count, tail, rng):
    def draw(number: int) -> np.ndarray:
        logs = rng.normal(1.5, 0.25, number) if tail == "log-normal" else 1.5 + rng.exponential(0.2, number)
        return np.exp(logs)

    exceeded = np.mean([np.mean(draw(4000) > farthest(draw(count))) for _ in range(300)])
    assert exceeded < 1.2 * FALSE_REFUSALS
    if tail == "power" and count > 12:
        assert exceeded > 0.7 * FALSE_REFUSALS  # the limit is no wider than need be


def test_too_few_to_tell():
    refused(lambda: farthest(np.array([3.0, 4.0, 5.0])), "3 validation participants")


def test_an_encoder_without_any_variation_refuses_nobody(ecgs):
    domain = fit_domain(ecgs[:10], np.ones((30, 4)), np.ones((12, 4)))
    domain.check_features(np.ones((1, 4)), [""])


def test_one_without_beats_in_training_is_left_out_of_the_range(typical):
    values, beat = measures(typical)
    values["polarity"] = polarity(beat, mean_beat([beat, None]))
    without = {**values, "polarity": polarity(None, beat), "silent lead": np.full(12, np.nan)}
    seen = seen_range([values, without])
    assert seen["polarity"].max() < 1e-3 and all(np.isfinite(each).all() for each in seen.values())
    refused(lambda: mean_beat([None, None]), "none of 2 training ECGs", "two whole beats")


def test_constant_features_are_left_out(ecgs, rng):
    h = rng.normal(size=(200, 4)) * [1, 1, 0, 1] + 5
    domain = fit_domain(ecgs[:10], h, h[:50])
    assert np.isfinite(domain.whitening).all()
    np.testing.assert_allclose(np.mean(domain.distance(h) ** 2), 3, rtol=0.1)


def test_what_is_loaded_is_what_was_saved(tmp_path, model, typical):
    model.domain.save(tmp_path)
    loaded = Domain.load(tmp_path)
    assert (loaded.sampling_rate, loaded.samples) == (500.0, 5000)
    for name, value in model.domain.seen.items():
        np.testing.assert_array_equal(loaded.seen[name], value)
    for name in ("template", "centre", "whitening", "distances"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(model.domain, name))
    loaded.check(typical)


@pytest.mark.parametrize("name", ["domain.safetensors", "domain.json"])
def test_damage_is_told(tmp_path, model, name):
    model.domain.save(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:20])
    refused(lambda: Domain.load(tmp_path), name, "obtain")


def test_measures_are_in_their_units(rng):
    ecg = make_ecg(rng, 75.0)
    wave = 0.2 * np.sin(2 * np.pi * 60 * TIME)
    values, _ = measures(ECG(ecg.signal + wave))
    assert values["heart rate"] == pytest.approx(75, abs=1)
    np.testing.assert_allclose(values["noise"], 0.2 / np.sqrt(2), rtol=0.1)  # RMS of a sine
    slow, beat = measures(ECG(ecg.signal + np.sin(2 * np.pi * 0.1 * TIME)))
    np.testing.assert_allclose(slow["baseline"], 1 / np.sqrt(2), rtol=0.1)
    values, same = measures(ecg)
    assert values["amplitude"] == pytest.approx(np.ptp(ecg.signal, axis=1), rel=0.15)
    assert polarity(beat, same) < 10 and polarity(measures(ECG(-ecg.signal))[1], same) > 179


def test_real_recordings_are_mostly_taken(real_data, model):
    """Each that is not, is refused by name: training hearts are simulated, so some are far from them."""
    from eccl.data.ecg import read_ecg

    paths = sorted((real_data / "ecg/ptbxl/records500").rglob("*.hea"))[:40]
    told = refusals(model, (read_ecg(path) for path in paths))
    assert len(told) <= 0.15 * len(paths), told
    assert {problem.split(":")[0] for problem in told} <= {check.name for check in CHECKS} | {"features"}
