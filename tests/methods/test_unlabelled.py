"""Methods that need no label: each learns from recordings alone, and from those it should."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.methods import CMR, CONFIG, MAE, ONE, SPLIT, Altered, Subset, equal, of

from eccl.evaluation.protocols import finetuned
from eccl.methods import METHODS, obtain
from eccl.training.augmentation import sample
from eccl.training.optimisation import VALIDATION, entropy


def test_simclr_knows_two_copies_of_an_ecg_among_those_of_others(data):
    """Its validation loss, recomputed by a double loop over copies that the validation's own generator drew."""
    trained = obtain(METHODS["simclr"], data, progress=False)
    ecg = data.store.batch(SPLIT.validation, ("ecg",))["ecg"]
    draw = int(entropy(VALIDATION, CONFIG.seed).generate_state(2, np.uint32)[1])
    generator = torch.Generator().manual_seed(draw)
    with torch.no_grad():
        one, two = (trained.model(sample(CONFIG.ecg_augmentation, len(ecg), generator).apply(ecg)) for _ in range(2))
    losses = []
    for anchors, others in ((one, two), (two, one)):
        for i, anchor in enumerate(anchors):
            among = [*others] + [other for k, other in enumerate(anchors) if k != i]
            powers = torch.stack([torch.exp(anchor @ other / CONFIG.loss.temperature) for other in among])
            losses.append(-torch.log(powers[i] / powers.sum()))
    assert trained.run.metrics["validation_loss"] == pytest.approx(float(torch.stack(losses).mean()), rel=1e-4)
    assert trained.run.config["upstream"] == {} and trained.encoder().width == CONFIG.ecg.width
    with pytest.raises(ValueError, match="augmentation alone"):
        obtain(METHODS["simclr"], of(data, stage_simclr={**ONE, "augment": False}), progress=False)


def test_pairs_without_any_label_learn_from_images_that_no_label_taught(data, eccl):
    trained = obtain(METHODS["eccl_unlabelled"], data, progress=False)
    upstream = trained.run.config["upstream"]
    assert upstream["cmr"].startswith("cmr_simclr-") and upstream["ecg"] == eccl.run.config["upstream"]["ecg"]
    assert equal(trained.model.cmr, obtain(METHODS["cmr_simclr"], data).encoder("cine"))
    relabelled = Altered(data.store, [])
    relabelled.traits, relabelled.diagnoses = data.store.traits[::-1].copy(), data.store.diagnoses[::-1].copy()
    again = obtain(METHODS["eccl_unlabelled"], replace(of(data), store=relabelled), progress=False)
    assert again.run.name != trained.run.name
    for part in ("ecg", "cmr", "project_ecg", "project_cmr"):
        assert equal(getattr(again.model, part), getattr(trained.model, part))


def test_the_autoencoder_alone_learns_from_unlabelled_people(data, mae, cmr):
    """A pass of it is over them too; validation, and what is learnt with labels from it, stay the cohort's."""
    rows = SPLIT.train[:5]
    further = replace(of(data), unlabelled=Subset(data.store, rows))
    more = obtain(MAE, further, progress=False)
    assert more.run.name != mae.run.name and (more.run.config["people"], mae.run.config["people"]) == (17, 12)
    assert more.run.config["upstream"] == {} and not equal(more.model, mae.model)
    assert obtain(CMR, further).run.name == cmr.run.name
    assert more.features(further).shape == (24, mae.encoder().width)
    tuned = obtain(finetuned(MAE, "traits"), further, progress=False)
    assert tuned.run.config["upstream"] == {"ecg": more.run.name} and tuned.run.config["people"] == 12
    assert obtain(MAE, replace(further, unlabelled=Subset(data.store, rows[:4]))).run.name != more.run.name
