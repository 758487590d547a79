"""PLINK's text of genotypes: whose counts, of which allele and group; and what is refused, with no one's number."""

import gzip

import numpy as np
import pandas as pd
import pytest
from helpers.making import refused
from helpers.ukb_tables import EID, OTHER, refused_unseen, table_file

from eccl.data.sources.ukbiobank.genotypes import read_genotypes

RAW = (
    "FID IID PAT MAT SEX PHENOTYPE rs1_A rs22_C(/T) rs333_G rs9_T\n"
    f"{EID} {EID} 0 0 1 -9 0 1 NA 2\n"
    f"{OTHER} {OTHER} 0 0 2 -9 2 0 1 0\n"
    "-1 -1 0 0 2 -9 1 1 1 1\n"
    "3456789 3456789 0 0 2 -9 1 1 1 1\n"
)
LIST = "variant,group,allele,other\nrs333,7,G,A\nrs22,49,T,C\nrs1,7,,\nrs4,2,A,G\n"
BOTH = {EID, OTHER}


@pytest.fixture
def listed(tmp_path):
    return table_file(tmp_path / "variants.csv", LIST)


def test_counts_are_named_by_group_and_allele_in_the_order_of_the_list(tmp_path, listed):
    path = table_file(tmp_path / "a.raw", RAW)
    table, turned, absent = read_genotypes(path, BOTH, listed)
    assert list(table) == ["g07_rs333_G", "g49_rs22_T", "g07_rs1_A"] and list(table.index) == [EID, OTHER]
    # Of rs22 the file counts C and the list T: one allele of two stays one, none becomes two.
    np.testing.assert_array_equal(table, [[np.nan, 1, 0], [1, 2, 2]])
    assert turned == ["rs22_C(/T)"] and absent == ["rs4"]
    packed = table_file(tmp_path / "a.raw.gz", gzip.compress(RAW.replace(" ", "\t").encode()))
    pd.testing.assert_frame_equal(read_genotypes(packed, BOTH, listed).table, table)


def test_without_a_list_a_variant_names_its_group(tmp_path):
    path = table_file(tmp_path / "a.raw", RAW.replace(" rs", " g07_rs"))
    table, turned, absent = read_genotypes(path, {OTHER})
    assert list(table) == ["g07_rs1_A", "g07_rs22_C", "g07_rs333_G", "g07_rs9_T"] and turned == absent == []
    assert table.loc[OTHER].tolist() == [2, 0, 1, 0]
    path = table_file(tmp_path / "b.raw", RAW)
    refused_unseen(lambda: read_genotypes(path, BOTH), path, "rs1 names no group", "variants=")


@pytest.mark.parametrize(
    ("heading", "allele", "other", "outcome"),
    [
        ("rs1_A", "", "", "as it is"),
        ("rs1_A", "A", "", "as it is"),
        ("rs1_A(/G)", "A", "G", "as it is"),
        ("rs1_A", "G", "A", "turned"),
        ("rs1_A(/G)", "G", "", "turned"),
        ("rs1_A", "G", "", "refused"),  # nothing says that A is the other allele
        ("rs1_A(/G)", "A", "C", "refused"),  # of another variant
        ("rs1_A", "C", "T", "refused"),  # of the other strand, or another variant
        ("rs1_A(/G)", "G", "T", "refused"),
    ],
)
def test_another_allele_is_turned_where_it_is_known_to_be_the_other_one_and_else_refused(
    tmp_path, heading, allele, other, outcome
):
    path = table_file(tmp_path / "a.raw", f"FID IID PAT MAT SEX PHENOTYPE {heading}\n{EID} {EID} 0 0 1 -9 2\n")
    listed = table_file(tmp_path / "list.csv", f"variant,group,allele,other\nrs1,1,{allele},{other}\n")
    if outcome == "refused":
        refused_unseen(lambda: read_genotypes(path, {EID}, listed), path, heading, "counts A", "strand")
        return
    table = read_genotypes(path, {EID}, listed).table
    assert list(table) == [f"g01_rs1_{allele or 'A'}"]
    assert table.loc[EID].item() == {"as it is": 2, "turned": 0}[outcome]


FIRST = RAW.splitlines()[1]
BAD = {
    "count 3": (RAW.replace("-9 2 0 1 0", "-9 3 0 1 0"), ["rs1_A", "'3'", "row 3", "0, 1 or 2"]),
    "text": (RAW.replace("-9 2 0 1 0", "-9 x 0 1 0"), ["rs1_A", "'x'", "row 3"]),
    "a dosage": (RAW.replace("-9 2 0 1 0", "-9 1.98 0 1 0"), ["rs1_A", "'1.98'", "dosages"]),
    "a person": (RAW.replace("-9 2 0 1 0", f"-9 {EID} 0 1 0"), ["rs1_A", "row 3"]),
    "somebody twice": (RAW + FIRST + "\n", ["row 2 is there again in row 6"]),
    "short": (RAW.replace("-9 2 0 1 0", "-9 2 0 1"), ["row 3 has 9 cells, not 10"]),
    "no header": ("\n".join(RAW.splitlines()[1:]), ["FID IID PAT MAT SEX PHENOTYPE"]),
    "empty": ("", ["FID IID PAT MAT SEX PHENOTYPE"]),
    "no number": (RAW.replace(f"{OTHER} {OTHER}", f"{OTHER} x{OTHER}"), ["row 3", "column IID"]),
    "recode AD": (RAW.replace("rs9_T", "rs1_HET"), ["rs1_HET", "recode A"]),
    "a variant twice": (RAW.replace("rs9_T", "rs1_G"), ["rs1_A and rs1_G"]),
    "other variants": (RAW.replace("rs", "x"), ["none of the variants of the list"]),
    "strangers": (RAW.replace(EID, "7").replace(OTHER, "8"), ["none of 2 participants"]),
    "no text": (bytes(range(128, 256)), ["cannot be read"]),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_export_is_refused_without_a_number(tmp_path, listed, case):
    content, words = BAD[case]
    path = table_file(tmp_path / "a.raw", content)
    refused_unseen(lambda: read_genotypes(path, BOTH, listed), path, *words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("snp,group\nrs1,1\n", ["no column variant"]),
        ("variant,group\n", ["no rows"]),
        ("variant,group\nrs1,50\n", ["the group of rs1 is '50'", "1 to 49"]),
        ("variant,group\nrs1,lv_edv\n", ["'lv_edv'"]),
        ("variant,group\nrs1,1\nrs1,2\n", ["rs1 is there twice"]),
        ("", ["cannot be read"]),
    ],
)
def test_a_list_that_names_no_groups_is_refused(tmp_path, content, words):
    path = table_file(tmp_path / "list.csv", content)
    refused(lambda: read_genotypes(table_file(tmp_path / "a.raw", RAW), BOTH, path), path, *words)


def test_more_variants_than_a_group_holds_are_refused(tmp_path):
    names = [f"rs{number}" for number in range(41)]
    raw = f"FID IID PAT MAT SEX PHENOTYPE {' '.join(f'g03_{name}_A' for name in names)}\n"
    path = table_file(tmp_path / "a.raw", f"{raw}{EID} {EID} 0 0 1 -9 {' '.join('0' * 41)}\n")
    refused(lambda: read_genotypes(path, {EID}), path, "group 3 has more than 40 variants")


def test_an_absent_file_is_refused(tmp_path):
    refused(lambda: read_genotypes(tmp_path / "none.raw", BOTH), "none.raw", "No such file")
