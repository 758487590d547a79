"""Fresh processes for tests: side by side, killed with the test, and joined into one group on loopback."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import torch


def processes(target: Callable, *arguments: tuple) -> list[int | None]:
    """The exit codes of fresh processes, one for each tuple of arguments; the slow imports are done once for all."""
    context = torch.multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["lightning_fabric", "eccl.training.loop"])
    started = [context.Process(target=target, args=each) for each in arguments]
    for process in started:
        process.start()
    for process in started:
        process.join(120)
    codes = [process.exitcode for process in started]
    for process in started:
        process.kill()
    return codes


def free_port() -> int:
    """A port of loopback that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def join_as(rank: int, world: int, port: int) -> None:
    """This process is one of several, as torchrun would have started it."""
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "test"}
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world)}
