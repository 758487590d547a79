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
from eccl.errors import DataError
from eccl.machine import Machine, engine, launched
from eccl.presets import PRESETS

SETTINGS = ("method", "protocol", "target", "preset", "cohort", "set", "config")
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
        run = train(method, config, wanted["cohort"], machine, progress=not options.quiet)
    except (DataError, FloatingPointError) as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f"{parser.prog}: interrupted; the same command goes on from the last whole epoch\n")
        return 130
    if engine(machine).is_global_zero:
        sys.stdout.write(f"{run}\n")
    return 0


def train(method: Any, config: Config, cohort: str | None, machine: Machine, progress: bool = True) -> Path:
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
    """
    from eccl.study.data import prepare
    from eccl.study.obtain import obtain

    fabric = engine(machine, config.precision)
    wanted = sorted(
        set(method.reads) | {name for earlier in method.starts_from(config).values() for name in earlier.reads}
    )
    data = None
    if fabric.is_global_zero:  # the first simulates and packs, and the others find it
        data = prepare(config, cohort, wanted, machine)
    fabric.barrier()
    data = data or prepare(config, cohort, wanted, machine)
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
    add("--set", metavar="NAME=VALUE", action="append", default=[], help="a setting, such as loss.temperature=0.05")
    add("--accelerator", default="auto", help="auto, cpu, cuda or mps; decides no result (default: auto)")
    add("--devices", type=int, default=1, help="devices of this machine; torchrun says it itself (default: 1)")
    add("--workers", type=int, default=0, help="processes that read the store beside each device (default: 0)")
    add("--quiet", action="store_true", help="show no progress bar")
    return parser


def _wanted(options: argparse.Namespace) -> dict[str, Any]:
    """The settings of the file, under those of the command line."""
    stated: dict[str, Any] = {}
    if options.config is not None:
        stated = json.loads(options.config.read_text())
        if not isinstance(stated, dict):
            raise ValueError(f"{options.config} holds no JSON object")
        own = {"settings", "upstream", "data", "participants", "simulated", "outputs"}  # of a run's config.json
        unknown = set(stated) - set(SETTINGS) - own
        if unknown:
            raise ValueError(f"{options.config} has {', '.join(sorted(unknown))}; it takes {', '.join(SETTINGS)}")
    given = {name: getattr(options, name) for name in SETTINGS[:5] if getattr(options, name) is not None}
    changes = dict(stated.get("set", {})) | dict(map(_assignment, options.set))
    return {"method": "eccl", "protocol": None, "target": "traits", "cohort": None} | stated | given | {"set": changes}


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
    from eccl.study.compare import find
    from eccl.training.supervision import outputs_of

    name = wanted["method"]
    if isinstance(name, str) and name.startswith("finetune-"):  # as a run's config.json names it
        _, wanted["target"], name = name.split("-", 2)
        wanted["protocol"] = "finetune"
    method = find(name)
    if wanted["protocol"] == "finetune":
        outputs_of(wanted["target"])
        if method.ecg_encoder is None:
            raise ValueError(f"{method.name} has no ECG encoder to fine-tune")
        return finetuned(method, wanted["target"])
    if method.setup is None:
        raise ValueError(f"{method.name} is not trained; it can be compared (eccl.compare)")
    return method


if __name__ == "__main__":
    sys.exit(main())
