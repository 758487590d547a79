"""All settings of the presets side by side, with what each means, as `eccl.config` says it."""

from __future__ import annotations

import ast
import inspect
import io
import tokenize
from dataclasses import fields, is_dataclass
from typing import Any

import pandas as pd

from eccl import config as module
from eccl.config import Config, preset
from eccl.presets import PRESETS


def settings_table(part: str | None = None) -> pd.DataFrame:
    """One line a setting by its dotted name: its value in each preset, and what it is.

    Parameters
    ----------
    part : str, optional
        Of the settings under this name alone, such as "ecg"; "" is of those that stand under none.

    Returns
    -------
    DataFrame
        Columns laptop, smoke, paper and meaning, all text. A value of laptop that another preset shares is not said
        again there.
    """
    configs, meanings = {name: _flat(preset(name)) for name in PRESETS}, _meanings()
    laptop = configs["laptop"]
    lines = {
        name: {
            "laptop": _said(value),
            **{
                other: "" if values[name] == value else _said(values[name])
                for other, values in configs.items()
                if other != "laptop"
            },
            "meaning": meanings.get(_owner(name), ""),
        }
        for name, value in laptop.items()
        if name != "preset" and part in (None, name.rpartition(".")[0])
    }
    return pd.DataFrame.from_dict(lines, orient="index")


def stages_table(name: str) -> pd.DataFrame:
    """The settings of every stage in a preset, a column a stage, and the meaning: all text, one line a setting."""
    config, meanings = preset(name), _meanings()
    stages = [item.name for item in fields(Config) if item.name.startswith("stage_")]
    tables = {stage.removeprefix("stage_"): _flat(getattr(config, stage)) for stage in stages}
    table = pd.DataFrame(tables).map(_said)
    return table.assign(meaning=[meanings["StageConfig", setting] for setting in table.index])


def _flat(config: Any, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in fields(config):
        value = getattr(config, item.name)
        found |= _flat(value, f"{prefix}{item.name}.") if is_dataclass(value) else {f"{prefix}{item.name}": value}
    return found


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{each:g}" for each in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _owner(name: str) -> tuple[str, str]:
    """The class that holds a setting, and its name there: ("LossConfig", "temperature") of "loss.temperature"."""
    holder: Any = Config()
    *outer, last = name.split(".")
    for part in outer:
        holder = getattr(holder, part)
    return type(holder).__name__, last


def _meanings() -> dict[tuple[str, str], str]:
    """The comment behind each field of each dataclass of `eccl.config`."""
    source = inspect.getsource(module)
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    return {
        (node.name, item.target.id): comments.get(item.end_lineno, "")
        for node in classes
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }
