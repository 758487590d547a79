"""What notebooks lean on: unknown parameters refused, and one row of a table as an Estimate."""

import numpy as np
import pandas as pd
import pytest

from eccl.config import preset, with_settings
from eccl.metrics import Estimate
from eccl.study import notebook


def namespace(*cells: str) -> dict:
    """The globals of a notebook whose cells have run, the last being the one that asks."""
    scope = {"In": ["", *cells, "notebook.refuse_unknown(globals())\nconfig = 1"], "__annotations__": {}}
    for cell in cells:
        exec(cell, scope)
    return scope


def test_declared_and_injected_parameters_pass():
    notebook.refuse_unknown(namespace("import os\nLIMIT: int = 3", "epochs: int = 2", "epochs = 5"))


def test_the_cell_may_run_again_after_later_cells():
    scope = namespace("epochs: int = 2")
    scope["In"] += ["table = 3", scope["In"][-1]]
    notebook.refuse_unknown(scope)


@pytest.mark.parametrize(
    ("injected", "message"),
    [("epoch = 3", "no parameter 'epoch'; did you mean 'epochs'"), ("zzz = 1", "no parameter 'zzz'; it has epochs")],
)
def test_an_injected_name_that_was_not_declared_is_refused(injected, message):
    with pytest.raises(ValueError, match=message):
        notebook.refuse_unknown(namespace("epochs: int = 2", injected))


def test_parameters_become_settings_if_they_are_set_even_to_zero(monkeypatch):
    monkeypatch.setenv("ECCL_PRESET", "laptop")
    cell = "preset: str = 'smoke'\ntrait_weight: float = None\ntemperature: float = None\nepochs: int = None"
    config = notebook.config_of(namespace(cell, "trait_weight = 0", "temperature = 0.05"))
    assert (config.preset, config.loss.trait_weight, config.loss.temperature) == ("smoke", 0.0, 0.05)
    assert config == with_settings(preset("smoke"), {"loss.trait_weight": 0.0, "loss.temperature": 0.05})
    assert notebook.config_of(namespace("epochs: int = None")) == preset("laptop")


def test_every_parameter_is_a_setting():
    base = preset("smoke")
    for parameter, name in notebook.SETTINGS.items():
        value = base
        for part in name.split("."):
            value = getattr(value, part)
        assert with_settings(base, {name: value}) == base, parameter


def test_estimate_of_finds_one_row_and_says_so_if_there_is_none():
    rows = [{"model": "a", "value": 0.5, "low": 0.4, "high": 0.6, "n": 9, "difference": -0.1}]
    table = pd.DataFrame(rows).assign(difference_low=-0.3, difference_high=0.1)
    assert notebook.estimate_of(table, model="a") == Estimate(0.5, 0.4, 0.6, 9)
    assert notebook.estimate_of(table, "difference", model="a") == Estimate(-0.1, -0.3, 0.1, 9)
    with pytest.raises(ValueError, match="0 rows have"):
        notebook.estimate_of(table, model="b")


def test_estimates_are_text_in_the_order_in_which_the_table_names_them():
    """In whatever order its lines are: each text stands where its line says."""
    places = [(one, other, part) for part in ("y", "x") for one in ("b", "a") for other in ("n", "m")]
    table = pd.DataFrame(places, columns=["method", "metric", "part"]).assign(value=np.arange(8.0), n=9)
    table = table.assign(low=table["value"] - 0.5, high=table["value"] + 0.5)
    table.loc[5, ["value", "low", "high"]] = np.nan
    found = notebook.as_text(table, "method", ["metric", "part"], digits=1)
    assert list(found.index) == ["b", "a"]
    assert list(found.columns) == [("n", "y"), ("m", "y"), ("n", "x"), ("m", "x")]
    for row in table.itertuples():
        expected = "" if row.Index == 5 else f"{row.value:.1f} ({row.low:.1f} to {row.high:.1f})"
        assert found.loc[row.method, (row.metric, row.part)] == expected
    plain = notebook.as_text(table[table["part"] == "x"], "metric", "method")
    assert list(plain.index) == ["n", "m"] and plain.loc["n", "a"] == "6.00 (5.50 to 6.50)"


def test_what_is_exact_has_no_interval_as_text():
    chance = pd.DataFrame([{"method": "chance", "metric": "rank", "value": 280.0, "low": 280.0, "high": 280.0, "n": 9}])
    assert notebook.as_text(chance, "method", "metric", digits=0).loc["chance", "rank"] == "280"


def test_gains_are_those_of_the_reference_over_each_row():
    table = pd.DataFrame(
        {
            "method": ["supervised", "measurements"],
            "protocol": ["probe", "boosted"],
            "seed": [None, None],
            "difference": [0.02, -0.01],
            "difference_low": [0.01, -0.03],
            "difference_high": [0.04, 0.01],
            "n": 9,
        }
    )
    found = notebook.gains(table)
    assert list(found) == ["supervised_probe", "measurements_boosted"]
    assert (found["supervised_probe"].value, found["supervised_probe"].low) == (-0.02, -0.04)
    assert found["measurements_boosted"].high == 0.03
