"""What the paper claims, statement by statement: its figure where it is known, ours, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from eccl.evaluation.summary import OVERALL, SCORES
from eccl.metrics import Estimate
from eccl.report.results import keep_or_read, read_reference


@dataclass(frozen=True)
class Claim:
    """A statement that a kept table can refute: that one row is ahead of another, in one score.

    Attributes
    ----------
    statement : str
        That the first is ahead of the second.
    kept, where : str
        The table of book/results/ and its rows, one a seed, as a query; their differences are to the other of the two.
    target : str
        "traits" or "diagnoses", whose score is of `SCORES`.
    ahead : bool
        Whether the rows are of the first, so that a difference above 0 supports it.
    paper : tuple of str
        The paper's models, first and second, whose figures are set beside; none where it has none.
    """

    statement: str
    kept: str
    where: str
    target: str
    ahead: bool = False
    paper: tuple[str, ...] = ()


FULL = "diagnosis_share == 1 and protocol == 'finetune'"
START = "ecg_start == 'masked_autoencoder' and method == 'eccl_labels'"
CLAIMS = (
    Claim(
        "ECCL predicts the traits better than a masked autoencoder of the ECG.",
        *("equal_terms", "method == 'masked_autoencoder' and protocol == 'probe'", "traits"),
        paper=("ECCL", "MAE"),
    ),
    Claim(
        "ECCL sorts the diagnoses better than a masked autoencoder of the ECG.",
        *("equal_terms", "method == 'masked_autoencoder' and protocol == 'probe'", "diagnoses"),
        paper=("ECCL", "MAE"),
    ),
    Claim(
        "ECCL sorts the diagnoses better than the same encoder trained on them from scratch.",
        *("from_scratch", FULL, "diagnoses"),
        paper=("ECCL", "scratch"),
    ),
    Claim(
        "ECCL predicts the traits better than the same encoder trained as long by the trait labels alone.",
        *("equal_terms", "method == 'supervised' and protocol == 'probe'", "traits"),
        paper=("ECCL", "scratch"),
    ),
    Claim(
        "ECCL sorts the diagnoses better than the same encoder trained as long by the trait labels alone.",
        *("equal_terms", "method == 'supervised' and protocol == 'probe'", "diagnoses"),
    ),
    Claim(
        "From the masked autoencoder, the paper's start, ECCL predicts the traits better than its labels alone.",
        *("start", START, "traits"),
    ),
    Claim(
        "From the masked autoencoder, the paper's start, ECCL sorts the diagnoses better than its labels alone.",
        *("start", START, "diagnoses"),
    ),
    Claim(
        "True pairs teach the traits better than shuffled ones do.",
        *("equal_terms", "method == 'eccl_shuffled' and protocol == 'probe'", "traits"),
    ),
    Claim(
        "ECCL predicts the traits better than classical measurements, by a linear probe of each.",
        *("equal_terms", "method == 'measurements' and protocol == 'probe'", "traits"),
    ),
    Claim(
        "ECCL predicts the traits better than boosted trees of classical measurements.",
        *("equal_terms", "method == 'measurements' and protocol == 'boosted'", "traits"),
    ),
    Claim(
        "The image itself tells more of the traits than the ECG encoder that the labels alone have taught.",
        *("methods", "method == 'cmr_supervised' and protocol == 'probe'", "traits"),
        ahead=True,
        paper=("CMR", "scratch"),
    ),
)
NONE = "not known"


def claims_table(claims: tuple[Claim, ...] = CLAIMS, folder: Path | str | None = None) -> pd.DataFrame:
    """One line a claim, as text: the statement, the verdict, our paired difference, and the paper's figures.

    Parameters
    ----------
    claims : tuple of Claim
    folder : path, optional
        Of the kept results, as in `eccl.report.keep_or_read`.

    Returns
    -------
    DataFrame
        By number: claim; verdict; ours (the mean difference of the seeds, first less second, with its paired interval);
        paper (the figures of both, or "not known"); score; n.

    Raises
    ------
    DataError
        If a table was not kept.
    """
    lines = []
    for number, claim in enumerate(claims, start=1):
        rows = differences(claim, folder)
        mean = Estimate.from_row(rows.mean(), "difference")
        lines.append(
            {
                "": number,
                "claim": claim.statement,
                "verdict": judged(rows),
                "ours, first less second": f"{mean:.3f}",
                "the paper": _paper(claim),
                "score": SCORES[claim.target],
                "n": mean.n,
            }
        )
    return pd.DataFrame(lines).set_index("")


def differences(claim: Claim, folder: Path | str | None = None) -> pd.DataFrame:
    """First less second of a claim, one line a seed: columns seed, difference, difference_low, difference_high, n."""
    score = f"target == '{claim.target}' and {OVERALL[claim.target]}"
    kept = keep_or_read(claim.kept, folder=folder).query(score)
    rows = (
        kept.query(claim.where)
        .sort_values("seed")[["seed", "difference", "difference_low", "difference_high", "n"]]
        .reset_index(drop=True)
    )
    if rows.empty or rows["seed"].duplicated().any():
        raise ValueError(f"{claim.kept}: {len(rows)} rows where {claim.where}, expected one a seed")
    if claim.ahead:
        return rows
    turned = rows.assign(difference=-rows["difference"])
    return turned.assign(difference_low=-rows["difference_high"], difference_high=-rows["difference_low"])


def judged(rows: pd.DataFrame) -> str:
    """What the seeds of a claim say, by the side of 0 on which their paired intervals lie."""
    seeds, above, below = len(rows), int((rows["difference_low"] > 0).sum()), int((rows["difference_high"] < 0).sum())
    if above == seeds:
        return f"holds, in {above} of {seeds}"
    if below == seeds:
        return f"the opposite holds, in {below} of {seeds}"
    said = [f"holds in {above}"] * bool(above) + [f"the opposite in {below}"] * bool(below)
    return f"{' and '.join(said)} of {seeds}" if said else f"not distinguishable, in {seeds} of {seeds}"


def _paper(claim: Claim) -> str:
    """The paper's figures of both models: of the traits one each, of the diagnoses the span of those that are known."""
    if not claim.paper:
        return NONE
    table = read_reference("paper")
    quantity = {"traits": "mean Pearson r", "diagnoses": "AUROC"}[claim.target]
    said = []
    for model in claim.paper:
        own = table[(table["quantity"] == quantity) & (table["model"] == model)]
        ends = own[["value", "low_end", "high_end"]].to_numpy(float)
        if not len(own):
            said.append(NONE)
        elif len(own) == 1:
            said.append(f"{ends[0, 0]:.2f}")
        else:
            said.append(f"{own['low_end'].min():.2f} to {own['high_end'].max():.2f}")
    return f"{said[0]} against {said[1]}" if set(said) != {NONE} else NONE
