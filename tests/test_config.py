"""Settings: unknown ones are refused by name, presets differ from the defaults only where they say so."""

import dataclasses
import json

import numpy as np
import pytest

from eccl import cache, config
from eccl.traits import TRAIT_NAMES, TRAITS, trait


def test_unknown_setting_names_itself_and_the_nearest():
    with pytest.raises(ValueError, match=r"StageConfig has no setting 'epoch'; did you mean 'epochs'"):
        config.preset("smoke", stage_mae={"epoch": 3})
    with pytest.raises(ValueError, match=r"Config has no setting 'zzz'"):
        config.preset("smoke", zzz=1)


def test_unknown_preset_lists_the_presets():
    with pytest.raises(ValueError, match="'huge'; there are laptop, smoke, paper"):
        config.preset("huge")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embedding": "64"}, "embedding"),
        ({"seed": 1.5}, "seed"),
        ({"seed": np.float64(3)}, "seed"),
        ({"loss": {"temperature": np.str_("0.1")}}, "temperature"),
        ({"stage_mae": {"augment": np.int64(1)}}, "augment"),
    ],
)
def test_wrong_type_is_refused(changes, message):
    with pytest.raises(TypeError, match=message):
        config.preset("smoke", **changes)


def test_an_integer_serves_where_a_float_is_meant():
    assert config.preset("smoke", loss={"temperature": 1}).loss.temperature == 1.0


def test_scalars_of_numpy_serve_and_mean_what_plain_ones_mean():
    grid = [config.preset("smoke", loss={"temperature": value}) for value in np.linspace(0.1, 0.2, 3)]
    assert [each.loss.temperature for each in grid] == pytest.approx([0.1, 0.15, 0.2])
    changes = {"loss": {"alpha": np.float32(0.5)}, "seed": np.int64(3), "stage_mae": {"augment": np.bool_(False)}}
    plain = config.preset("smoke", loss={"alpha": 0.5}, seed=3, stage_mae={"augment": False})
    assert cache.digest(config.preset("smoke", **changes)) == cache.digest(plain)


def test_preset_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("ECCL_PRESET", "smoke")
    assert config.preset().preset == "smoke"
    monkeypatch.delenv("ECCL_PRESET")
    assert config.preset().preset == "laptop"


def test_paper_preset_has_the_figures_of_the_paper():
    paper = config.preset("paper")
    assert (paper.ecg.patch_leads, paper.ecg.patch_samples, paper.ecg.width, paper.ecg.depth) == (1, 100, 768, 12)
    assert (paper.embedding, paper.loss.temperature, paper.loss.alpha, paper.loss.trait_weight) == (256, 0.1, 0.5, 1.0)
    assert (paper.cmr.name, paper.cmr.image_size) == ("swin", 224)
    assert (paper.ecg_augmentation.time_flip, paper.ecg_augmentation.sign_flip) == (0.33, 0.33)
    assert paper.ecg_augmentation.gain == paper.ecg_augmentation.noise == paper.cine_augmentation.gamma == 0
    assert (paper.cine_augmentation.angle, paper.cine_augmentation.horizontal_flip) == (15.0, 0.5)


@pytest.mark.parametrize("name", ["smoke", "laptop", "paper"])
def test_a_config_comes_back_from_its_json(name):
    whole = config.preset(name, seed=3, loss={"temperature": 0.05})
    assert config.from_dict(json.loads(json.dumps(config.to_dict(whole)))) == whole
    with pytest.raises(ValueError, match="latent"):
        config.from_dict(config.to_dict(whole) | {"latent": 64})


def test_digest_changes_with_any_setting_and_with_nothing_else():
    base = config.preset("smoke")
    assert cache.digest(base) == cache.digest(config.preset("smoke"))
    assert cache.digest(base) != cache.digest(dataclasses.replace(base, seed=1))
    json.dumps(config.to_dict(base))


def test_home_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    assert cache.home() == tmp_path.resolve()


def test_the_82_traits_are_the_fields_24100_to_24181():
    assert [item.field for item in TRAITS] == list(range(24100, 24182))
    assert len(set(TRAIT_NAMES)) == 82
    # First and last field of each group, from UK Biobank's showcase.
    fields = {"lv_mass": 24105, "rv_edv": 24106, "ra_ef": 24117, "aao_max_area": 24118, "dao_distensibility": 24123}
    fields |= {"wt_1": 24124, "wt_global": 24140, "ecc_1": 24141, "err_1": 24158, "ell_1": 24175, "ell_global": 24181}
    assert {name: trait(name).field for name in fields} == fields
    with pytest.raises(KeyError, match="lv_weight"):
        trait("lv_weight")


def test_a_list_serves_where_a_tuple_is_meant():
    changed = config.preset("smoke", stage_supervised={"learning_rates": [1e-3, 3e-3]})
    assert changed.stage_supervised.learning_rates == (1e-3, 3e-3)


def test_learning_rates_are_numbers_and_an_integer_serves():
    assert config.preset("smoke", stage_mae={"learning_rates": [1, 0.5]}).stage_mae.learning_rates == (1.0, 0.5)
    with pytest.raises(TypeError, match="takes a list of numbers"):
        config.preset("smoke", stage_mae={"learning_rates": ["fast"]})


def test_a_preset_is_not_a_setting_of_another():
    for change in (lambda: config.preset("smoke", preset="paper"), lambda: given({"preset": "paper"})):
        with pytest.raises(ValueError, match="what settings start from"):
            change()


def given(settings):
    return config.with_settings(config.preset("smoke"), settings)
