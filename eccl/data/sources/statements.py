"""Statements on an ECG as two of the four diagnoses: I48 by rhythm, I21 by statements of infarction.

An ECG statement is not a diagnosis of a hospital. A statement of infarction describes a scar or an injury as the ECG
shows it, most often old or of unknown age (PTB-XL's infarction_stadium1 is "unknown" for 62 % of these records and
stage I, acute, for 3 %), while the code I21 is an acute infarction in a hospital. Results on such labels are named
after the statement ("infarction on the ECG"), never after the code. Cardiomyopathy (I42) and heart failure (I50)
cannot be known from a statement and are not mapped: a cohort made from statements knows `KNOWN` alone.

References
----------
Wagner et al., Sci Data 2020 (PTB-XL, SCP-ECG statements); Reyna et al., CinC 2021 (SNOMED CT codes of the Challenge).
"""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from eccl.records import DataError

KNOWN = ("I21", "I48")  # what statements can tell

ATRIAL_FIBRILLATION = ("AFIB", "AFLT")  # SCP statements of fibrillation and flutter, as in I48
INFARCTION = (  # every statement of diagnostic_class MI in PTB-XL's scp_statements.csv
    *("AMI", "ASMI", "ALMI", "IMI", "ILMI", "IPMI", "IPLMI", "LMI", "PMI"),
    *("INJAS", "INJAL", "INJIN", "INJLA", "INJIL"),  # subendocardial injury, which PTB-XL counts there
)

SNOMED_ATRIAL_FIBRILLATION = (
    "164889003",  # atrial fibrillation
    "164890007",  # atrial flutter
    "195080001",  # atrial fibrillation and flutter
    "426749004",  # chronic atrial fibrillation
    "282825002",  # paroxysmal atrial fibrillation
    "314208002",  # rapid atrial fibrillation
)
SNOMED_INFARCTION = (
    "164865005",  # myocardial infarction
    "57054005",  # acute myocardial infarction
    "54329005",  # anterior myocardial infarction
    "164867002",  # old myocardial infarction
)

LONGEST_TEXT = 10_000  # characters of scp_codes; PTB-XL's longest has fewer than 300
LONGEST_FILE = 2**20  # characters, of scp_statements.csv
UNKNOWN = {"", "-", "?", "nan", "na", "n/a", "none", "null", "unknown", "unk", "undefined", "not known"}


def read_scp_codes(text: str, source: object = None) -> dict[str, float]:
    """SCP statements and their likelihoods, %, from the column scp_codes of PTB-XL; 0 means not rated.

    Parameters
    ----------
    text : str
        A dictionary as Python writes it, such as "{'AFIB': 0.0, 'IMI': 35.0}". It is read as data and never run.
    source : object, optional
        Where it stands, for messages.

    Raises
    ------
    DataError
        If it is anything but text with numbers from 0 to 100.
    """
    try:
        if len(text) > LONGEST_TEXT:
            raise ValueError
        codes = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise _no_codes(source) from error
    if not isinstance(codes, dict) or not all(map(_is_rated, codes.items())):
        raise _no_codes(source)
    return {code: float(likelihood) for code, likelihood in codes.items()}


def stated(codes: Mapping[str, float], statements: Collection[str], least_likelihood: float = 0.0) -> bool:
    """Whether one of some statements is there.

    Parameters
    ----------
    codes : mapping
        Likelihoods, %, by statement, of `read_scp_codes`.
    statements : collection of str
        Such as `INFARCTION`.
    least_likelihood : float
        A rated statement below it does not count, %. One that is not rated (0) always does: all but 48 of 1,514 records
        of atrial fibrillation in PTB-XL are not rated.
    """
    return any(codes[name] == 0 or codes[name] >= least_likelihood for name in statements if name in codes)


def scp_diagnoses(
    codes: Mapping[str, float], infarction: Collection[str] = INFARCTION, least_likelihood: float = 0.0
) -> dict[str, int]:
    """I21 and I48, 0 or 1, of one ECG of PTB-XL; see the head of this module for what they mean.

    Parameters
    ----------
    codes, least_likelihood
        As in `stated`.
    infarction : collection of str
        Statements that count as I21, as `infarction_statements` reads them.
    """
    groups = {"I21": infarction, "I48": ATRIAL_FIBRILLATION}
    return {code: int(stated(codes, groups[code], least_likelihood)) for code in KNOWN}


def infarction_statements(path: Path | str) -> tuple[str, ...]:
    """The statements of diagnostic_class MI in a table scp_statements.csv, whose first column is the statement.

    Raises
    ------
    DataError
        If the file cannot be read, is no such table, or has none of them.
    """
    remedy = "give PTB-XL's scp_statements.csv, or leave it out for the statements built in"
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file.read(LONGEST_FILE).splitlines())
            first, *rest = rows.fieldnames or [""]
            found = tuple(row[first] for row in rows if row.get("diagnostic_class") == "MI")
    except OSError as error:
        raise DataError(f"the table cannot be read ({error.strerror})", source=path, remedy=remedy) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError("the table is no CSV in UTF-8", source=path, remedy=remedy) from error
    if "diagnostic_class" not in rest or not found:
        raise DataError("no statement has the diagnostic_class MI", source=path, remedy=remedy)
    return found


def snomed_diagnoses(codes: Collection[str]) -> dict[str, int]:
    """I21 and I48, 0 or 1, of SNOMED CT codes such as `snomed_codes` gives; see the head of this module."""
    groups = {"I21": SNOMED_INFARCTION, "I48": SNOMED_ATRIAL_FIBRILLATION}
    return {code: int(not set(groups[code]).isdisjoint(codes)) for code in KNOWN}


def snomed_codes(text: str, source: object = None) -> tuple[str, ...]:
    """SNOMED CT codes with commas between, such as "164889003,426783006"; none of a text that says unknown.

    Raises
    ------
    DataError
        If anything else stands there.
    """
    codes = () if text.strip().lower() in UNKNOWN else tuple(code.strip() for code in text.split(","))
    if not all(re.fullmatch(r"\d{6,18}", code, re.ASCII) for code in codes):
        remedy = "write # Dx: SNOMED codes with commas between, or Unknown"
        raise DataError(f"Dx is {text[:40]!r}", source=source, remedy=remedy)
    return codes


def _is_rated(item: tuple[object, object]) -> bool:
    code, likelihood = item
    number = isinstance(likelihood, int | float) and not isinstance(likelihood, bool)
    return isinstance(code, str) and number and 0 <= likelihood <= 100


def _no_codes(source: object) -> DataError:
    return DataError(
        "scp_codes is no dictionary of statements and likelihoods from 0 to 100 %",
        source=source,
        remedy="give PTB-XL's ptbxl_database.csv as it was downloaded",
    )
