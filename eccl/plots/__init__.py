"""The figures of the book, in one style: each function takes arrays or tables, returns a Figure and shows nothing.

Figures are 7 inches wide, for a column of 700 pixels at twice that sharpness; an ECG on paper is true to scale. A
method has one colour everywhere.
"""

from eccl.plots.ablations import ablation
from eccl.plots.costs import frontier, label_share
from eccl.plots.decisions import decision_curves, risk_coverage, subgroup_panels
from eccl.plots.embeddings import embedding_map, rank_histogram, space_maps, training_history
from eccl.plots.explain import heart_maps, saliency
from eccl.plots.moving import moving_cines
from eccl.plots.predicted import refusal, trait_intervals
from eccl.plots.quantities import bland_altman, histogram, ingest_outcome, trait_distributions
from eccl.plots.recordings import cine_montage, clinic_ecg, masked_ecg
from eccl.plots.results import calibration, diagnosis_bars, forest, group_bars, roc, trait_ranking
from eccl.plots.retrieval import nearest_cines
from eccl.plots.segments import segments
from eccl.plots.slider import heart_slider
from eccl.plots.style import colour_of, label_of, looks, style

__all__ = [
    "ablation",
    "bland_altman",
    "calibration",
    "cine_montage",
    "clinic_ecg",
    "colour_of",
    "decision_curves",
    "diagnosis_bars",
    "embedding_map",
    "forest",
    "frontier",
    "group_bars",
    "heart_maps",
    "heart_slider",
    "histogram",
    "ingest_outcome",
    "label_of",
    "label_share",
    "looks",
    "masked_ecg",
    "moving_cines",
    "nearest_cines",
    "rank_histogram",
    "refusal",
    "risk_coverage",
    "roc",
    "saliency",
    "segments",
    "space_maps",
    "style",
    "subgroup_panels",
    "training_history",
    "trait_distributions",
    "trait_intervals",
    "trait_ranking",
]
