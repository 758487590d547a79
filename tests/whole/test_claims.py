"""What the pages claim in words is what the kept runs say, row by row and seed by seed."""

import json
from pathlib import Path

import pandas as pd
import pytest
from helpers import kept_numbers

from eccl import report
from eccl.report.front import kept_scores

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = {
    "README.md#real": "390 real ECGs: there ECCL is not ahead of a random encoder, nor of measurements.",
    "README.md": "**Against the paper's order, ECCL is not ahead",
    "notebooks/03_traits.md": "trained as long by the trait labels alone, is ahead.",
    "notebooks/04_diseases.md": "against the same encoder under the trait labels alone it is not",
    "notebooks/08_ptbxl.md": "On 390 real ECGs ECCL is ahead of neither, in either question.",
    "notebooks/09_pairs.md": "predicts the traits better in each of three seeds and sorts the diagnoses as well",
    "notebooks/10_speed.md": "The residual network at 100 Hz reaches more than the transformer in fewer seconds",
    "notebooks/11_methods.md": "none that reads an ECG is ahead of it; whatever the loss of the contrast",
    "notebooks/12_ablations.md": "What the encoder sees does: amplitude in millivolts instead of leads",
    "notebooks/13_one_setting.md": "at a fifth of its default: both scores fall, in this one seed.",
    "notebooks/15_claims.md": "it does not beat the same encoder trained as long by the trait labels alone, at any",
    "book/status.md": "ECCL is not ahead of the same encoder trained as long by the trait labels alone",
}


@pytest.fixture(scope="module")
def kept() -> dict[str, pd.DataFrame]:
    return {name: table.query("protocol == 'probe'") for name, table in kept_scores().items()}


def rows_of(table: pd.DataFrame, method: str) -> pd.DataFrame:
    return table[table["method"] == method]


@pytest.mark.parametrize("page", CLAIMS)
def test_the_page_says_it(page):
    assert CLAIMS[page] in " ".join((ROOT / page.partition("#")[0]).read_text().split())


@pytest.mark.parametrize("method", ["supervised", "eccl_shuffled"])
def test_without_true_pairs_traits_are_predicted_better_and_diagnoses_no_worse_than_by_eccl(kept, method):
    traits, areas = (rows_of(kept[target], method) for target in ("traits", "diagnoses"))
    assert len(traits) == len(areas) == 3
    assert (traits["difference_low"] > 0).all() and (areas["difference_high"] > 0).all()


@pytest.mark.parametrize("method", ["eccl_pairs", "eccl_unlabelled"])
@pytest.mark.parametrize("less", ["masked_autoencoder", "random"])
def test_pairs_without_trait_labels_teach_what_a_masked_autoencoder_does_not_know(kept, method, less):
    for target in ("traits", "diagnoses"):
        assert rows_of(kept[target], method)["value"].min() > rows_of(kept[target], less)["value"].max()


def test_at_no_share_of_the_diagnoses_is_eccl_ahead_of_the_trait_labels_alone():
    means = kept_numbers.few_labels().groupby(["method", "protocol", "diagnosis_share"])["value"].mean()
    assert (means["eccl", "probe"] <= means["supervised", "probe"]).all()
    assert len(means["eccl", "probe"]) == 6


@pytest.mark.parametrize("ahead", ["eccl_unlabelled", "measurements"])
def test_at_every_share_the_masked_autoencoder_is_between_the_random_encoder_and_these(ahead):
    means = kept_numbers.few_labels().groupby(["method", "protocol", "diagnosis_share"])["value"].mean()
    autoencoder = means["masked_autoencoder", "probe"]
    assert (autoencoder > means["random", "probe"]).all() and (autoencoder < means[ahead, "probe"]).all()


def test_with_few_diagnoses_pairs_alone_are_ahead_of_from_scratch_and_of_a_masked_autoencoder():
    few = kept_numbers.few_labels().query("diagnosis_share == 0.05").groupby(["method", "protocol"])["value"]
    lowest, highest = few.min(), few.max()
    for row in (("random", "finetune"), ("masked_autoencoder", "probe")):
        assert lowest["eccl_pairs", "probe"] > highest[row]


def test_of_the_weight_of_the_traits_a_fifth_costs_both_scores_in_the_first_seed():
    rows = report.ablation("lambda").query("level == '0.2' and seed == 42")
    assert list(rows["score"]) == ["mean r", "mean AUROC"] and (rows["difference_high"] < 0).all()


