"""From the heart to its electrical state: the couplings between what CMR measures and what an ECG shows.

Each parameter is a population mean, plus `coupling` times what the heart does to it, plus a residual of its own (ion
channels, torso, electrodes: electrical nuisance). With a coupling of 0 nothing of the heart reaches the ECG, not even
its rate; the residual stays. The strengths are chosen so that associations come out as weak as published ones are, see
the sources beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eccl.simulate.heart import Heart


@dataclass(frozen=True)
class Electrical:
    """The noise-free electrical state of one participant: all that an ECG depends on, but for noise."""

    heart_rate: float  # bpm
    fibrillating: bool  # atrial fibrillation during the recording
    ectopy: float  # expected ventricular ectopic beats a minute
    respiratory_arrhythmia: float  # SD of RR over mean RR, in sinus rhythm
    pr: float  # ms, onset of P to onset of QRS
    p_duration: float  # ms
    p_amplitude: float  # mV, of the whole wave: about its height in II
    p_terminal: float  # mV, of the late (left atrial) part, backwards
    qrs_duration: float  # ms
    qrs_voltage: float  # factor on the mean QRS loop
    axis_frontal: float  # degrees, mean QRS axis; 0 left, 90 down
    axis_horizontal: float  # degrees by which the loop turns backwards (counted as poor R progression)
    lbbb: bool
    rbbb: bool
    t_amplitude: float  # factor on the mean T loop
    t_angle: float  # degrees by which T turns away from QRS in the frontal plane
    strain: float  # 0 to 1, ST-T opposite to QRS
    qt: float  # ms
    q_anterior: float  # mV of early forces lost over the territory of the LAD
    q_inferior: float  # mV, RCA
    q_lateral: float  # mV, LCX
    t_inversion: float  # mV by which T points away from the infarct
    f_amplitude: float  # mV of fibrillatory waves in V1; seen while fibrillating only
    f_frequency: float  # Hz


def electrical(heart: Heart, coupling: float, rng: np.random.Generator) -> Electrical:
    """The electrical state of a heart.

    Parameters
    ----------
    heart : Heart
    coupling : float
        Strength of all links: 1 as stated here, 0 none.
    rng : Generator
        Of the electrical nuisance.

    References
    ----------
    Sokolow and Lyon, Am Heart J 1949; Levy et al., Circulation 1990 (voltage is an insensitive measure of mass).
    Chan et al., Am J Cardiol 2014 (QRS duration with LV mass and volume).
    Okin et al., Circulation 2006 (strain); Pardee, Arch Intern Med 1930 (Q waves).
    Madias, Chest 2003 (voltage and body).
    Morris et al., Circulation 1964 (P terminal force and left atrial overload).
    Fridericia, Acta Med Scand 1920 (QT and rate); Hayano et al., Am J Cardiol 1991 (respiratory arrhythmia and age).
    """
    e = _effects(heart)
    c = coupling
    z = rng.standard_normal(20)
    u = rng.random(4)

    fibrillating = c * heart.in_fibrillation > 0.5
    heart_rate = np.clip(65 + c * e.heart_rate + 2.5 * z[0], 38, 165)  # the scan and the ECG are of one visit
    lbbb = c * (heart.conduction == "LBBB") > 0.5 or u[0] < 0.008
    rbbb = not lbbb and (c * (heart.conduction == "RBBB") > 0.5 or u[1] < 0.015)
    rr = 60 / heart_rate
    seen = u[3] < 0.55  # an old infarct leaves Q waves in about half (Moon et al., J Am Coll Cardiol 2004)
    # A trace of it stays even then: it is what tells the T wave which way to turn.
    q, t = c * (1.0 if seen else 0.05) * np.exp(0.4 * z[18]), c * (0.15 + 0.85 * seen) * np.exp(0.4 * z[15])
    corrected = np.clip(410 + c * e.qtc + 18 * z[1], 330, 540)  # ms, at 60 bpm
    return Electrical(
        heart_rate=float(heart_rate),
        fibrillating=bool(fibrillating),
        ectopy=float(6.0 * u[2] if z[2] + c * e.ectopy > 1.9 else 0.0),
        respiratory_arrhythmia=float(np.exp(np.log(0.030) - 0.02 * c * (heart.age - 63) + 0.35 * z[3])),
        pr=float(np.clip(162 + c * e.pr + 20 * z[4], 105, 300)),
        p_duration=float(np.clip(106 + c * e.p_duration + 9.0 * z[5], 70, 165)),
        p_amplitude=float(0.10 * np.exp(0.25 * z[6])),
        p_terminal=float(np.clip(0.040 + c * e.p_terminal + 0.016 * z[7], 0.0, 0.15)),
        qrs_duration=float(np.clip(91 + c * e.qrs_duration + 8.5 * z[8] + 46 * lbbb + 40 * rbbb, 70, 205)),
        qrs_voltage=float(np.exp(c * e.log_voltage + 0.22 * z[9])),
        axis_frontal=float(np.clip(44 - c * e.axis_left + 17 * z[10] - 18 * lbbb, -85, 115)),
        axis_horizontal=float(np.clip(c * e.backwards + 10 * z[11], -30, 50)),
        lbbb=bool(lbbb),
        rbbb=bool(rbbb),
        t_amplitude=float(np.exp(c * e.log_t + 0.30 * z[12])),
        t_angle=float(c * e.t_angle + 10 * z[13]),
        strain=float(np.clip(c * e.strain + 0.09 * z[14] - 0.05, 0, 1)),
        qt=float(corrected * rr ** (1 / 3)),
        q_anterior=float(min(q * e.q_anterior, 1.0)),
        q_inferior=float(min(q * e.q_inferior, 1.0)),
        q_lateral=float(min(q * e.q_lateral, 1.0)),
        t_inversion=float(min(t * e.t_inversion, 0.75)),
        f_amplitude=float(0.07 * np.exp(0.35 * z[16])),
        f_frequency=float(np.clip(6.2 + 0.8 * z[17], 4, 9)),
    )


@dataclass(frozen=True)
class _Effects:
    """What a heart does to each electrical parameter, in that parameter's unit, at a coupling of 1."""

    heart_rate: float
    qtc: float
    ectopy: float
    pr: float
    p_duration: float
    p_terminal: float
    qrs_duration: float
    log_voltage: float
    axis_left: float
    backwards: float
    log_t: float
    t_angle: float
    strain: float
    q_anterior: float
    q_inferior: float
    q_lateral: float
    t_inversion: float


