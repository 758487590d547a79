"""The numbers of README.md, from the tables that are kept in book/results/.

python tests/helpers/kept_numbers.py    writes them anew (`make map`)
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pandas as pd

from eccl import report
from eccl.report.front import kept_scores, mean_of, results_table

README = Path(__file__).resolve().parents[2] / "README.md"


def few_labels() -> pd.DataFrame:
    """Mean AUROC with a share of the diagnoses known: probes of what had learnt before, and from scratch."""
    kept = pd.concat([report.keep_or_read(name) for name in ("label_share", "from_scratch")])
    return kept.query("target == 'diagnoses' and diagnosis == 'mean' and metric == 'AUROC'")


def sentences() -> str:
    """What stands under the table: differences to ECCL, retrieval, few labels."""
    of = kept_scores()
    traits, areas = (
        report.score_table(of[target].query("protocol == 'probe'"), "score") for target in ("traits", "diagnoses")
    )
    each = [
        f"{name} {traits.loc[label, 'less ECCL']} in mean r, {traits.loc[label, 'ahead or behind']} seeds, and "
        f"{areas.loc[label, 'less ECCL']} in AUROC, {areas.loc[label, 'ahead or behind']}"
        for name, label in (("*supervised*", "supervised"), ("*pairs alone*", "ECCL, pairs alone"))
    ]
    said = [f"Less ECCL, paired: {'; '.join(each)}."]
    own, wrong = (mean_of(of["retrieval"], method=method) for method in ("eccl", "eccl_shuffled"))
    said.append(f"Own scan among the first ten of {own.n}: {own}, by shuffled pairs {wrong}.")
    few = few_labels().query("diagnosis_share == 0.05").groupby(["method", "protocol"])["value"]
    low, high = few.min(), few.max()
    names = {
        "from scratch": ("random", "finetune"),
        "measurements": ("measurements", "probe"),
        "pairs alone": ("eccl_pairs", "probe"),
        "supervised": ("supervised", "probe"),
        "ECCL": ("eccl", "probe"),
    }
    spans = ", ".join(f"{name} {low[row]:.2f} to {high[row]:.2f}" for name, row in names.items())
    said.append(f"With 5 % of the diagnoses known, AUROC over three seeds: {spans}.")
    return "\n".join(textwrap.wrap(" ".join(said), 140))


def written(text: str) -> str:
    """The text of README.md with its table as it is kept now."""
    marked = re.compile(r"(<!-- numbers: `make map` writes them -->\n).*?(<!-- end of the numbers -->)", re.DOTALL)
    found, count = marked.subn(lambda match: f"{match[1]}{results_table()}\n\n{sentences()}\n{match[2]}", text)
    if count != 1:
        raise ValueError(f"README.md has {count} tables between the two comments, not one")
    return found


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
