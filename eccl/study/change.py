"""One setting changed: a method trained with and without the change, on the same people and from the same seed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from eccl.config import with_settings
from eccl.evaluation.rows import Row
from eccl.evaluation.summary import OVERALL, SCORES
from eccl.methods import find
from eccl.study.compare import predictions, score
from eccl.study.data import Data

BEFORE, AFTER = "as it is", "changed"


def changed(data: Data, setting: str, value: Any) -> Data:
    """The same people under a config of which one setting is another.

    Raises
    ------
    ValueError, TypeError
        If there is no such setting, it is what it was, it changes the people, or its value means nothing.
    """
    if setting.partition(".")[0] in ("simulation", "unlabelled", "seed"):
        raise ValueError(
            f"{setting} changes the people or the draws, so nothing would be paired; change another setting"
        )
    config = with_settings(data.config, {setting: value})
    if config == data.config:
        raise ValueError(f"{setting} is {value!r} already; choose another value")
    return replace(data, config=config)


def compare_change(data: Data, setting: str, value: Any, method: str = "eccl") -> pd.DataFrame:
    """A method's probe with one setting changed less itself as it is, paired: mean r of the traits, AUROC of the four.

    Parameters
    ----------
    data : Data
    setting : str
        Its dotted name: "loss.temperature".
    value
        What it is changed to.
    method : str
        A name in `eccl.methods.METHODS`.

    Returns
    -------
    DataFrame
        One line a score and setting: columns change ("as it is", "changed"), score, value, low, high, n, difference,
        difference_low, difference_high.

    Raises
    ------
    ValueError, TypeError
        As `changed`; or if the setting decides nothing of the method.
    """
    datas, tables = {BEFORE: data, AFTER: changed(data, setting, value)}, []
    name = find(method).name
    for target, where in OVERALL.items():
        predicted = {Row(change): predictions(each, name, target)[Row(name)] for change, each in datas.items()}
        if np.array_equal(*predicted.values()):
            raise ValueError(f"{setting} decides nothing of {name}; choose a setting that it reads")
        table = score(data, predicted, target, reference=Row(BEFORE)).query(where)
        tables.append(table.rename(columns={"method": "change"}).assign(score=SCORES[target]))
    numbers = ["value", "low", "high", "n", "difference", "difference_low", "difference_high"]
    return pd.concat(tables)[["change", "score", *numbers]].reset_index(drop=True)
