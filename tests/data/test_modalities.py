"""A modality is one row: cohort, store and batch take a new one from there."""

import json
import shutil

import numpy as np
import pandas as pd

from eccl.data.cohort import Cohort
from eccl.data.modalities import MODALITIES, Modality
from eccl.data.store import pack

COLUMNS = ["sex", "age", "height", "weight"]
TABULAR = Modality(
    name="tabular",
    folder="tabular",
    endings=(".csv",),
    read=lambda path: pd.read_csv(path)[COLUMNS].iloc[0].to_numpy(np.float32),
    dtype="<f4",
    shape=(4,),
    encode=np.asarray,
    decode=np.asarray,
)


def test_a_third_modality_is_packed_and_batched_and_the_others_stay_as_they_are(tiny_cohort, tmp_path, monkeypatch):
    folder = tmp_path / "cohort"
    shutil.copytree(tiny_cohort, folder)
    (folder / "tabular").mkdir()
    table = Cohort.load(folder).table
    for name, row in zip(table["participant_id"], table[COLUMNS].to_dict("records")):
        pd.DataFrame([row]).to_csv(folder / "tabular" / f"{name}.csv", index=False)
    monkeypatch.setitem(MODALITIES, "tabular", TABULAR)
    assert Cohort.load(folder).modalities == ("ecg", "cine"), "a description that does not say means pairs"
    description = json.loads((folder / "dataset_description.json").read_text())
    description["modalities"] = ["ecg", "tabular"]
    (folder / "dataset_description.json").write_text(json.dumps(description))
    store = pack(Cohort.load(folder), tmp_path / "store", progress=False)
    batch = store.batch(np.array([3, 1]))
    assert set(batch.recordings) == {"ecg", "tabular"} and store.modalities == ("ecg", "tabular")
    np.testing.assert_allclose(batch["tabular"], table[COLUMNS].iloc[[3, 1]], rtol=1e-6)
