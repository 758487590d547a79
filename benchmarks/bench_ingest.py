"""Ingest of a simulated UK Biobank download (CardioSoft XML and DICOM zips): throughput, memory, and a kill survived.

    .venv/bin/python benchmarks/bench_ingest.py [--participants 2000] [--slices 3] [--workers 2]

The download is written first and not timed with the ingest. Each ingest runs in a process of its own; peak memory is
that of the largest process of its tree. A quarter of the participants, then all of them, say whether memory is flat. A
third ingest is killed by SIGKILL when a third of its blocks are done, goes on, and must give the same bytes as the one
that was left alone.
"""

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from eccl.config import SimulationConfig
from eccl.simulate.biobank import write_biobank

INGEST = """
import resource, sys, time
from eccl.data.sources.ingest import ingest
from eccl.data.sources import open_source
start = time.perf_counter()
ingest(open_source("ukbiobank", sys.argv[1], key=sys.argv[2]), sys.argv[3], int(sys.argv[4]), progress=False)
seconds = time.perf_counter() - start
peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(seconds, peak / 1024)
"""


def start(download: Path, cohort: Path, workers: int) -> subprocess.Popen:
    command = [sys.executable, "-c", INGEST, download, download.parent / "key", cohort, workers]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True, start_new_session=True)


def finish(process: subprocess.Popen) -> tuple[float, float]:
    answer, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"an ingest failed with {process.returncode}")
    seconds, peak = map(float, answer.split())
    return seconds, peak


def content(folder: Path) -> str:
    """One hash of every name and byte of a cohort."""
    state = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        state.update(str(path.relative_to(folder)).encode() + hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--participants", type=int, default=2000)
    parser.add_argument("--slices", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    print(f"{'participants':>12} {'seconds':>9} {'per s and core':>15} {'peak MiB':>9}")
    peaks = []
    with tempfile.TemporaryDirectory() as place:
        for size in (options.participants // 4, options.participants):
            download = write_biobank(
                SimulationConfig(participants=size), Path(place) / f"download-{size}", options.slices, progress=False
            )
            whole = Path(place) / f"cohort-{size}"
            seconds, peak = finish(start(download, whole, options.workers))
            peaks.append(peak)
            print(f"{size:12d} {seconds:9.1f} {size / seconds / options.workers:15.1f} {peak:9.0f}", flush=True)
        print(f"peak memory, last over first: {peaks[-1] / peaks[0]:.2f}")

        killed, parts = Path(place) / "killed", Path(place) / "killed" / "ingest" / "parts"
        third = len(list((whole / "ingest" / "parts").iterdir())) // 3
        process = start(download, killed, options.workers)
        while not parts.is_dir() or len(list(parts.glob("0*.csv"))) < third:
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        done = len(list(parts.glob("0*.csv")))
        seconds, _ = finish(start(download, killed, options.workers))
        same = "the same bytes" if content(killed) == content(whole) else "OTHER BYTES"
        print(f"killed after {done} blocks, resumed in {seconds:.1f} s: {same}")


if __name__ == "__main__":
    main()
