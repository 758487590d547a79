"""The paper's claims against kept tables: which is first, which seeds, which verdict."""

import pandas as pd
import pytest

from eccl import report
from eccl.report.claims import CLAIMS, Claim, claims_table, differences, judged


def kept(folder, apart):
    """A kept table whose rows of a method are `apart` from ECCL, a seed each."""
    lines = [
        {"method": "random", "protocol": "probe", "seed": 42 + place, "target": "traits", "group": "all traits"}
        | {
            "difference": each,
            "difference_low": each - 0.01,
            "difference_high": each + 0.01,
            "n": 9,
            "made_commit": "a",
        }
        for place, each in enumerate(apart)
    ]
    pd.DataFrame(lines).to_csv(folder / "some.csv", index=False)


def claim(**changes):
    values = {"statement": "A before B.", "kept": "some", "where": "method == 'random'", "target": "traits"}
    return Claim(**values | changes)


@pytest.mark.parametrize(
    ("apart", "verdict"),
    [
        ((-0.1, -0.2, -0.1), "holds, in 3 of 3"),
        ((0.1, 0.2, 0.1), "the opposite holds, in 3 of 3"),
        ((-0.1, 0.0, 0.001), "holds in 1 of 3"),
        ((-0.1, 0.1, 0.0), "holds in 1 and the opposite in 1 of 3"),
        ((0.0, 0.005, -0.005), "not distinguishable, in 3 of 3"),
    ],
)
def test_a_row_of_the_second_speaks_for_the_first_where_it_is_behind(tmp_path, apart, verdict):
    kept(tmp_path, apart)
    rows = differences(claim(), tmp_path)
    assert list(rows["difference"]) == [-each for each in apart] and judged(rows) == verdict
    assert (rows["difference_low"] <= rows["difference"]).all()
    assert list(differences(claim(ahead=True), tmp_path)["difference"]) == list(apart)


def test_a_claim_without_rows_is_an_error(tmp_path):
    kept(tmp_path, (0.1,))
    with pytest.raises(ValueError, match="0 rows where"):
        differences(claim(where="method == 'eccl'"), tmp_path)


def test_the_papers_figures_stand_beside_and_what_is_not_known_is_said(tmp_path):
    kept(tmp_path, (-0.1, -0.2))
    claims = (claim(paper=("ECCL", "MAE")), claim(), claim(paper=("ECCL", "scratch")))
    table = claims_table(claims, tmp_path)
    assert list(table["the paper"]) == ["0.39 against 0.34", "not known", "0.39 against not known"]
    assert list(table.index) == [1, 2, 3] and table["ours, first less second"][1] == "0.150 (0.140 to 0.160)"


@pytest.mark.parametrize("number", range(len(CLAIMS)))
def test_every_claim_of_the_book_has_its_kept_rows(number):
    one = CLAIMS[number]
    assert len(differences(one)) == 3 and one.statement.endswith(".")


def test_the_table_of_the_book_is_whole():
    assert len(report.claims_table()) == len(CLAIMS) >= 10
