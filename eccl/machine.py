"""Where computing happens, which decides no result: the device, how many, and the processes that read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eccl.errors import DataError

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True)
class Machine:
    """The devices that train and embed.

    Attributes
    ----------
    accelerator : str
        "auto" takes a GPU where there is one; or "cpu", "cuda", "mps".
    devices : int
        How many on each node, each with a process of its own.
    nodes : int
        How many machines share the work, as `torchrun` or SLURM start it on each.
    workers : int
        Processes that read the store beside each training process.
    wait : bool
        For a run that another process is training, until it ends; else that is an error.

    Examples
    --------
    >>> Machine("cpu").devices
    1
    """

    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    workers: int = 0
    wait: bool = False


def engine(machine: Machine, precision: str = "32-true") -> Fabric:
    """The engine of a machine, launched: its `device`, `autocast()` for a precision, and its place among processes.

    With several devices a script is started once for each, by `torchrun --nproc-per-node N` or by itself; a notebook
    takes one. Engines of one process share its group.

    Raises
    ------
    DataError
        If this computer has no such device, or not so many.
    """
    from lightning_fabric import Fabric

    try:
        fabric = Fabric(
            accelerator=machine.accelerator,
            devices=machine.devices,
            num_nodes=machine.nodes,
            precision=precision,
            strategy="ddp" if machine.devices * machine.nodes > 1 else "auto",
        )
    except (RuntimeError, TypeError) as error:
        raise DataError(
            f"no {machine} can be had here ({error})", remedy='take accelerator "auto", and devices 1'
        ) from error
    fabric.launch()
    return fabric


def launched(accelerator: str = "auto", devices: int = 1, workers: int = 0) -> Machine:
    """The machine of a script: as `torchrun` has started it, on one node or on several; else as the arguments say."""
    if "WORLD_SIZE" not in os.environ or "LOCAL_WORLD_SIZE" not in os.environ:
        return Machine(accelerator, devices, workers=workers)
    local = int(os.environ["LOCAL_WORLD_SIZE"])
    return Machine(accelerator, local, int(os.environ["WORLD_SIZE"]) // local, workers)


def share(rows: int) -> tuple[int, slice]:
    """How many rows a batch has over all processes, and which of them are this one's `rows`.

    Whatever is drawn at random for a batch is drawn whole by each process, which takes its own rows: so that several
    processes train as one does.
    """
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return rows, slice(0, rows)
    first = distributed.get_rank() * rows
    return distributed.get_world_size() * rows, slice(first, first + rows)
