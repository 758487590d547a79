"""Train one method from the command line: `python -m eccl.train --method eccl --preset laptop`.

What it calls is what a notebook calls: `eccl.study.data.prepare`, then `eccl.study.obtain.obtain`. Started by
`torchrun` it trains on several devices or nodes as one process does. A run that was killed goes on from its last whole
epoch when the same command is given again; one that is complete is only read.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eccl.config import Config, from_dict, preset, with_settings
from eccl.machine import Machine, engine, launched
from eccl.presets import PRESETS

SETTINGS = ("method", "protocol", "target", "preset", "cohort", "unlabelled", "set", "config")
EXIT_CODES = """
exit codes: 0 the run is complete; 1 the data, a file or the training failed, and stderr says what to do;
2 the command is wrong; 130 interrupted: the same command goes on from the last whole epoch.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of the command."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        wanted = _wanted(options)
        config = _config(wanted)
        method = _method(wanted)
    except (ValueError, TypeError, OSError) as error:
        parser.error(str(error))
    machine = launched(options.accelerator, options.devices, options.workers)
    try:
        run = train(method, config, wanted["cohort"], machine, not options.quiet, wanted["unlabelled"])
    except (ValueError, FloatingPointError) as error:  # a DataError, or a setting that its user refuses
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f"{parser.prog}: interrupted; the same command goes on from the last whole epoch\n")
        return 130
    if engine(machine).is_global_zero:
        sys.stdout.write(f"{run}\n")
    return 0


def train(
    method: Any,
    config: Config,
    cohort: str | None,
    machine: Machine,
    progress: bool = True,
    unlabelled: str | None = None,
) -> Path:
    """The folder of the complete run of a method, after those that it starts from.

    Parameters
    ----------
    method : Method
    config : Config
    cohort : str or None
        Folder of a Cohort; None is the simulated one of the config.
    machine : Machine
    progress : bool
        Show a bar.
    unlabelled : str, optional
        Folder of a Cohort of ECGs of other people, as in `prepare`.
    """
    from eccl.data.modalities import MODALITIES
    from eccl.study.data import prepare
    from eccl.study.obtain import obtain

    fabric = engine(machine, config.precision)
    read = set(method.reads) | {name for earlier in method.starts_from(config).values() for name in earlier.reads}
    wanted = sorted(read & set(MODALITIES))  # a table is not among the recordings
    data = None
    if fabric.is_global_zero:  # the first simulates and packs, and the others find it
        data = prepare(config, cohort, wanted, machine, unlabelled)
    fabric.barrier()
    data = data or prepare(config, cohort, wanted, machine, unlabelled)
    return obtain(method, data, progress=progress).run.folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m eccl.train",
        description="Train one method, after what it starts from, and print the folder of its run.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--config", metavar="RUN.JSON", type=Path, help=f"a JSON file with any of {', '.join(SETTINGS)}; or a run's own"
    )
    add("--method", help="name of the method (default: eccl)")
    add("--protocol", choices=["finetune"], help="train the method's ECG encoder on, with labels")
    add("--target", help="what finetune learns: traits (default), diagnoses, or the code of one")
    add("--preset", choices=list(PRESETS), help="settings to start from (default: ECCL_PRESET, or laptop)")
    add("--cohort", metavar="FOLDER", help="a cohort (default: the simulated one of the config)")
    add("--unlabelled", metavar="FOLDER", help="a cohort of ECGs of other people, for the masked autoencoder")
    add("--set", metavar="NAME=VALUE", action="append", default=[], help="a setting, such as loss.temperature=0.05")
    add("--accelerator", default="auto", help="auto, cpu, cuda or mps; decides no result (default: auto)")
    add("--devices", type=int, default=1, help="devices of this machine; torchrun says it itself (default: 1)")
    add("--workers", type=int, default=0, help="processes that read the store beside each device (default: 0)")
    add("--quiet", action="store_true", help="show no progress bar")
    return parser


