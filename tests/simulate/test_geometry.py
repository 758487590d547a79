"""The moving geometry against integration by hand, and the traits against the geometry."""

import dataclasses

import numpy as np
import pytest
from helpers.hearts import heart_of, hearts_of

from eccl.simulate import geometry
from eccl.simulate.geometry import contours, left_ventricle, rv_volume_curve, traits, volume_curve
from eccl.traits import TRAIT_NAMES, TRAITS


@pytest.fixture(scope="module")
def hearts():
    return hearts_of(400, seed=3)


@pytest.fixture(scope="module")
def infarct(hearts):
    return next(h for h in hearts if h.infarct_territory == "LAD" and h.infarct_extent > 0.6 and not h.cardiomyopathy)


@pytest.fixture(scope="module")
def uniform(hearts):
    """A healthy heart whose wall is even and contracts evenly."""
    healthy = next(h for h in hearts if not h.diagnoses.any())
    return dataclasses.replace(healthy, wall=np.ones(16), contraction=np.ones(16))


def area(radius):
    """Area in mm2 of a polygon with vertices a degree apart."""
    x, y = radius * np.cos(geometry.THETA), radius * np.sin(geometry.THETA)
    return 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def sum_of_slices(heart, volume):
    """Cavity and wall in ml, by adding thin slices from apex to base."""
    ventricle, slices = left_ventricle(heart), 600
    height = 1.5 * ventricle.long_axis(np.array([volume]))[0] / slices
    cavity = wall = 0.0
    for zeta in -1 + 1.5 * (np.arange(slices) + 0.5) / slices:
        ring = 0 if zeta > 0 else 1 if zeta > -0.5 else 2
        endo, epi = ventricle.contours(np.array([volume]), ring, zeta)
        cavity += area(endo[0]) * height / 1000
        wall += (area(epi[0]) - area(endo[0])) * height / 1000
    return cavity, wall


@pytest.mark.parametrize("number", [0, 1, 2])
def test_slices_add_up_to_volume_and_mass_over_the_beat(number):
    heart = heart_of(number, seed=3)
    for volume in (heart.lv_edv, (heart.lv_edv + heart.lv_esv) / 2, heart.lv_esv):
        cavity, wall = sum_of_slices(heart, volume)
        assert cavity == pytest.approx(volume, rel=2e-3)
        assert wall * 1.05 == pytest.approx(heart.lv_mass, rel=2e-3)


def test_slices_add_up_with_a_dead_wall(infarct):
    cavity, wall = sum_of_slices(infarct, infarct.lv_esv)
    assert cavity == pytest.approx(infarct.lv_esv, rel=2e-3)
    assert wall * 1.05 == pytest.approx(infarct.lv_mass, rel=2e-3)


def test_volume_curve_runs_from_end_diastole_through_end_systole_and_back(hearts):
    for heart in hearts:
        for curve, largest, smallest in (
            (volume_curve(heart), heart.lv_edv, heart.lv_esv),
            (rv_volume_curve(heart), heart.rv_edv, heart.rv_esv),
        ):
            assert curve[0] == pytest.approx(largest) == curve.max()
            assert curve.min() == pytest.approx(smallest)
            end = int(curve.argmin())
            assert (np.diff(curve[: end + 1]) < 1e-9).all()
            assert largest - curve[-1] < 0.12 * (largest - smallest)  # nothing jumps where the beat closes


def test_systole_takes_about_a_third_of_a_second_at_any_rate(hearts):
    for rate in (50, 70, 100):
        heart = dataclasses.replace(hearts[0], heart_rate=float(rate))
        seconds = volume_curve(heart).argmin() * 60 / rate / 50
        assert 0.27 < seconds < 0.42


def test_there_is_no_atrial_kick_in_fibrillation(hearts):
    heart = dataclasses.replace(hearts[0], heart_rate=60.0, diastolic_function=0.5, in_fibrillation=False)
    fibrillating = dataclasses.replace(heart, in_fibrillation=True)
    stroke = heart.lv_edv - heart.lv_esv

    def late(heart):
        curve = volume_curve(heart)
        return (curve[49] - curve[41]) / stroke

    assert late(heart) > 0.2
    assert late(fibrillating) < 0.1
    stiff = dataclasses.replace(heart, diastolic_function=0.1)
    assert late(stiff) > late(heart)


