"""Long work on many participants: in blocks, in parallel, and resumed where it was killed.

Joblib runs the blocks, so `joblib.parallel_config("dask")` around a call sends them to a Dask cluster.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sized
from functools import partial
from pathlib import Path

import pandas as pd

from eccl.files import make_folder, replacing

log = logging.getLogger(__name__)


def in_blocks(
    function: Callable[..., pd.DataFrame],
    blocks: Mapping[str, Sized],
    parts: Path,
    workers: int = -1,
    progress: bool = True,
    task: str = "working",
) -> list[Path]:
    """CSV files, one a block, of the tables that a function makes of blocks of participants.

    A block whose file is there is not worked on again: a killed run loses the blocks in hand and no more. Memory does
    not grow with the number of blocks.

    Parameters
    ----------
    function : callable
        Of a block, to a table with one row a participant. It is pickled.
    blocks : mapping of str to sized
        By the name of its file, which must identify the block's content.
    parts : Path
        Folder of the files.
    workers : int
        Processes, as in joblib; -1 takes every core.
    progress : bool
        Whether to show a progress bar.
    task : str
        What the bar calls it.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    make_folder(parts)
    paths = {name: parts / f"{name}.csv" for name in blocks}
    waiting = [name for name in blocks if not paths[name].exists()]
    if len(waiting) < len(blocks):
        log.info("%s: %d of %d blocks are there", task, len(blocks) - len(waiting), len(blocks))
    make = delayed(partial(_make_part, function))
    finished = Parallel(n_jobs=workers, return_as="generator_unordered")(
        make(blocks[name], paths[name]) for name in waiting
    )
    with tqdm(total=sum(map(len, blocks.values())), desc=task, unit="person", disable=not progress) as bar:
        bar.update(bar.total - sum(len(blocks[name]) for name in waiting))
        for count in finished:
            bar.update(count)
    return list(paths.values())


def _make_part(function: Callable[..., pd.DataFrame], block: Sized, path: Path) -> int:
    table = function(block)
    with replacing(path) as beside:
        table.to_csv(beside, index=False)
    return len(block)
