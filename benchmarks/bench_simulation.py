"""Participants a second and core, and peak memory at two sizes, of the simulated cohort (both views, written to disk).

    .venv/bin/python benchmarks/bench_simulation.py [--sizes 1000 4000] [--workers 1]

Each size runs in a process of its own; peak memory is that of the whole process tree's largest member. The ratio of the
two peaks says whether memory is flat.
"""

import argparse
import subprocess
import sys
import tempfile

RUN = """
import resource, sys, time
from eccl.config import SimulationConfig
from eccl.simulate.cohort import simulate_cohort
size, workers, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
start = time.perf_counter()
simulate_cohort(SimulationConfig(participants=size), folder, workers, progress=False)
seconds = time.perf_counter() - start
peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(seconds, peak / 1024)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000])
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    peaks = []
    print(f"{'participants':>12} {'seconds':>9} {'per s and core':>15} {'peak MiB':>9}")
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", RUN, str(size), str(options.workers), f"{folder}/cohort"]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        seconds, peak = map(float, answer)
        peaks.append(peak)
        print(f"{size:12d} {seconds:9.1f} {size / seconds / options.workers:15.1f} {peak:9.0f}")
    print(f"peak memory, last over first: {peaks[-1] / peaks[0]:.2f}")


if __name__ == "__main__":
    main()
