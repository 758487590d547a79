"""What the notebooks hand to the book: sentences with their numbers, provenance, and our figures beside the paper's."""

from eccl.report.ablations import ablation, ablation_table, missing_ablations
from eccl.report.claims import claims_table
from eccl.report.comparison import ahead, score_table, terms_table
from eccl.report.costs import frontier_table
from eccl.report.front import results_table
from eccl.report.paper import diagnosis_rows, paper_beside_ours, trait_rows
from eccl.report.prose import Prose, record, say, verdict
from eccl.report.provenance import provenance_table, runs_provenance
from eccl.report.results import keep_or_read, kept_provenance, made_table, read_reference
from eccl.report.settings import settings_table, stages_table

__all__ = [
    "Prose",
    "ablation",
    "ablation_table",
    "ahead",
    "claims_table",
    "diagnosis_rows",
    "frontier_table",
    "keep_or_read",
    "kept_provenance",
    "made_table",
    "missing_ablations",
    "paper_beside_ours",
    "provenance_table",
    "read_reference",
    "record",
    "results_table",
    "runs_provenance",
    "say",
    "score_table",
    "settings_table",
    "stages_table",
    "terms_table",
    "trait_rows",
    "verdict",
]