def _wanted(options: argparse.Namespace) -> dict[str, Any]:
    """The settings of the file, under those of the command line."""
    stated = {} if options.config is None else _stated(options.config)
    given = {name: getattr(options, name) for name in SETTINGS[:6] if getattr(options, name) is not None}
    changes = stated.get("set", {}) | dict(map(_assignment, options.set))
    wanted = {"method": "eccl"} | dict.fromkeys(("protocol", "target", "cohort", "unlabelled"))
    wanted |= _parts(stated) | _parts(given)
    if wanted.get("config") is not None and wanted.get("preset") is not None:
        raise ValueError("a whole config has a preset of its own; leave preset out, and change settings by set")
    if wanted["protocol"] not in (None, "finetune"):
        raise ValueError(f"no protocol that trains is named {wanted['protocol']!r}; there is finetune")
    if wanted["protocol"] is None and wanted["target"] is not None:
        raise ValueError(
            "a target is what finetune learns: add --protocol finetune, or set cmr_target for the CMR encoder"
        )
    if wanted.get("simulated") is False and wanted["cohort"] is None:
        raise ValueError("this run was trained on people, not on the simulated cohort; name theirs with --cohort")
    return wanted | {"set": changes}


def _stated(path: Path) -> dict[str, Any]:
    """What a config file says, each entry of its kind."""
    try:
        stated = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is no JSON file: {error}") from error
    if not isinstance(stated, dict):
        raise ValueError(f"{path} holds no JSON object")
    own = {
        "settings",
        "upstream",
        "data",
        "participants",
        "people",
        "reads",
        "simulated",
        "outputs",
    }  # of a run's config.json
    unknown = set(stated) - set(SETTINGS) - own
    if unknown:
        raise ValueError(f"{path} has {', '.join(sorted(unknown))}; it takes {', '.join(SETTINGS)}")
    stated = {name: value for name, value in stated.items() if value is not None}
    for name in set(SETTINGS) & set(stated):
        kind = dict if name in ("set", "config") else str
        if not isinstance(stated[name], kind):
            wanted = "an object" if kind is dict else "a text"
            raise ValueError(f"{path}: {name} is {wanted}; got {stated[name]!r}")
    return stated


def _parts(stated: dict[str, Any]) -> dict[str, Any]:
    """Settings, whose method is a fine-tuning as a run's config.json names it, with that as method and protocol."""
    if not stated.get("method", "").startswith("finetune-"):
        return stated
    named = stated["method"].split("-", 2)
    if len(named) < 3:
        raise ValueError(f"a fine-tuned method is named like finetune-traits-eccl; got {stated['method']!r}")
    if stated.get("target", named[1]) != named[1]:
        raise ValueError(f"{stated['method']} learns {named[1]}, and the target is {stated['target']}; give one")
    return stated | {"protocol": "finetune", "target": named[1], "method": named[2]}


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ValueError(f"--set takes name=value, such as loss.temperature=0.05; got {text!r}")
    try:
        return name.strip(), ast.literal_eval(value.strip())
    except (ValueError, SyntaxError):
        return name.strip(), value.strip()


def _config(wanted: dict[str, Any]) -> Config:
    whole = wanted.get("config")
    config = preset(wanted.get("preset")) if whole is None else from_dict(whole)
    return with_settings(config, wanted["set"])


def _method(wanted: dict[str, Any]) -> Any:
    from eccl.evaluation.protocols import finetuned
    from eccl.methods import find
    from eccl.training.supervision import outputs_of

    method = find(wanted["method"])
    if wanted["protocol"] == "finetune":
        target = wanted["target"] or "traits"
        outputs_of(target)
        if method.ecg_encoder is None:
            raise ValueError(f"{method.name} has no ECG encoder to fine-tune")
        return finetuned(method, target)
    if method.setup is None:
        raise ValueError(f"{method.name} is not trained; it can be compared (eccl.compare)")
    return method


if __name__ == "__main__":
    sys.exit(main())
