"""Trains the laptop's ECCL, or reads it, and writes what predicts, a gallery and a card into eccl/weights/laptop/."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from eccl.config import preset
from eccl.files import make_folder, replacing
from eccl.methods import Trained
from eccl.report.front import first_seed, kept_scores
from eccl.share.gallery import Gallery, gallery_of
from eccl.share.pretrained import PACKAGED, equip, weights_of
from eccl.study.data import Data, prepare
from eccl.study.embeddings import embeddings
from eccl.study.obtain import obtain
from eccl.traits import DIAGNOSIS_NAMES

METHOD = "eccl"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m eccl.weights", description=__doc__)
    parser.add_argument("--folder", type=Path, default=PACKAGED, help="where to write (default: in the package)")
    options = parser.parse_args(arguments)
    data = prepare(preset("laptop"))
    trained = obtain(METHOD, data)
    description = {"method": METHOD, "run": trained.run.name, "commit": trained.run.provenance["commit"]}
    equip(make_folder(options.folder), trained.encoder(), data.store, data.split, description, trained.features(data))
    gallery(data, trained, weights_of(options.folder)).save(options.folder)
    with replacing(options.folder / "CARD.md") as beside:
        beside.write_text(card(data, trained.run.name))


def gallery(data: Data, trained: Trained, weights: str) -> Gallery:
    """The test participants, whom an ECG is laid beside, for the encoder whose weights have this SHA-256."""
    test = data.split.test
    project, _ = trained.method.projections(trained.model)
    return gallery_of(project, *embeddings(data, test, trained.method), test, data.config.simulation, weights)


def card(data: Data, run: str) -> str:
    """What the weights are, of whom, for what, and how good, as Markdown."""
    of = kept_scores()
    r, known = (first_seed(of["traits"], method=METHOD, protocol=name) for name in ("probe", "probe_demographics"))
    area = first_seed(of["diagnoses"], method=METHOD, protocol="probe")
    found = first_seed(of["retrieval"], method=METHOD)
    names = "; ".join(f"{one.code} {one.label}" for one in DIAGNOSIS_NAMES)
    return f"""# Weights of the preset laptop

**Learnt from simulated hearts. Not for patients.**

- Model: the ECG encoder of ECCL (a residual network over 12 leads at 100 Hz), linear probes of its feature, their
  calibration, and the range of ECGs that it takes. Run `{run}`; `python -m eccl.weights` makes it again.
- Input: a 12-lead ECG of 10 s at 500 Hz in mV, as `eccl.read_ecg` gives it. An ECG unlike those of training is refused.
- Output: 82 traits of heart and aorta in their units, and probabilities of four diagnoses ({names}), each with an
  interval.
- Data: {len(data.split.train):,} simulated people to train on and {len(data.split.validation):,} to choose by, each one
  latent heart seen as an ECG and as a cine, with traits and coded diagnoses. No person's data.
- How good, on {r.n} simulated people who were not looked at: mean r of the 82 traits {r:.3f}, with sex, age, height and
  weight beside the feature {known:.3f} (that probe is not in here); mean AUROC of the four diagnoses {area:.3f}.
- Beside it: a gallery of these {found.n} people, as embeddings of their cines, which are simulated again from their
  seed. By the own ECG the own cine is among the first ten of them for a share of {found:.3f}.
- For: trying the code, teaching, a start to train from. Not for: any decision about a person. Nothing here was measured
  on patients but the probes of chapter 8.
- Limits: what the simulator does not know, these weights do not; prevalences are those of an enriched cohort, so that
  probabilities are too high for a population; other rates, missing leads and paced rhythms are not learnt.
- Licence: MIT.
"""


if __name__ == "__main__":
    main()
