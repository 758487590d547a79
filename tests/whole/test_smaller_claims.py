"""What chapters 8 and 10 say in words beside their first claim is what the kept tables say."""

from eccl import report


def test_on_real_infarcts_eccl_is_behind_the_measurements_and_nowhere_apart_from_the_masked_autoencoder():
    table = report.keep_or_read("ptbxl").set_index(["question", "method"])
    assert table.loc[("infarct against normal", "measurements"), "difference_high"] < 0  # ECCL less the row
    for question in table.index.unique("question"):
        masked = table.loc[(question, "masked_autoencoder")]
        assert masked["value"] > table.loc[(question, "eccl"), "value"]
        assert masked["difference_low"] < 0 < masked["difference_high"]


def test_a_step_of_the_paper_preset_costs_the_same_but_for_noise_and_in_bf16_less_than_half():
    step = report.keep_or_read("step").query("preset == 'paper'")
    totals = step.groupby(["precision", "checkout"])["milliseconds"].sum()
    for precision in ("32-true", "bf16-mixed"):
        one = totals[precision]
        assert one.max() / one.min() < 1.08
    assert (totals["bf16-mixed"] < totals["32-true"] / 2).all()
