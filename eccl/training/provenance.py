"""What made a result: commit, versions, device, seed and date."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import torch

from eccl.cache import digest
from eccl.config import Config
from eccl.machine import Machine

PACKAGES = ("eccl", "torch", "numpy", "lightning-fabric", "monai", "safetensors")


def provenance(config: Config, machine: Machine | None = None, **facts: Any) -> dict[str, Any]:
    """What made a result: commit, versions, device, precision, seed, digest of the config, UTC date, and `facts`.

    It holds no name of a user or a host, and no path.
    """
    machine = machine or Machine()
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "config": digest(config),
        "preset": config.preset,
        "seed": config.seed,
        "precision": config.precision,
        **commit(),
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "torch": str(torch.__version__),  # names the build too (+cpu, +cu130); the installed package's version need not
        "device": device_name(machine.accelerator),
        "devices": machine.devices * machine.nodes,
        "threads": torch.get_num_threads(),
        **facts,
    }


def version(package: str) -> str | None:
    """Installed version of a package; None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def device_name(accelerator: str = "auto") -> str:
    """Name of the GPU that training would take, or the kind of CPU."""
    if accelerator != "cpu" and torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU {platform.machine()}"


def commit() -> dict[str, Any]:
    """Commit of the checkout that holds this package, and whether tracked files differ from it; None without git."""
    here = Path(__file__).resolve().parents[2]
    if shutil.which("git") is None or not (here / ".git").exists():
        return {"commit": None, "dirty": None}

    def git(*arguments: str) -> str | None:
        done = subprocess.run(["git", "-C", str(here), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    changes = git("status", "--porcelain", "--untracked-files=no")
    return {"commit": git("rev-parse", "HEAD"), "dirty": None if changes is None else bool(changes)}
