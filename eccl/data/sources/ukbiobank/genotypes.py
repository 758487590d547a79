"""Genotypes that PLINK has written as text, `plink --recode A`, named by group as a cohort's snp.csv has them.

A heading is a variant and the allele that is counted, rs123_A, or rs123_A(/G) with the other one. Which group a variant
is of, a list says; or the variant's own name, where it is written as g07_rs123. The list of variants that the simulator
draws (`eccl/reference/snps.csv`) states no alleles, and its variants are in nobody's genome.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
import pandas as pd

from eccl.data.sources.ukbiobank.rows import participant_of, see_once
from eccl.data.sources.ukbiobank.text import FIRST_ROW
from eccl.data.sources.ukbiobank.withdrawals import shown
from eccl.data.standard.genotypes import ALLELES, GROUPS, encode_genotypes
from eccl.records import DataError

FIXED = ("FID", "IID", "PAT", "MAT", "SEX", "PHENOTYPE")  # the first headings
MISSING = {"NA", "nan", "."}
LIST = ("variant", "group", "allele", "other")  # columns of a list of variants; the last two may be left out
_HEADING = re.compile(r"(?P<variant>\S+)_(?P<counted>[ACGTDI]+)(\(/(?P<other>[ACGTDI]+)\))?")
_GROUPED = re.compile(r"g(?P<group>\d{1,2})_\S+")
_REMEDY = "export hard calls again with plink --recode A, or plink2 --export A"


class Genotypes(NamedTuple):
    """Counts of alleles of people, and what was done to get them.

    Attributes
    ----------
    table : DataFrame
        Index eid, a column a variant, such as g07_rs123_A: 0, 1 or 2 alleles A; NaN is missing.
    turned : list of str
        Variants whose other allele the file counts.
    absent : list of str
        Variants of the list that the file does not have.
    """

    table: pd.DataFrame
    turned: list[str]
    absent: list[str]


class _Variant(NamedTuple):
    """A column of the result: where its counts stand, its name there and here, and whether they are turned."""

    place: int
    heading: str
    name: str
    turned: bool


def read_genotypes(path: Path, participants: Collection[str], variants: Path | None = None) -> Genotypes:
    """The genotypes of some people, by group.

    Parameters
    ----------
    path : Path
        What PLINK writes, with spaces or tabs between, also .gz; the participants' numbers in the column IID.
    participants : collection of str
        Whom to keep.
    variants : Path, optional
        CSV with the columns variant and group (1 to 49); and, where they are given, allele, the one that is to be
        counted, and other. Other variants of the file are passed over, and the columns come in the order of the list.
        Without a list each variant is called by its group.

    Raises
    ------
    DataError
        If the file is no such export or a row of it is short, a participant is there twice or nobody of those wanted
        is there, a count is not 0, 1, 2 or NA; a variant is there twice, of no group, or one of more than 40 of a
        group; or the file counts another allele than the list states, and nothing says that it is the other one.
    """
    listed = None if variants is None else _read_list(variants)
    seen: dict[str, int] = {}
    counts = []
    with _opened(path) as file:
        header = file.readline().split()
        chosen, absent = _chosen(header, listed, path)
        turned = np.array([variant.turned for variant in chosen], dtype=bool)
        for row, line in enumerate(file, start=FIRST_ROW):
            cells = line.split()
            if cells and (eid := _participant(cells, len(header), row, path)) in participants:
                see_once(seen, eid, row, path)
                count = np.array([_count(cells[variant.place], variant, row, path) for variant in chosen])
                counts.append(np.where(turned, ALLELES - 1 - count, count).astype(np.float32))
    if not counts:
        raise DataError(
            f"none of {len(participants)} participants is there",
            source=path,
            remedy="give in IID the numbers of the application whose recordings these are",
        )
    table = pd.DataFrame(np.array(counts), index=list(seen), columns=[variant.name for variant in chosen])
    encode_genotypes(table.iloc[:0], path)  # the groups, before anything is written
    return Genotypes(table.sort_index(), [variant.heading for variant in chosen if variant.turned], absent)


def _read_list(path: Path) -> pd.DataFrame:
    """A list of variants, by variant: group, allele and other, the last two "" where not stated."""
    remedy = f"write a CSV with the columns {', '.join(LIST[:2])} and, if they are known, {', '.join(LIST[2:])}"
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"the list of variants cannot be read ({error})", source=path, remedy=remedy) from error
    missing = [name for name in LIST[:2] if name not in table]
    if missing or not len(table):
        problem = f"the list of variants has no column {missing[0]}" if missing else "the list of variants has no rows"
        raise DataError(problem, source=path, remedy=remedy)
    table = table.reindex(columns=list(LIST), fill_value="").apply(lambda column: column.str.strip())
    for variant, group in zip(table["variant"], table["group"]):
        if not group.isdecimal() or not 1 <= int(group) <= GROUPS:
            raise DataError(f"the group of {variant} is {group!r}", source=path, remedy=f"it is from 1 to {GROUPS}")
    if table["variant"].duplicated().any():
        twice = table["variant"][table["variant"].duplicated()].iloc[0]
        raise DataError(f"the variant {twice} is there twice", source=path, remedy="keep one row a variant")
    return table.set_index("variant")


def _chosen(header: Sequence[str], listed: pd.DataFrame | None, path: Path) -> tuple[list[_Variant], list[str]]:
    """The variants to read, in the order of the list or of the file, and those of the list that are not there."""
    if tuple(header[: len(FIXED)]) != FIXED:
        raise DataError(f"the header does not begin with {' '.join(FIXED)}", source=path, remedy=_REMEDY)
    found: dict[str, _Variant] = {}
    for place, heading in enumerate(header[len(FIXED) :], start=len(FIXED)):
        match = _HEADING.fullmatch(heading)
        variant = match["variant"] if match else heading.rpartition("_")[0]
        if listed is not None and variant not in listed.index:
            continue
        if match is None:
            raise DataError(
                f"the column {heading} is no variant with the allele that it counts, as rs123_A",
                source=path,
                remedy=_REMEDY,
            )
        if variant in found:
            problem = f"the columns {found[variant].heading} and {heading} are of the same variant"
            raise DataError(problem, source=path, remedy="keep one of them")
        if listed is not None:
            found[variant] = _of_list(place, match, listed.loc[variant], path)
        elif _GROUPED.fullmatch(variant):
            found[variant] = _Variant(place, heading, f"{variant}_{match['counted']}", False)
        else:
            raise DataError(
                f"the variant {variant} names no group",
                source=path,
                remedy=f"list the groups, variants=/path/list.csv; or call it g01_{variant} to g{GROUPS}_{variant}",
            )
    if not found:
        raise DataError(
            "none of the variants of the list is there" if listed is not None else "no variant is there",
            source=path,
            remedy="name the variants in the list as the file does, without the allele",
        )
    order = list(found) if listed is None else [variant for variant in listed.index if variant in found]
    absent = [] if listed is None else [variant for variant in listed.index if variant not in found]
    return [found[variant] for variant in order], absent


def _of_list(place: int, match: re.Match, stated: pd.Series, path: Path) -> _Variant:
    """The variant of a heading as a list states it, turned if the file counts the other of its two alleles."""
    allele, other = stated["allele"], stated["other"] if stated["allele"] else ""
    counted, beside = match["counted"], match["other"] or ""
    name = f"g{int(stated['group']):02d}_{match['variant']}_{allele or counted}"
    if _agree(allele, counted) and _agree(other, beside):
        return _Variant(place, match[0], name, False)
    if (other or beside) and _agree(allele, beside) and _agree(other, counted):
        return _Variant(place, match[0], name, True)
    raise DataError(
        f"the column {match[0]} counts {counted}, and the list states {'/'.join(filter(None, (allele, other)))}",
        source=path,
        remedy="state in the list the allele that the file counts, or beside it the other one; mind the strand",
    )


def _agree(one: str, two: str) -> bool:
    """Whether two alleles are the same, as far as both are stated."""
    return not one or not two or one == two


def _participant(cells: list[str], width: int, row: int, path: Path) -> str:
    """The number of the participant of a row; "" of one who stands for nobody."""
    if len(cells) != width:
        raise DataError(f"row {row} has {len(cells)} cells, not {width}", source=path, remedy=_REMEDY)
    return participant_of(cells[FIXED.index("IID")], row, "IID", path)


def _count(text: str, variant: _Variant, row: int, path: Path) -> float:
    if text in MISSING:
        return np.nan
    if text in ("0", "1", "2"):
        return float(text)
    raise DataError(
        f"the column {variant.heading} is {shown(text)!r} in row {row}; it is 0, 1 or 2 alleles, or NA",
        source=path,
        remedy=f"{_REMEDY}: dosages are not read",
    )


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        opened = gzip.open if path.suffix.lower() == ".gz" else open
        with opened(path, "rt", encoding="utf-8-sig") as file:
            yield file
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise DataError(f"the genotypes cannot be read ({cause})", source=path, remedy=_REMEDY) from error
