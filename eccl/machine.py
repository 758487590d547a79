"""Where computing happens: the device, its precision, and one process a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eccl.config import Config

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def engine(config: Config) -> Fabric:
    """The engine of a config, launched: its `device`, `autocast()` for its precision, and its place among processes.

    With several devices a script is started once for each, by `torchrun --nproc-per-node N` or by itself; a notebook
    takes one. Engines of one process share its group.
    """
    from lightning_fabric import Fabric

    strategy = "ddp" if config.devices > 1 else "auto"
    fabric = Fabric(
        accelerator=config.accelerator, devices=config.devices, precision=config.precision, strategy=strategy
    )
    fabric.launch()
    return fabric