def test_the_residual_network_reaches_more_than_the_transformer_in_fewer_seconds_and_nearly_all_at_100_hz():
    seeds = report.keep_or_read("frontier").groupby(["encoder", "seed"])[["validation_r", "seconds"]].max()
    means = seeds.groupby("encoder").mean()
    quick, fine = means.loc["ResNet, 100 Hz"], means.loc["ResNet, 250 Hz"]
    assert (means.filter(like="ViT", axis=0)["validation_r"] < quick["validation_r"] - 0.03).all()
    assert (means.filter(like="ViT", axis=0)["seconds"] > quick["seconds"]).all()
    assert fine["validation_r"] - quick["validation_r"] < 0.005 and 0.4 < quick["seconds"] / fine["seconds"] < 0.6
    step = report.keep_or_read("step").query("preset == 'laptop'")
    newest = step[step["checkout"] == step["checkout"].iloc[0]].groupby("part")["milliseconds"].sum()
    assert newest[["forward", "backward"]].sum() > 0.9 * newest.sum()


@pytest.mark.parametrize("name", ["temperature", "learned_temperature", "alpha", "embedding", "batch"])
def test_of_most_settings_the_levels_lie_no_farther_apart_than_seeds_do(kept, name):
    spans = {score: rows_of(kept[score], "eccl")["value"] for score in ("traits", "diagnoses")}
    table = report.ablation(name).query("not default").groupby(["score", "level"])["difference"].mean().abs()
    for score, target in (("mean r", "traits"), ("mean AUROC", "diagnoses")):
        assert table[score].max() < 1.25 * (spans[target].max() - spans[target].min())


@pytest.mark.parametrize(
    ("name", "level", "sign", "seeds"),
    [
        ("amplitude", "lead", -1, 3),
        ("leads", "limb", -1, 3),
        ("leads", "I", -1, 3),
        ("lambda", "5.0", 1, 3),
        ("sign_flip", "0.33", -1, 2),
    ],
)
def test_what_the_encoder_sees_and_the_weight_of_the_traits_matter(name, level, sign, seeds):
    rows = report.ablation(name).query(f"score == 'mean r' and level == '{level}'")
    beyond = rows["difference_low"] > 0 if sign > 0 else rows["difference_high"] < 0
    assert beyond.sum() == seeds


@pytest.mark.parametrize(("name", "level"), [("frames", "2"), ("cmr_encoder", "34")])
def test_two_frames_and_a_deeper_image_encoder_are_behind_or_ahead_in_no_more_than_chance_would_have(name, level):
    rows = report.ablation(name).query(f"level == '{level}'")
    for score, seeds in rows.groupby("score"):
        assert len(seeds) == 3 and (seeds["difference_high"] < 0).sum() <= 1, score
    traits = rows.query("score == 'mean r'")["difference"]
    assert traits.min() > -0.005


def test_a_transformer_is_behind_the_residual_network_and_gains_in_the_traits_by_shorter_patches(kept):
    rows = report.ablation("patch").query("score == 'mean r'")
    apart = rows.groupby("level")["difference"]
    assert apart.min()["20"] > 0 and apart.max()["100"] < 0
    assert rows["value"].max() < rows_of(kept["traits"], "eccl")["value"].min()


def test_no_method_that_reads_an_ecg_is_ahead_of_the_labels_alone_and_no_loss_changes_that():
    table = report.keep_or_read("methods").query("protocol == 'probe'")
    traits = table.query("target == 'traits' and group == 'all traits'")
    areas = table.query("diagnosis == 'mean' and metric == 'AUROC'")
    assert report.ahead(traits) == ["CMR"] and report.ahead(areas) == []
    for method in ("eccl", "eccl_nt_xent", "eccl_triplet", "eccl_sigmoid", "eccl_tabular", "eccl_snp"):
        assert len(rows_of(traits, method)) == 3 and (rows_of(traits, method)["difference_high"] < 0).all()
    mean = traits.groupby("method")["difference"].mean()
    assert mean[["eccl_tabular", "eccl_snp"]].max() < mean["eccl"]


def test_where_the_image_encoder_learns_along_retrieval_gains_and_the_probe_does_not():
    table = report.keep_or_read("methods")
    found = table.query("metric == 'recall at 10' and direction == 'ECG to CMR'")
    probes = table.query("protocol == 'probe'")
    assert rows_of(found, "eccl_joint")["low"].min() > rows_of(found, "eccl")["high"].max()
    for scores in (probes.query("target == 'traits' and group == 'all traits'"), probes.query("diagnosis == 'mean'")):
        mean = scores.query("metric in ('r', 'AUROC')").groupby("method")["value"].mean()
        assert mean["eccl_joint"] < mean["eccl"]


