"""Run a grid of experiments: `python -m eccl.study grids/ablations/temperature.json`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from eccl.errors import DataError
from eccl.files import replacing
from eccl.machine import Machine
from eccl.study.cell import attempt
from eccl.study.grid import Grid, cells, collect, keep, read_grid

EXIT_CODES = """
exit codes: 0 every cell asked for is done; 1 the grid cannot be read, or a cell failed, and stderr says why;
2 the command is wrong; 130 interrupted: the same command goes on with the cells that are not done.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of the command."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.out is not None and not options.out.absolute().parent.is_dir():
        parser.error(f"--out: there is no folder {options.out.absolute().parent}")
    try:
        grid = read_grid(options.grid, options.cohort)
        if options.list:
            sys.stdout.write(listing(grid))
            return 0
        failed = run(grid, options)
        if options.keep:
            keep(grid)
        if options.out is not None:
            with replacing(options.out) as beside:
                collect(grid).to_csv(beside, index=False, float_format="%.6g")
    except DataError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on with the cells that are not done\n")
        return 130
    sys.stdout.write(listing(grid))
    return 1 if failed else 0


def run(grid: Grid, options: argparse.Namespace) -> int:
    """How many cells failed, of those that were asked for; each failure is said when it happens."""
    from joblib import Parallel, delayed

    chosen = list(cells(grid))
    if options.cell is not None:
        if not 0 <= options.cell < len(chosen):
            raise DataError(f"no cell {options.cell} among {len(chosen)}", remedy="count cells from 0, as --list shows")
        chosen = [chosen[options.cell]]
    waiting = [cell for cell in chosen if cell.state != "done"]
    machine, failed = Machine(options.accelerator, wait=True), 0
    tasks = (delayed(attempt)(cell, options.cohort, machine) for cell in waiting)
    bar = tqdm(
        total=len(chosen), initial=len(chosen) - len(waiting), desc=grid.name, unit="cell", disable=options.quiet
    )
    with bar:
        for problem in Parallel(n_jobs=options.jobs, return_as="generator_unordered", pre_dispatch="n_jobs")(tasks):
            bar.update()
            if problem is not None:
                failed += 1
                tqdm.write(problem, file=sys.stderr)
    return failed


def listing(grid: Grid) -> str:
    """The cells of a grid, one a line: its number, its state, what it is."""
    lines = [f"{number:4d}  {cell.state:8s}{cell}" for number, cell in enumerate(cells(grid))]
    return "\n".join([grid.title or grid.name, *lines]) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m eccl.study",
        description="Run the cells of a grid that are not done, and list them all.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("grid", type=Path, help="the grid, a JSON file")
    add("--list", action="store_true", help="only list the cells: done, waiting, failed")
    add("--cell", type=int, help="run one cell alone, by its number in the list (a Slurm array's task)")
    add("--jobs", type=int, default=1, help="cells at once, as joblib counts; set OMP_NUM_THREADS=1 then (default: 1)")
    add("--out", type=Path, help="write the rows of all cells that are done into a CSV")
    add("--keep", action="store_true", help="write the rows of the finished grid into book/results/NAME.csv")
    add("--cohort", metavar="FOLDER", help="a cohort (default: the simulated one of the config)")
    add("--accelerator", default="auto", help="auto, cpu, cuda or mps; decides no result (default: auto)")
    add("--quiet", action="store_true", help="show no bar of the cells; simulating and training have bars of their own")
    return parser


if __name__ == "__main__":
    sys.exit(main())
