"""What the notebooks hand to the book: sentences with their numbers, provenance, and our figures beside the paper's."""

from eccl.report.paper import diagnosis_rows, paper_beside_ours, trait_rows
from eccl.report.prose import record, say, verdict
from eccl.report.provenance import provenance_table, runs_provenance
from eccl.report.results import keep_or_read, kept_provenance, read_reference

__all__ = [
    "diagnosis_rows",
    "keep_or_read",
    "kept_provenance",
    "paper_beside_ours",
    "provenance_table",
    "read_reference",
    "record",
    "runs_provenance",
    "say",
    "trait_rows",
    "verdict",
]
