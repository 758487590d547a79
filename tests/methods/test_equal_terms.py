"""Who is labelled, how often they are read, at what rate: alike for all that are compared."""

import numpy as np
from helpers.methods import CMR, CONFIG, ECCL, ONE, SPLIT, equal, of

from eccl.evaluation.protocols import finetuned
from eccl.methods import METHODS, obtain, obtaining, supervised


def test_labels_that_are_not_known_are_not_used(data, tiny_store):
    few = of(data, label_share=0.25)
    supervised = obtain(CMR, few, progress=False)
    used = np.array(supervised.run.config["outputs"]["mean"], dtype=np.float32)
    assert not np.allclose(used, tiny_store.traits[SPLIT.train].mean(axis=0))
    assert np.isfinite(obtain(ECCL, few, progress=False).run.metrics["validation_loss"])


def test_a_pass_over_few_labels_has_as_many_steps(data):
    few = obtain(METHODS["supervised"], of(data, label_share=0.25), progress=False)
    assert few.run.config["people"] == 3 and few.run.config["reads"] == len(SPLIT.train)
    contrast = obtain(ECCL, of(data, label_share=0.25), progress=False)
    assert contrast.run.config["people"] == contrast.run.config["reads"] == len(SPLIT.train)


def test_a_share_of_the_diagnoses_leaves_what_learns_from_traits(data, eccl):
    few = of(data, diagnosis_share=0.5, label_seed=2)
    assert obtain(ECCL, few).run.name == eccl.run.name
    tuned = [obtain(finetuned(METHODS["random"], target), few, progress=False).run for target in ("traits", "I48")]
    assert [run.config["people"] for run in tuned] == [12, 6]


def test_each_seed_draws_who_is_labelled_and_the_frozen_encoder_knows_no_others(data):
    few = of(data, label_share=0.5)
    one, two = few.seeded(CONFIG.seed), few.seeded(CONFIG.seed + 1)
    known = [supervised.settings(each.config, each.config.stage_cmr, "traits").known for each in (one, two)]
    assert known[0].share == known[1].share and known[0].seed != known[1].seed
    for each, draw in zip((one, two), known):
        assert METHODS["cmr_supervised"].settings(each.shared().config).known == draw
        assert each.shared().config.seed == CONFIG.seed
    assert two.first().config == one.config


def test_the_first_of_several_seeds_chooses_the_learning_rate_of_all(data):
    rates = {**ONE, "learning_rates": (3e-3, 1e-9)}
    seeds = [of(data, stage_supervised=rates).seeded(CONFIG.seed + number) for number in range(2)]
    second = obtaining.tried(METHODS["supervised"], seeds[1], progress=False)
    first = obtaining.tried(METHODS["supervised"], seeds[0], progress=False)
    assert [one.learning_rate for one in first] == [3e-3, 1e-9]
    best = obtain(METHODS["supervised"], seeds[0])
    assert [one.learning_rate for one in second] == [best.learning_rate]
    assert second[0].run.config["config"]["seed"] == CONFIG.seed + 1


def test_of_several_learning_rates_the_best_on_validation_is_taken(data):
    rates = (1e-9, 3e-3)
    chosen = obtain(METHODS["supervised"], of(data, stage_supervised={**ONE, "learning_rates": rates}), progress=False)
    singles = [
        obtain(METHODS["supervised"], of(data, stage_supervised={**ONE, "learning_rate": rate})) for rate in rates
    ]
    scores = [each.run.metrics["validation_score"] for each in singles]  # the same runs, which are only read
    assert chosen.run == singles[int(np.argmax(scores))].run
    assert chosen.run.config["settings"]["stage"]["learning_rate"] in rates


def test_three_seeds_share_all_but_the_training(data, eccl, cmr, mae):
    seeds = [data.seeded(CONFIG.seed + number) for number in range(3)]
    trained = [obtain(ECCL, each, progress=False) for each in seeds]
    assert {one.run.config["upstream"]["cmr"] for one in trained} == {cmr.run.name}
    for each in seeds:
        assert (each.cohort, each.store, each.split) == (data.cohort, data.store, data.split)
        np.testing.assert_array_equal(each.indices, data.indices)
    assert len({one.run.config["upstream"]["ecg"] for one in trained}) == len({one.run.name for one in trained}) == 3
    assert trained[0].run == eccl.run and trained[1].run.config["upstream"]["ecg"] != mae.run.name
    assert not equal(trained[1].encoder(), trained[2].encoder())