def test_rv_crescent_holds_its_area_on_the_septum_alone(hearts):
    for heart in hearts[:20]:
        outline = contours(heart)
        ventricle = left_ventricle(heart)
        filled = rv_volume_curve(heart)
        length = 1.36 * ventricle.long * (1 - 0.34 * (1 - filled / heart.rv_edv))
        cavity = [area(rv) - area(epi) for rv, epi in zip(outline.rv, outline.epi)]
        np.testing.assert_allclose(cavity, filled * 1000 / length, rtol=0.01)
        lateral = outline.rv[:, :100] - outline.epi[:, :100]
        assert np.abs(lateral).max() == 0
        assert (outline.epi > outline.endo).all()


def test_traits_are_named_finite_and_plausible(hearts):
    rng = np.random.default_rng(0)
    table = np.array([list(traits(heart, rng).values()) for heart in hearts])
    assert list(traits(hearts[0], rng)) == list(TRAIT_NAMES)
    for trait, column in zip(TRAITS, table.T):
        assert np.isfinite(column).all(), trait.name
        assert column.min() >= trait.low and column.max() <= trait.high, (trait.name, column.min(), column.max())


def test_traits_keep_their_identities(hearts):
    rng = np.random.default_rng(0)
    for heart in hearts[:50]:
        t = traits(heart, rng)
        assert t["lv_edv"] == heart.lv_edv
        assert t["lv_sv"] == pytest.approx(t["lv_edv"] - t["lv_esv"])
        assert t["lv_ef"] == pytest.approx(100 * t["lv_sv"] / t["lv_edv"])
        assert t["lv_co"] == pytest.approx(t["lv_sv"] * heart.heart_rate / 1000)
        assert t["lv_mass"] == pytest.approx(heart.lv_mass)
        assert t["la_ef"] == pytest.approx(100 * t["la_sv"] / t["la_max"])
        pulse = (heart.systolic - heart.diastolic) * t["dao_min_area"] * 1e-3
        assert t["dao_distensibility"] == pytest.approx((t["dao_max_area"] - t["dao_min_area"]) / pulse)
        for prefix, count in (("wt", 16), ("ecc", 16), ("err", 16), ("ell", 6)):
            segments = [t[f"{prefix}_{number}"] for number in range(1, count + 1)]
            assert t[f"{prefix}_global"] == pytest.approx(np.mean(segments))


def test_strain_of_an_even_heart_by_hand(uniform):
    ventricle = left_ventricle(uniform)
    short, long = ventricle.short, ventricle.long
    shorter = 1 - (0.2 + 0.09 * uniform.diastolic_function) * (1 - uniform.lv_esv / uniform.lv_edv)
    scale = np.sqrt(uniform.lv_esv / uniform.lv_edv / shorter)
    radius = short * np.sqrt(1 - 0.25**2)
    thickness = ventricle.thickness[1, 0]
    area_wall = ((radius + thickness) ** 2 - radius**2) / shorter
    outer = np.sqrt((radius * scale) ** 2 + area_wall)
    before, after = radius + thickness / 2, (radius * scale + outer) / 2
    measured = traits(uniform, np.random.default_rng(0))
    assert 4 / 3 * np.pi * short**2 * long * (27 / 32) / 1000 == pytest.approx(uniform.lv_edv)  # 27/32 of an ellipsoid
    assert measured["wt_9"] == pytest.approx(thickness, rel=1e-6)
    assert measured["ecc_9"] == pytest.approx(100 * (after / before - 1), rel=1e-6)
    assert measured["err_9"] == pytest.approx(100 * ((outer - radius * scale) / thickness - 1), rel=1e-6)


def test_scar_is_thin_and_akinetic(infarct):
    measured = traits(infarct, np.random.default_rng(0))
    dead, remote = ("7", "8", "13"), ("5", "11", "12")

    def mean(prefix, segments):
        return np.mean([measured[f"{prefix}_{segment}"] for segment in segments])

    assert mean("wt", dead) < 0.9 * mean("wt", remote)
    assert mean("ecc", dead) > mean("ecc", remote) + 6
    assert mean("err", dead) < mean("err", remote) - 10


def test_hypertrophy_is_of_the_septum(hearts):
    heart = next(h for h in hearts if h.cardiomyopathy == "hypertrophic" and h.lv_mass > 150)
    measured = traits(heart, np.random.default_rng(0))
    assert measured["wt_8"] > 1.3 * measured["wt_11"]


def test_only_what_the_slice_cannot_show_is_noisy(hearts):
    first, second = (traits(hearts[0], np.random.default_rng(seed)) for seed in (1, 2))
    again = traits(hearts[0], np.random.default_rng(1))
    assert first == again
    noisy = {name.split("_")[0] for name in TRAIT_NAMES if first[name] != second[name]}
    assert noisy == {"la", "ra", "aao", "dao", "ell"}
