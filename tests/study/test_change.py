"""One setting changed: the same people, the same seed, and a paired difference; what would not be paired is refused."""

import pytest

from eccl.config import preset
from eccl.evaluation.rows import Row
from eccl.study.change import changed, compare_change
from eccl.study.compare import predictions, score
from eccl.study.data import prepare


@pytest.fixture(scope="module")
def data(tmp_path_factory, tiny_cohort):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECCL_HOME", str(tmp_path_factory.mktemp("home")))
        small = {"epochs": 1, "batch_size": 6}
        config = preset("smoke", stage_cmr=small, stage_eccl=small, replicates=50)
        yield prepare(config, tiny_cohort)


def test_the_difference_is_of_what_two_configs_predict(data):
    table = compare_change(data, "loss.trait_weight", 3.0).set_index(["score", "change"])
    other = changed(data, "loss.trait_weight", 3.0)
    assert other.split is data.split and other.config.loss.trait_weight == 3.0 != data.config.loss.trait_weight
    for target, name, where in (
        ("traits", "mean r", "group == 'all traits'"),
        ("diagnoses", "mean AUROC", "diagnosis == 'mean' and metric == 'AUROC'"),
    ):
        alone = [
            score(each, {Row("eccl"): predictions(each, "eccl", target)[Row("eccl")]}, target)
            .query(where)["value"]
            .item()
            for each in (data, other)
        ]
        assert list(table.loc[name, "value"]) == pytest.approx(alone, nan_ok=True)
        assert table.loc[(name, "changed"), "difference"] == pytest.approx(alone[1] - alone[0], nan_ok=True)
        assert table.loc[(name, "as it is"), "n"] == len(data.split.test)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("loss.temprature", 0.2, "did you mean 'temperature'"),
        ("loss.temperature", "warm", "takes a float"),
        ("loss.temperature", 0.1, "is 0.1 already"),
        ("simulation.participants", 60, "nothing would be paired"),
        ("seed", 3, "nothing would be paired"),
    ],
)
def test_what_is_no_change_or_not_paired_is_refused(data, setting, value, message):
    with pytest.raises((ValueError, TypeError), match=message):
        changed(data, setting, value)


def test_a_setting_that_the_method_does_not_read_is_said(data):
    with pytest.raises(ValueError, match=r"mae\.mask_ratio decides nothing of eccl"):
        compare_change(data, "mae.mask_ratio", 0.3)