def _effects(heart: Heart) -> _Effects:
    male = heart.sex == 1
    mass = np.log(heart.lv_mass / 88)
    volume = np.log(heart.lv_edv / 145)
    atrium = np.log(heart.la_max / 68)
    relative_mass = np.log(heart.lv_mass / (103 if male else 70))
    ejection = 1 - heart.lv_esv / heart.lv_edv
    weak = max(0.0, 0.52 - ejection)  # shortfall of the ejection fraction
    thick = max(0.0, relative_mass - 0.25)  # hypertrophy beyond what is usual
    septum = float(heart.wall[[1, 2, 7, 8]].mean() - 1)
    age = (heart.age - 63) / 10
    extent = heart.infarct_extent
    territory = {name: extent * (heart.infarct_territory == name) for name in ("LAD", "RCA", "LCX")}
    return _Effects(
        heart_rate=heart.heart_rate - 65,
        qtc=9.0 * (not male) + 32 * weak + 20 * thick + 2 * age,
        ectopy=3.0 * weak + 0.2 * (heart.scar.max() > 0),
        pr=4.5 * age + 12 * atrium,
        p_duration=16 * atrium + 1.5 * age,
        p_terminal=0.022 * atrium,
        qrs_duration=10 * volume + 7 * mass + 16 * weak,
        log_voltage=0.42 * mass - 0.015 * (heart.bmi - 26.5) - 0.06 * male - 0.05 * age - 0.15 * weak,
        axis_left=1.0 * heart.axis,
        backwards=24 * weak + 12 * volume,
        log_t=0.08 * male - 0.07 * age - 0.45 * weak - 0.30 * thick,
        t_angle=10 * thick + 17 * weak + 3 * age,
        strain=0.7 * thick + 0.2 * weak + 0.3 * max(0.0, septum),
        q_anterior=0.75 * territory["LAD"],
        q_inferior=0.85 * territory["RCA"],
        q_lateral=0.80 * territory["LCX"],
        t_inversion=0.50 * extent,
    )
