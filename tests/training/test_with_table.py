"""Tables beside a cohort: whose rows they are, what a batch holds of them, and what the fingerprint hangs on."""

import pickle
import shutil

import numpy as np
import pandas as pd
import pytest
from helpers.making import refused
from helpers.methods import SPLIT
from helpers.tables import write_tables

from eccl.data.cohort import Cohort
from eccl.data.standard.tabular import encode, standard_table
from eccl.training.tables import refuse_leaks_of, with_snp, with_tabular


@pytest.fixture
def cohort(tiny_cohort, tmp_path):
    folder = write_tables(shutil.copytree(tiny_cohort, tmp_path / "cohort"))
    return Cohort.load(folder)


def rewrite(cohort, name, change):
    path = cohort.folder / name
    change(pd.read_csv(path)).to_csv(path, index=False)


def test_a_batch_holds_the_rows_of_its_people(cohort, tiny_store):
    rewrite(cohort, "tabular.csv", lambda table: table.sample(frac=1, random_state=1))  # in another order
    store = with_tabular(tiny_store, cohort, SPLIT)
    table = pd.read_csv(cohort.folder / "tabular.csv").set_index("participant_id").loc[list(cohort.participant_ids)]
    batch = store.batch([5, 2], ("ecg", "tabular"))
    np.testing.assert_array_equal(batch["tabular"], encode(standard_table(table), SPLIT.train)[[5, 2]])
    assert set(batch.recordings) == {"ecg", "tabular"} and len(store) == 24 and store.simulated
    assert (batch["ecg"] == tiny_store.batch([5, 2], ("ecg",))["ecg"]).all()
    assert set(store.batch([5], ("cine",)).recordings) == {"cine"}
    genotypes = with_snp(tiny_store, cohort).batch([5, 2, 0], ("snp",))["snp"]
    assert genotypes.shape == (3, 49, 120) and genotypes.dtype == batch["tabular"].dtype
    again = pickle.loads(pickle.dumps(store))  # as a process that reads gets it
    assert (again.batch([5, 2], ("tabular",))["tabular"] == batch["tabular"]).all()


def test_the_fingerprint_is_of_the_store_and_of_the_table(cohort, tiny_store):
    first = with_tabular(tiny_store, cohort, SPLIT).fingerprint
    assert first == with_tabular(tiny_store, Cohort.load(cohort.folder), SPLIT).fingerprint != tiny_store.fingerprint
    rewrite(cohort, "tabular.csv", lambda table: table.assign(waist=table["waist"] + 1))
    assert with_tabular(tiny_store, cohort, SPLIT).fingerprint != first
    genotypes = with_snp(tiny_store, cohort).fingerprint
    rewrite(cohort, "snp.csv", lambda table: table.assign(g01_a=2 - table["g01_a"]))
    assert with_snp(tiny_store, cohort).fingerprint != genotypes


def test_who_is_not_in_the_table_is_missing_and_a_field_nobody_has_is_said(cohort, tiny_store, caplog):
    rewrite(cohort, "tabular.csv", lambda table: table.iloc[1:].drop(columns="fvc"))
    store = with_tabular(tiny_store, cohort, SPLIT)
    encoded = store.batch([0, 1], ("tabular",))["tabular"]
    assert not encoded[0, :195].any() and (encoded[0, 195:] == 1).all() and encoded[1, :195].any()
    assert "fvc" in caplog.text and "waist" not in caplog.text


def test_a_column_that_tells_a_trait_is_refused_by_name(cohort, tiny_store):
    """Twenty-four people are few, but a copy is a copy."""
    told = Cohort.load(cohort.folder).table["lv_esv"]
    rewrite(cohort, "tabular.csv", lambda table: table.assign(hip=0.5 * told + 3))
    store = with_tabular(tiny_store, cohort, SPLIT)
    refused(lambda: refuse_leaks_of(store, SPLIT, ()), "hip", "lv_esv")
    refuse_leaks_of(store, SPLIT, ("hip",))
    rewrite(cohort, "tabular.csv", lambda table: table.rename(columns={"hip": "24103-2.0"}))
    refused(lambda: with_tabular(tiny_store, cohort, SPLIT), "24103-2.0", "CMR", "tabular.csv")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop(columns="participant_id"), ["participant_id"]),
        (lambda table: pd.concat([table, table.iloc[:1]]), ["somebody twice"]),
        (lambda table: table.assign(participant_id="x" + table["participant_id"]), ["nobody of the cohort"]),
    ],
)
def test_a_table_of_other_people_is_refused(change, words, cohort, tiny_store):
    rewrite(cohort, "tabular.csv", change)
    refused(lambda: with_tabular(tiny_store, cohort, SPLIT), "tabular.csv", *words)


def test_a_cohort_without_tables_says_which_file_is_wanted(tiny_cohort, tiny_store):
    cohort = Cohort.load(tiny_cohort)
    refused(lambda: with_tabular(tiny_store, cohort, SPLIT), "tabular.csv", "beside cohort.csv")
    refused(lambda: with_snp(tiny_store, cohort), "snp.csv")
