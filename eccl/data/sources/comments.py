"""What the comments of a WFDB header say of a person: age, sex, diagnoses, and whose recording it is.

Every set has its own way: "# Age: 74" (PhysioNet Challenge), "#<age>: 51" (LUDB), "#<age>: 65 <sex>: F <diagnoses> ..."
and "# patient 1" (INCART), "# <subject_id>: ..." (MIMIC-IV-ECG); what stands for an unknown age differs too. A value is
taken where it is beyond doubt. Else it stays empty, and a note says why, so that a summary can count it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from eccl.data.sources.statements import UNKNOWN
from eccl.data.table import PERSON
from eccl.records import DataError

LONGEST_FILE = 2**20  # characters, of a header
LONGEST_COMMENT = 5000  # characters; of a longer one no part is taken for the whole
OVER_89 = 300.0  # how PTB-XL, and the sets made of it, write an age over 89

UNCLEAR = "{} in a comment that is not understood: left empty"
UNSAID = "{} unknown, as the header says: left empty"
TWICE = "{} stated twice and not alike: left empty"
OLD = "age over 89, which the header writes as 300 or >89: left empty"
NEGATIVE = "age below 0, which the header writes for unknown: left empty"
OUTSIDE = f"age outside {PERSON['age'][0]:g} to {PERSON['age'][1]:g} years: left empty"

_KEYS = {"age": "age", "sex": "sex", "gender": "sex", "dx": "dx", "pid": "patient", "mrn": "patient"}
_KEYS |= {f"patient{gap}{key}": _KEYS[key] for gap in (" ", "") for key in ("age", "sex", "gender")}
_KEYS |= {
    f"{who}{what}": "patient"
    for who in ("patient", "subject", "participant")
    for what in ("", "id", " id", " no", " number", " name")
}
_UNIT = re.compile(r"\s*([(\[]?(in )?(years?|yrs?)[)\]]?|[(\[]y[)\]])$")  # behind the key of an age
_KNOWN = r"(?:age|sex|gender|dx|(?:patient|subject|participant)(?:[ _-]?\w+)?)\s*(?:[(\[]\w+[)\]])?\s*[:=]"
_WORDS = r"[^\W\d_][\w .()\[\]/-]{0,60}?\s*[:=]"
_START = re.compile(  # of a pair of key and value: at the start, behind a separator, or, of a known key, behind a space
    rf"(?P<before>^|[,;|]\s?|\s\s|\s(?={_KNOWN})|\s?(?=<[a-z]))(?P<key><[a-z][\w .-]{{0,60}}>\s?[:=]?|{_WORDS})",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?P<key>[a-z]+)\s+#?(?P<value>\S+)", re.IGNORECASE)  # patient 1
_YEARS = re.compile(r"(\d{1,3}(?:\.\d{1,3})?)\s*(?:y|yo|yrs?|years?|y\.o\.)?(?:\s+old)?\.?", re.IGNORECASE | re.ASCII)
_NEGATIVE = re.compile(r"-\d{1,4}(\.0*)?", re.ASCII)
_OLD = re.compile(
    r"(>=?|over|above|older than)\s*(89|9\d)(\s*(y|yrs?|years?))?|(89|9\d)\s*(\+|(years )?(or|and) (over|older))",
    re.IGNORECASE | re.ASCII,
)
_SEXES = {"f": 0.0, "female": 0.0, "m": 1.0, "male": 1.0}
_BOTH = r"^\W*(\d{1,3}\s*[MF]|[MF]\W+\d{1,3}|(fe)?male\W+\d+)\b"  # 69 M 1085, Female 782
_SPEAKS = {  # a comment that may say it in a way of its own
    "age": re.compile(rf"(?<![^\W_])(patient)?(age|aged|years?|y\.?o)(?![^\W_])|{_BOTH}", re.IGNORECASE),
    "sex": re.compile(rf"(?<![^\W_])(patient)?(sex|gender|(fe)?male)(?![^\W_])|{_BOTH}", re.IGNORECASE),
}
_OTHER_UNIT = re.compile(  # of the age, in a comment of its own: AgeUnits: MONTHS
    r"age[ _-]?units?\W{1,9}(?!y)[a-z]|(?<![^\W_])units?\W{1,9}(months?|weeks?|days?|hours?)\b", re.IGNORECASE
)


class Comments(NamedTuple):
    """What a header says.

    Attributes
    ----------
    age, sex : float
        Years; 0 female, 1 male. NaN where it is not known.
    dx, patients : tuple of str
        What the lines Dx hold, and who the recording is of: one, none, or several that contradict each other.
    notes : tuple of str
        Why age or sex is empty although the header speaks of it.
    """

    age: float
    sex: float
    dx: tuple[str, ...]
    patients: tuple[str, ...]
    notes: tuple[str, ...]


def read_comments(header: Path | str) -> Comments:
    """What the comments of a WFDB header say of a person.

    Raises
    ------
    DataError
        If the header cannot be read.
    """
    try:
        with open(header, encoding="latin-1") as file:
            lines = file.read(LONGEST_FILE).splitlines()
    except OSError as error:
        raise DataError(
            f"no header can be read ({error.strerror})", source=header, remedy="give the path of a .hea file"
        ) from error
    found: dict[str, list] = {"age": [], "sex": [], "dx": [], "patient": []}
    comments = [re.sub(r"\s{2,}|\t", "  ", line.strip().lstrip("# \t")) for line in lines if line.strip()[:1] == "#"]
    for comment in comments:
        for key, value in _values_of(comment):
            found[key].append(value)
    if any(_OTHER_UNIT.search(comment[:LONGEST_COMMENT]) for comment in comments):
        found["age"] = [UNCLEAR.format("age")]
    (age, why_age), (sex, why_sex) = (_agreed(name, found[name]) for name in _SPEAKS)
    dx, patients = (tuple(dict.fromkeys(found[key])) for key in ("dx", "patient"))
    return Comments(age, sex, dx, patients, (*why_age, *why_sex))


def _values_of(comment: str) -> Iterator[tuple[str, float | str]]:
    """Keys and values of a comment: a number, a text, or of age and sex the note why there is no number."""
    pairs = [(_KEYS.get(key), value) for key, value in _pairs(comment)] if len(comment) <= LONGEST_COMMENT else []
    readers = {"age": _age, "sex": _sex}
    values = [(key, readers[key](value) if key in readers else value) for key, value in pairs if key]
    # Where one value is not understood, its words may belong to the key behind it.
    wrong = any(value == UNCLEAR.format(key) for key, value in values)
    for key, value in values:
        if key in readers:
            yield key, UNCLEAR.format(key) if wrong else value
        elif key == "dx" or not (value.lower() in UNKNOWN or any(each.search(value) for each in _SPEAKS.values())):
            yield key, value
    for key, pattern in _SPEAKS.items():
        if key not in dict(values) and pattern.search(comment[:LONGEST_COMMENT]):
            yield key, UNCLEAR.format(key)


def _pairs(comment: str) -> Iterator[tuple[str, str]]:
    starts: list[re.Match] = []
    for match in _START.finditer(comment):
        # Behind a space alone, a key may be a word of another key, or of the value of a key that is not known.
        if match["before"] != " " or not starts or _plain(starts[-1]["key"]) in _KEYS:
            starts.append(match)
    if not starts or starts[0].start():
        bare = _BARE.fullmatch(comment)
        if bare and (any(map(str.isdigit, bare["value"])) or bare["key"].lower() in ("sex", "gender")):
            yield _plain(bare["key"]), bare["value"]
        return
    for match, following in zip(starts, [*starts[1:], None]):
        yield _plain(match["key"]), comment[match.end() : following and following.start()].strip(" ,;|")


def _plain(key: str) -> str:
    """A key in small letters, without brackets, colon and the unit of an age."""
    return _UNIT.sub("", re.sub(r"[\s_.-]+", " ", key.strip("<>:= ").rstrip("<>:= ").lower()))


def _age(text: str) -> float | str:
    years = _YEARS.fullmatch(text)
    if text.lower().strip(".") in UNKNOWN:
        return UNSAID.format("age")
    if _OLD.fullmatch(text) or (years and float(years[1]) == OVER_89):
        return OLD
    if _NEGATIVE.fullmatch(text):
        return NEGATIVE
    if years is None:
        return UNCLEAR.format("age")
    return float(years[1]) if float(years[1]) <= PERSON["age"][1] else OUTSIDE


def _sex(text: str) -> float | str:
    return UNSAID.format("sex") if text.lower() in UNKNOWN else _SEXES.get(text.lower(), UNCLEAR.format("sex"))


def _agreed(name: str, found: list[float | str]) -> tuple[float, tuple[str, ...]]:
    """The one number of what was found, and the note where there is none though the header speaks of it."""
    numbers = {value for value in found if isinstance(value, float)}
    if len(numbers) == 1:
        return numbers.pop(), ()
    notes = [TWICE.format(name)] if numbers else sorted(value for value in found if isinstance(value, str))
    return math.nan, tuple(notes[:1])
