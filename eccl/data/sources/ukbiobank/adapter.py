"""UK Biobank: resting ECG (field 20205), short-axis cine (20209), traits, person and diagnoses, at one imaging visit.

No participant's number leaves this module: names are keyed hashes (`sources.pseudonym`), and messages are masked.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from eccl.data.cohort_files import SNP, TABULAR
from eccl.data.ecg import read_ecg
from eccl.data.modalities import FORMER_NAMES
from eccl.data.sources.base import Index, Recording, chosen, files_under, nothing_found, refusal
from eccl.data.sources.nifti_folders import masks_beside
from eccl.data.sources.pseudonym import masked, pseudonym, read_or_make_key
from eccl.data.sources.scans import read_scan
from eccl.data.sources.ukbiobank.diagnoses import diagnoses
from eccl.data.sources.ukbiobank.fields import IMAGING, PERSON, RESTING_ECG, SHORT_AXIS
from eccl.data.sources.ukbiobank.genotypes import read_genotypes
from eccl.data.sources.ukbiobank.tables import read_tables
from eccl.data.sources.ukbiobank.tabular import read_tabular
from eccl.data.sources.ukbiobank.withdrawals import Withdrawals, find_lists, several, shown, taken_out
from eccl.data.standard.slices import FRAME_POLICIES, SLICE_RULES
from eccl.records import DataError
from eccl.traits import DIAGNOSES, TRAIT_NAMES

log = logging.getLogger(__name__)

RECORDINGS = {"both": ("ecg", "cine"), "ecg": ("ecg",), "cine": ("cine",)}
TABLES = (*(f"{end}{packed}" for end in (".csv", ".tsv", ".txt", ".tab") for packed in ("", ".gz")), ".parquet")
STACKS = ("sa.nii.gz", "sa.nii")  # of a folder <eid>/, the first that is there
UKBB_CARDIAC_UNITS = ("mm", "sec")  # which its files do not state
KEY = "key"
MOST_NAMED = 5  # variants, in a sentence
_BULK = re.compile(rf"(?P<eid>\d+)_(?P<field>{RESTING_ECG}|{SHORT_AXIS})_(?P<visit>\d+)_\d+\.(xml|zip)")


@dataclass(frozen=True)
class UKBiobank:
    """A download of UK Biobank.

    Parameters
    ----------
    download : Path
        Holds, at any depth, <eid>_20205_2_0.xml; <eid>_20209_2_0.zip, or folders <eid>/ in ukbb_cardiac's layout
        (sa.nii.gz, seg_sa*.nii.gz; in mm and s where they do not say), which are preferred since their masks say where
        the heart is.
    tables : str
        File or folder of the tabular download: .csv, .tsv, .txt or .tab, with commas or tabs, each also .gz; or
        .parquet. By default the folder tables/ of the download.
    withdrawals : str
        Lists, or folders of lists, of those who have withdrawn, with ; between, beside those in the download, which
        are found by name (w12345_20240119.csv, withdraw12345_398_20240119.txt, ...) or by content (participants'
        numbers alone) as `withdrawals.find_lists` says. They are taken out, also of a cohort that exists already. What
        is a list by its name and cannot be read as one stops the ingest.
    other_lists : str
        Names of files, with ; between, that hold participants' numbers for another purpose.
    key : str
        File of the secret key of the participants' names; by default one is made in the cohort's folder. Two cohorts
        with one key give a person one name.
    modalities : str
        "both" takes whoever has both recordings; or "ecg", or "cine", alone.
    visit : int
        2 is the first imaging visit, 3 the repeat. Folders <eid>/ are taken for the first.
    frame_policy, slice_rule : str
        As in `eccl.data.sources.nifti_folders.NIfTIFolders`.
    tabular : bool
        Whether the fields of eccl/reference/tabular.csv are written beside the cohort, as `ukbiobank.tabular` reads
        them.
    genotypes : str
        Text of `plink --recode A`, of which snp.csv is made; by default none is.
    variants : str
        CSV of its variants: variant, group and, where they are known, allele and other, as `ukbiobank.genotypes` says.
    simulated : bool
        Whether the people are: for a download that `eccl.simulate.biobank` wrote.
    """

    download: Path
    tables: str = ""
    withdrawals: str = ""
    other_lists: str = ""
    key: str = ""
    modalities: str = "both"
    visit: int = IMAGING
    frame_policy: str = "refuse"
    slice_rule: str = "middle"
    tabular: bool = True
    genotypes: str = ""
    variants: str = ""
    simulated: bool = False

    cache_keys: ClassVar[tuple[str, ...]] = ("modalities", "visit", "frame_policy", "slice_rule")

    @property
    def _wanted(self) -> tuple[str, ...]:
        return RECORDINGS[chosen(FORMER_NAMES.get(self.modalities, self.modalities), tuple(RECORDINGS))]

    @property
    def description(self) -> dict[str, Any]:
        """Name, licence, modalities, all four diagnoses, and the choices."""
        return {
            "name": "Simulated UK Biobank download" if self.simulated else "UK Biobank",
            "licence": "CC0-1.0" if self.simulated else "UK Biobank material transfer agreement: not to be passed on",
            "simulated": self.simulated,
            "modalities": list(self._wanted),
            "diagnoses": list(DIAGNOSES),
            "choices": {
                "visit": self.visit,
                "frame_policy": chosen(self.frame_policy, FRAME_POLICIES),
                "slice_rule": chosen(self.slice_rule, SLICE_RULES),
            },
        }

    def index(self, keep: Path) -> Index:
        """Everyone with a recording of the visit who has not withdrawn."""
        try:
            return self._listed(keep)
        except DataError as error:  # a file or folder may be named by a participant
            source = shown(error.source) if error.source else None
            raise DataError(error.problem, source=source, remedy=error.remedy) from None

    def _listed(self, keep: Path) -> Index:
        found = self._recordings()
        if not found:
            fields = f"field {RESTING_ECG} or {SHORT_AXIS}"
            raise nothing_found(self.download, f"recording of {fields} at visit {self.visit}")
        lists = find_lists(self.download, self.withdrawals, self.other_lists, self._place)
        withdrawn, messages = taken_out(lists, found)
        people = sorted(set(found) - withdrawn)
        notes = {"withdrawn: taken out": len(withdrawn)} if withdrawn else {}
        if not lists:
            notes["not compared with a list of withdrawals: none is here"] = len(people)
            messages = [
                f"No list of withdrawals was found: whoever has withdrawn is still among the {len(people)} people"
            ]
            log.warning("%s; put the list that UK Biobank sent into the download, or give withdrawals=", messages[0])
        if not people:
            return Index(pd.DataFrame(columns=["participant_id", "_files"]), [], notes, messages)
        paths = self._tables(lists)
        table = read_tables(paths, set(people), self.visit)
        labels = diagnoses(table.reindex([eid for eid in people if eid in table.index]))
        key = read_or_make_key(Path(self.key).expanduser() if self.key else keep / KEY)
        entries, refused = [], []
        for eid in people:
            name, error = pseudonym(eid, key), self._problem(eid, found[eid], table, labels.problems)
            if error is not None:
                refused.append(refusal(name, "", error))
                continue
            files = [str(path) for part in self.description["modalities"] for path in found[eid][part]]
            entries.append({"participant_id": name, "_files": files, "_eid": eid})
        listed = pd.DataFrame(entries, columns=["participant_id", "_files", "_eid"])
        for part, columns in ((table, [*PERSON, *TRAIT_NAMES]), (labels.table, list(labels.table.columns))):
            listed = listed.join(part[columns], on="_eid")
        tables, said = self._beside(paths, dict(zip(listed["_eid"], listed["participant_id"])))
        return Index(listed, refused, notes, [*messages, *said], tables)

    def read(self, entry: Mapping[str, Any]) -> Recording:
        """The recordings of the modalities asked for."""
        ecg, cine, row, files = None, None, {}, list(entry["_files"])
        if "ecg" in self._wanted:
            ecg = read_ecg(files.pop(0))
        if files:
            image, *masks = files
            choices = {"frame_policy": self.frame_policy, "slice_rule": self.slice_rule}
            scan = read_scan(image, masks, units=UKBB_CARDIAC_UNITS, **choices)
            cine, row = scan.cine, {"phases": scan.frame_count}
        return Recording(ecg, cine, row)

    def redact(self, entry: Mapping[str, Any], text: str) -> str:
        """The text with the participant's name in place of the number, also in paths."""
        return masked(text, entry["_eid"], entry["participant_id"])

    def _beside(self, paths: Sequence[Path], names: Mapping[str, str]) -> tuple[dict[str, pd.DataFrame], list[str]]:
        """The tables beside the cohort, under the names of the participants, and what is said of them."""
        tables, said = {}, []
        if self.tabular and names:
            tables[TABULAR], earlier = read_tabular(paths, names, self.visit)
            said.append(f"tabular.csv has {tables[TABULAR].shape[1]} of the 90 fields")
            if earlier:
                many = f"{len(earlier)} of these are of the first visit, since no table has them of visit {self.visit}"
                said.append(f"{many}: {', '.join(earlier)}")
        if self.variants and not self.genotypes:
            raise DataError("a list of variants without genotypes", source=self.variants, remedy="give genotypes= too")
        if self.genotypes and names:
            listed = Path(self.variants).expanduser() if self.variants else None
            tables[SNP], turned, absent = read_genotypes(Path(self.genotypes).expanduser(), set(names), listed)
            said.append(f"snp.csv has {tables[SNP].shape[1]} variants of {len(tables[SNP])} of {len(names)} people")
            for variants, what in ((turned, "are turned to the allele of the list"), (absent, "are not in the file")):
                more = ", ..." if len(variants) > MOST_NAMED else ""
                named = ", ".join(variants[:MOST_NAMED]) + more
                said += [f"{len(variants)} of the variants {what}: {named}"] if variants else []
        return {name: table.rename(index=names) for name, table in tables.items()}, said

    def _recordings(self) -> dict[str, dict[str, list[Path]]]:
        """Files by participant and modality; of a cine, its masks behind it."""
        found: dict[str, dict[str, list[Path]]] = {}
        for path in files_under(self.download, [".xml", ".zip", *STACKS]):
            bulk = _BULK.fullmatch(path.name)
            if path.name in STACKS and path.parent.name.isdigit() and self.visit == IMAGING:
                if path.name != STACKS[0] and (path.parent / STACKS[0]).exists():
                    continue
                eid, modality, files = path.parent.name, "cine", [path, *masks_beside(path)]
            elif bulk and int(bulk["visit"]) == self.visit:
                eid, modality, files = bulk["eid"], "ecg" if bulk["field"] == str(RESTING_ECG) else "cine", [path]
                if modality in found.get(eid, {}):
                    continue  # a folder with masks goes before; of several arrays the first
            else:
                continue
            found.setdefault(eid, {})[modality] = files
        return found

    def _problem(self, eid: str, files: Mapping, table: pd.DataFrame, problems: Mapping) -> DataError | None:
        fields = {"ecg": f"ECG (field {RESTING_ECG})", "cine": f"short-axis cine (field {SHORT_AXIS})"}
        missing = [fields[part] for part in self.description["modalities"] if part not in files]
        if missing:
            remedy = "download it, or take those who have the other alone: modalities=ecg or cine"
            return DataError(f"there is no {' and no '.join(missing)} of visit {self.visit}", remedy=remedy)
        if eid not in table.index:
            return DataError("no table has a row of this participant", remedy="add the table that has it")
        return problems.get(eid)

    @property
    def _place(self) -> Path:
        return Path(self.tables).expanduser() if self.tables else self.download / "tables"

    def _tables(self, lists: Sequence[Withdrawals]) -> list[Path]:
        place, others = self._place, {item.path.resolve() for item in lists}
        inside = sorted(path for path in place.glob("[!.]*") if path.name.lower().endswith(TABLES))
        tables = [
            path for path in inside if path.resolve() not in others and path.name not in several(self.other_lists)
        ]
        paths = [place] if place.is_file() else tables
        if not paths:
            raise DataError(
                "no table of the tabular download is here",
                source=place,
                remedy="put its CSV or parquet files there, or say where they are: tables=/path",
            )
        return paths
