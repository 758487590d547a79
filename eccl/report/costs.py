"""What a score costs, as a table: each encoder's weights, seconds and best score, and the seconds to some scores."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

REACHED = (0.40, 0.45, 0.50)  # validation r of which the seconds are shown


def frontier_table(curves: pd.DataFrame, reached: Sequence[float] = REACHED) -> pd.DataFrame:
    """One line an encoder, as text.

    Parameters
    ----------
    curves : DataFrame
        One row an epoch, as `benchmarks/bench_frontier.py` keeps them: encoder, seed, learning_rate, parameters, epoch,
        seconds (since training began), validation_r.
    reached : sequence of float
        Scores of which the seconds are wanted.

    Returns
    -------
    DataFrame
        Weights, learning rate, seconds a pass and best score (means over seeds, with their lowest and highest), and
        seconds to each score: the mean over seeds, a dash where one of them never got there.
    """
    lines = []
    for name, one in curves.groupby("encoder", sort=False):
        best = one.groupby("seed")["validation_r"].max()
        passes = one.groupby("seed")["seconds"].max() / (one.groupby("seed")["epoch"].max() + 1)
        lines.append(
            {
                "": name,
                "weights": f"{one['parameters'].iloc[0]:,}",
                "learning rate": f"{one['learning_rate'].iloc[0]:g}",
                "seconds a pass": f"{passes.mean():.2f}",
                "best r": f"{best.mean():.3f} ({best.min():.3f} to {best.max():.3f})",
                **{f"seconds to {r:.2f}": _seconds_to(one, r) for r in reached},
            }
        )
    return pd.DataFrame(lines).set_index("")


def _seconds_to(curves: pd.DataFrame, reached: float) -> str:
    firsts = [one.loc[one["validation_r"] >= reached, "seconds"] for _, one in curves.groupby("seed")]
    if any(first.empty for first in firsts):
        return "-"
    return f"{sum(first.iloc[0] for first in firsts) / len(firsts):.0f}"
