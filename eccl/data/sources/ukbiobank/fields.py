"""The fields of UK Biobank that a cohort needs, and the columns of a table that hold them, in any of three styles.

Where each number was confirmed:

    31 sex                   lcpilling/ukbrapR (README); saras-clin.github.io/UKB_help (0 female, 1 male)
    21003 age, 53 visit      lcpilling/ukbrapR (README); 53 as a date: EHDEN/ETL-UK-Biobank
    50, 4079, 4080           EHDEN/ETL-UK-Biobank (docs/baseline_source_appendix.md): cm; mmHg, with arrays
    41270, 41280             Hinna0818/UKBAnalytica (R/icd10.R): codes and dates paired by position
    131298 I21, 131350 I48   Hinna0818/UKBAnalytica (R/disease_definitions.R)
    131338 I42, 131354 I50   public scripts, by name; even numbers from 131296 (I20) on follow the order of ICD-10
    special dates            Hinna0818/UKBAnalytica (R/first_occurrence.R): data-coding 819
    20205, 20209             suniljmanohar/UKBiobank_ECG (ECG as XML); YuukiAS/Heart_Pipeline (short-axis DICOM)
    24100 to 24181, traits   public scripts: the 82 names in this order; mL, %, L/min, g, mm2, and % of global strains

Not confirmed outside of UK Biobank's own pages: mm for wall thickness and 1e-3/mmHg for distensibility.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from eccl.records import DataError
from eccl.traits import TRAITS

IMAGING = 2  # instance of the first imaging visit

SEX = 31  # 0 female, 1 male; has no visit: instance 0
AGE = 21003  # years, at the visit
HEIGHT = 50  # standing, cm
WEIGHT = 21002  # kg
SYSTOLIC, DIASTOLIC = 4080, 4079  # automated readings, mmHg; arrays 0 and 1
VISIT_DATE = 53  # of attending the assessment centre
ICD10, ICD10_DATES = 41270, 41280  # diagnoses of hospital stays, and the date of the first record of each
FIRST_OCCURRENCE = {"I21": 131298, "I42": 131338, "I48": 131350, "I50": 131354}  # date of the first report, any source
RESTING_ECG, SHORT_AXIS = 20205, 20209  # bulk files: CardioSoft XML, zip of DICOM

DATE_UNKNOWN = date(1900, 1, 1)  # special dates, data-coding 819: recorded, without a date
FROM_BIRTH = (date(1901, 1, 1), date(1902, 2, 2), date(1903, 3, 3))  # before birth, on that day, in that calendar year
PLACEHOLDERS = (date(1909, 9, 9), date(2037, 7, 7))  # stand for a date in the future, which is none

PERSON = {"sex": SEX, "age": AGE, "height": HEIGHT, "weight": WEIGHT, "systolic": SYSTOLIC, "diastolic": DIASTOLIC}
FIRST = {f"first_{code}": field for code, field in FIRST_OCCURRENCE.items()}
FIELDS = {  # column of the table that `read_tables` makes: field
    **PERSON,
    **{trait.name: trait.field for trait in TRAITS},
    "scan_date": VISIT_DATE,
    "icd10": ICD10,
    "icd10_dates": ICD10_DATES,
    **FIRST,
}
WITHOUT_VISIT = {SEX, ICD10, ICD10_DATES, *FIRST_OCCURRENCE.values()}  # always instance 0

# At most six digits, so that a participant's number of seven is never taken for a field and shown in a message.
_STYLES = {
    "24100-2.0": re.compile(r"(?P<field>\d{1,6})-(?P<instance>\d{1,2})\.(?P<array>\d{1,4})"),
    "f.24100.2.0": re.compile(r"f\.(?P<field>\d{1,6})\.(?P<instance>\d{1,2})\.(?P<array>\d{1,4})"),
    "p24100_i2": re.compile(
        r"([a-z_]{1,40}\.)?p(?P<field>\d{1,6})(_i(?P<instance>\d{1,2}))?(_a(?P<array>\d{1,4}))?", re.ASCII
    ),
}
_EID = re.compile(r"([a-z_]{1,40}\.)?eid", re.IGNORECASE | re.ASCII)
_TITLE = re.compile(r"participant id|.+\| (instance|array) \d+", re.IGNORECASE)  # as the platform writes titles


class Column(NamedTuple):
    """A column of a table file: its place, its heading, and what it holds."""

    place: int
    heading: str
    name: str
    array: int


def names_at(instance: int = IMAGING) -> dict[tuple[int, int], str]:
    """The names of `FIELDS` by field and instance: a visit, but 0 of the fields without one."""
    return {(field, 0 if field in WITHOUT_VISIT else instance): name for name, field in FIELDS.items()}


def needed_columns(header: Sequence[str], path: Path, names: Mapping[tuple[int, int], str]) -> tuple[int, list[Column]]:
    """The place of the participants' numbers in a header, and the columns that hold the fields needed, by array.

    Parameters
    ----------
    header : sequence of str
        Headings in one of the styles 24100-2.0, p24100_i2 (also participant.p24100_i2) and f.24100.2.0.
    path : Path
        The file, for messages.
    names : mapping of (int, int) to str
        What a field is called at an instance, of those that are needed.

    Raises
    ------
    DataError
        If the headings are titles or speak of withdrawals, the column eid is missing or there twice, two styles are
        mixed, or a field is there twice. No heading is shown that is not the number of a field: a file without a header
        has participants there.
    """
    participants = _participants_column(header, path)
    found: dict[tuple[str, int], Column] = {}
    first: dict[str, str] = {}  # style: a heading of that style
    for place, heading in enumerate(header):
        for style, pattern in _STYLES.items():
            match = pattern.fullmatch(heading)
            if match is None:
                continue
            first.setdefault(style, heading)
            name = names.get((int(match["field"]), int(match["instance"] or 0)))
            column = Column(place, heading, name or "", int(match["array"] or 0))
            if name is not None and found.setdefault((name, column.array), column) is not column:
                raise DataError(
                    f"the columns {found[name, column.array].heading} and {heading} hold the same field",
                    source=path,
                    remedy="keep one of them",
                )
    if len(first) > 1:
        one, other = list(first.values())[:2]
        raise DataError(
            f"the columns {one} and {other} are named in two styles",
            source=path,
            remedy="export the table again in one style, or give two tables",
        )
    return participants, sorted(found.values(), key=lambda column: (column.name, column.array))


def _participants_column(header: Sequence[str], path: Path) -> int:
    """The place of the one column eid, in a header whose headings are the numbers of fields."""
    if any(map(_TITLE.fullmatch, header)):
        raise DataError(
            "the columns are named by the titles of fields, not by their numbers",
            source=path,
            remedy="export the table again with header_style FIELD-NAME (p31, p21003_i2), or UKB-FORMAT (31-0.0)",
        )
    participants = [place for place, heading in enumerate(header) if _EID.fullmatch(heading)]
    if len(participants) != 1:
        raise DataError(
            f"{len(participants)} of {len(header)} columns are named eid, expected one",
            source=path,
            remedy="give a table with the column eid, with a header, separated by commas or tabs",
        )
    if any("withdr" in heading.lower() for heading in header):
        raise DataError(
            "a column speaks of withdrawals, which no table can take out",
            source=path,
            remedy="write the numbers of who has withdrawn into withdrawals.txt, one a line, and take the column out",
        )
    return participants[0]


def showcase_name(name: str, instance: int = IMAGING) -> str:
    """The heading of a field as UK Biobank's showcase writes it, such as 53-2.0, for a column of `FIELDS`."""
    field = FIELDS[name]
    return f"{field}-{0 if field in WITHOUT_VISIT else instance}.0"