def test_every_trained_row_had_the_same_three_learning_rates_to_choose_from():
    trained = report.keep_or_read("methods").query("seed == 42 and passes > 0 and method != 'cmr_supervised'")
    assert trained["method"].nunique() == 15
    assert {tuple(json.loads(text)) for text in trained["learning_rates"]} == {(0.001, 0.002, 0.004)}


def test_fine_tuned_on_the_traits_of_everybody_no_start_is_ahead_of_from_scratch():
    tuned = report.keep_or_read("finetune").query("protocol == 'finetune' and group == 'all traits'")
    mean = tuned.groupby("method")["value"].mean()
    assert len(mean) == 4 and mean.idxmax() == "random"


def test_with_seven_times_as_many_people_eccl_is_behind_by_less_than_a_third_of_what_it_was(kept):
    large = report.keep_or_read("large")
    cost = rows_of(large.query("group == 'all traits'"), "eccl").iloc[0]
    before = rows_of(kept["traits"], "supervised")["difference"].mean()  # supervised less ECCL
    assert cost["difference_high"] < 0 and -cost["difference"] < before / 3
    areas = rows_of(large.query("diagnosis == 'mean' and metric == 'AUROC'"), "eccl").iloc[0]
    assert areas["difference_low"] < 0 < areas["difference_high"]


def test_on_real_ecgs_eccl_is_not_ahead_of_a_random_encoder_nor_of_measurements():
    table = report.keep_or_read("ptbxl")
    for method in ("random", "measurements"):
        rows = rows_of(table, method)
        assert len(rows) == 2 and (rows["difference_low"] < 0).all()  # ECCL less the row


def test_from_the_masked_autoencoder_eccl_is_a_little_ahead_of_the_labels_alone_in_the_diagnoses():
    start = report.keep_or_read("start").query("ecg_start == 'masked_autoencoder'")
    labels = rows_of(start, "eccl_labels")
    areas = labels.query("diagnosis == 'mean' and metric == 'AUROC'")
    assert (areas["difference"] < 0).all() and (areas["difference_high"] < 0).sum() == 1
    assert (labels.query("target == 'traits' and group == 'all traits'")["difference"] > 0).all()


def test_a_start_from_it_is_worth_as_many_passes_of_stage_two():
    chains = pd.concat([report.keep_or_read(name) for name in ("start", "longer")]).fillna({"ecg_start": "random"})
    chains = rows_of(chains, "eccl").query("passes_most == 32")
    for rows in (
        chains.query("target == 'traits' and group == 'all traits'"),
        chains.query("diagnosis == 'mean' and metric == 'AUROC'"),
    ):
        means = rows.groupby("ecg_start")["value"].mean()
        assert len(means) == 2 and abs(means["random"] - means["masked_autoencoder"]) < 0.005


def test_a_trait_of_the_atria_loses_most_by_true_pairs_and_boosted_trees_are_not_told_apart_from_eccl():
    kept = report.keep_or_read("equal_terms").query("target == 'traits' and protocol == 'probe'")
    means = kept[kept["group"] != "all traits"].groupby(["method", "group"])["value"].mean().unstack()
    cost = (means.loc["supervised"] - means.loc["eccl"]).sort_values()
    assert cost.index[-1] == "atria" and cost.iloc[-1] > 2 * cost.iloc[-2]
    assert means.loc["eccl_pairs", "atria"] < means.loc["supervised", "atria"] - 0.05
    trees = report.keep_or_read("equal_terms").query("method == 'measurements' and protocol == 'boosted'")
    for rows in (trees.query("group == 'all traits'"), trees.query("diagnosis == 'mean' and metric == 'AUROC'")):
        assert len(rows) == 3 and ((rows["difference_low"] < 0) & (rows["difference_high"] > 0)).all()


def test_most_rows_chose_the_lowest_rate_and_the_masked_autoencoder_the_highest():
    trained = report.keep_or_read("equal_terms").query("passes > 0 and seed == 42").groupby("method").first()
    tried = trained["learning_rates"].map(json.loads)
    lowest = trained["learning_rate"] == tried.map(min)
    assert lowest.mean() > 0.5 and (trained["learning_rate"] == tried.map(max))["masked_autoencoder"]
