"""Mean and SD over PTB-XL's normal recordings of P, R, S and T in each lead, mV: the table `normal_waves` as CSV.

    .venv/bin/python benchmarks/measure_normal_waves.py FOLDER_OF_PTBXL > eccl/reference/normal_waves.csv

A recording is normal if it has the code NORM at a likelihood of at least 80 %. Those of the database that are not in
the folder are left out; the table says how many were measured.
"""

import argparse
import ast
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from eccl.data.ecg import read_ecg
from eccl.data.measure.ecg import wave_amplitudes
from eccl.records import LEADS

SOURCE = "PTB-XL (Wagner et al., Sci Data 2020, CC BY 4.0), NORM at 80 % or more, 100 Hz"


def normal_waves(folder: Path) -> pd.DataFrame:
    """One row a wave and lead: wave, lead, mean, sd (mV), n and source."""
    database = pd.read_csv(folder / "ptbxl_database.csv")
    normal = database["scp_codes"].map(lambda codes: ast.literal_eval(codes).get("NORM", 0) >= 80)
    files = [folder / name for name in database.loc[normal, "filename_lr"]]
    measured = [wave_amplitudes(read_ecg(file)) for file in files if file.with_suffix(".hea").exists()]
    rows = []
    for wave in ("P", "R", "S", "T"):
        heights = np.array([values[wave] for values in measured])
        heights = heights[np.isfinite(heights).all(axis=1)]
        for lead, mean, sd in zip(LEADS, heights.mean(axis=0), heights.std(axis=0)):
            rows.append({"wave": wave, "lead": lead, "mean": mean, "sd": sd, "n": len(heights), "source": SOURCE})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    normal_waves(parser.parse_args().folder).to_csv(sys.stdout, index=False, float_format="%.3f")
