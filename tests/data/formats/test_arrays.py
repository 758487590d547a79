"""CSV as programs write it: other columns, encodings, quotes, spreadsheets; and what must not be read in silence."""

import time

import numpy as np
import pandas as pd
import pytest
from helpers.making import make_ecg, refused

from eccl.data.formats import arrays
from eccl.data.formats.arrays import read_csv
from eccl.data.standard.twelve_leads import assemble
from eccl.records import LEADS

ECG_ = make_ecg(np.random.default_rng(7))
VALUES = [[f"{value:.3f}" for value in row] for row in ECG_.signal.T.astype(float)]


def table(path, separator=",", before=(), after=(), titles=LEADS, rows=VALUES, end="\n", encoding="utf-8"):
    """A CSV with columns before and after the leads, each a title and a function of the row."""
    head = separator.join([*(title for title, _ in before), *titles, *(title for title, _ in after)])
    lines = [
        separator.join([*(cell(n) for _, cell in before), *row, *(cell(n) for _, cell in after)])
        for n, row in enumerate(rows)
    ]
    path.write_bytes((end.join([head, *lines]) + end).encode(encoding))
    return path


def same(path, **stated):
    signal = assemble(read_csv(path), **({"rate": 500, "unit": "mV"} | stated)).signal
    np.testing.assert_allclose(signal, ECG_.signal, atol=1e-6)


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize(
    ("title", "cell"),
    [
        ("QRS", lambda n: "*" if n % 400 == 200 else "."),
        ("date", lambda n: f"2020-01-02 10:00:{n // 500:02d}.{n % 500:03d}"),
        ("note", lambda n: "" if n else "A. (Sinus) caf\u00e9"),
        ("mark", lambda n: '"' if n % 3 == 0 else ""),
        ("ditto", lambda n: '"' if n in (4, 5) else "x"),
        ("quoted", lambda n: '"a ; b , c \t d"'),
        ("inches", lambda n: 'a 5" b'),
        ("mixed", lambda n: "nan" if n % 2 else "n/k"),
        ("Time", lambda n: f"{n / 500:.3f}"),
        ("", lambda n: str(n)),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_columns_that_are_no_leads_are_left_out_whatever_is_in_them(tmp_path, separator, title, cell, first):
    column = [(title, cell)]
    if not first and title in ("", "note"):
        column = [*column, ("end", str)]  # else it would be a title too few
    same(table(tmp_path / "a.csv", separator, **{"before" if first else "after": column}))


@pytest.mark.parametrize(
    ("encoding", "unit"),
    [
        *((encoding, "(\u00b5V)") for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252")),
        *(("utf-8", "[\u03bcV]"), ("cp1252", "[uV]")),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_encoding_and_any_end_of_line(tmp_path, encoding, end, unit):
    rows = [[f"{1000 * float(value):.0f}" for value in row] for row in VALUES]
    path = table(tmp_path / "a.csv", rows=rows, titles=[f"{lead} {unit}" for lead in LEADS], end=end, encoding=encoding)
    same(path, unit=None)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", ",\n"),
        lambda text: text.replace("V6\n", "V6,\n", 1),
        lambda text: text.replace("\n", ",,\n").replace(",,\n", "\n", 1),
        lambda text: text + ",,,,,,,,,,,\n\n   \n",
        lambda text: "sep=,\n" + text,
        lambda text: "\n\n" + text,
        lambda text: text.replace(",", " , "),
        lambda text: "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()),
        lambda text: text.replace("0.", ".").replace("-.", "-0."),
    ],
)
def test_spreadsheets_leave_separators_blank_rows_and_quotes(tmp_path, change):
    path = table(tmp_path / "a.csv")
    path.write_text(change(path.read_text()))
    same(path)


@pytest.mark.parametrize("factor", [1, 1000])
@pytest.mark.parametrize("form", ["{}", "'{}'", '"{}"', "({})", "[{}]"])
@pytest.mark.parametrize(("time", "step"), [("seconds", 0.002), ("s", 0.002), ("ms", 2), ("", 1)])
def test_a_row_of_units_below_the_titles(tmp_path, form, factor, time, step):
    unit = "mV" if factor == 1 else "uV"
    titles = ["'Elapsed time'", *(f"'{lead}'" for lead in LEADS)]
    rows = [[f"{n * step:.3f}", *(f"{factor * float(value):g}" for value in row)] for n, row in enumerate(VALUES)]
    units = [form.format(time), *[form.format(unit)] * 12]
    path = table(tmp_path / "a.csv", titles=titles, rows=[units, *rows])
    same(path, unit=None, rate=None if time else 500)
    same(path, unit="V", rate=None if time else 500)  # what is stated counts


@pytest.mark.parametrize("units", [["mV"] * 11 + ["counts"], ["mV"] * 11 + [""], ["mV"] * 11 + ["0.1"], ["n/a"] * 12])
def test_a_row_of_units_for_some_leads_is_none(tmp_path, units):
    path = table(tmp_path / "a.csv", rows=[units, *VALUES])
    refused(lambda: read_csv(path), path, "row 1 below the header", "no number")
    path = table(tmp_path / "b.csv", rows=[["mV"] * 12, *VALUES], titles=[f"{lead} (uV)" for lead in LEADS])
    refused(lambda: read_csv(path), path, "row 1 below the header", "'mV'")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("above", ["# fs: 500; unit, mV\n", "#\n# a | b\n\n#\n", "# ", "#", ""])
def test_comments_above_the_titles_and_titles_in_a_comment(tmp_path, separator, above):
    path = table(tmp_path / "a.csv", separator)
    path.write_text(above + path.read_text())
    same(path)


@pytest.mark.parametrize(
    ("word", "factor"),
    [
        *(("\u00b5V", 1000), ("\u03bcV", 1000), ("\u00e6V", 1000), ("microV", 1000), ("MicroVolt", 1000)),
        *(("uVolts", 1000), ("microvolts", 1000), ("mVolt", 1), ("Millivolts", 1), ("nV", 1e6), ("nanovolt", 1e6)),
        *(("V", 1e-3), ("Volts", 1e-3), ("kV", 0), ("m", 0), ("mVs", 0), ("mmHg", 0), ("-uV", 0), ("volt.", 0)),
    ],
)
def test_voltages_by_sign_and_by_word(tmp_path, word, factor):
    rows = [[f"{factor * float(value):.9g}" for value in row] for row in VALUES]
    path = table(tmp_path / "a.csv", rows=rows, titles=[f"{lead} ({word})" for lead in LEADS])
    if factor:
        same(path, unit=None)
    else:
        refused(lambda: same(path), path, f"unit {word!r}, which is no voltage")


def test_pandas_with_and_without_its_index(tmp_path):
    frame = pd.DataFrame(ECG_.signal.T.astype(float).round(3), columns=list(LEADS))
    frame.insert(0, "sex", "F")
    for index in (True, False):
        frame.to_csv(tmp_path / "a.csv", index=index)
        same(tmp_path / "a.csv")


def cells(row, column, value):
    rows = [list(line) for line in VALUES]
    rows[row][column] = value
    return rows


@pytest.mark.parametrize("value", ["n/k", "", " ", "1_0", "0,5", "1.2.3", "0x1", "--", "1 2"])
def test_a_cell_of_a_lead_that_is_no_number_is_named_with_its_row(tmp_path, value):
    path = table(tmp_path / "a.csv", ";", rows=cells(1233, 8, value))
    refused(lambda: read_csv(path), path, f"row 1234 below the header holds {value.strip()!r} for 'V3'")


@pytest.mark.parametrize(
    ("separator", "words"), [(";", "holds '"), ("\t", "holds '"), (",", "12 titles over 24 cells")]
)
def test_decimal_commas_are_refused_and_not_read_otherwise(tmp_path, separator, words):
    rows = [[value.replace(".", ",") for value in row] for row in VALUES]
    path = table(tmp_path / "a.csv", separator, rows=rows)
    refused(lambda: read_csv(path), path, words, "a point for decimals")


def test_a_row_that_is_empty_or_too_short_or_too_long_is_no_sample(tmp_path):
    for row, words in (([""] * 12, "row 100 below the header is empty"), (VALUES[0][:11], "over 11 cells in row 100"),
                       ([*VALUES[0], "1"], "over 13 cells in row 100")):  # fmt: skip
        path = table(tmp_path / "a.csv", rows=[*VALUES[:99], row, *VALUES[99:]])
        refused(lambda path=path: read_csv(path), path, words)


@pytest.mark.parametrize(
    ("rate", "digits"),
    [(500, 6), (500, 3), (360, 3), (257, 3), (240, 3), (62.4725, 3), (499.5, 9), (1000, 3)],
)
def test_the_rate_is_found_behind_the_rounding_of_the_times(tmp_path, rate, digits):
    clock = [("time (s)", lambda n: f"{7 + n / rate:.{digits}f}")]
    channels = read_csv(table(tmp_path / "a.csv", before=clock))
    assert channels.sampling_rate == (rate if rate == int(rate) else pytest.approx(rate, rel=1e-5))


@pytest.mark.parametrize("rate", [500, 360, 257, 1000])
@pytest.mark.parametrize("at", [1, 2, 2500, 4997])
@pytest.mark.parametrize("jump", [1, -1, 40])
def test_a_lost_or_doubled_sample_is_no_even_time(tmp_path, rate, at, jump):
    clock = [("time (s)", lambda n: f"{(n + jump * (n > at)) / rate:.3f}")]
    path = table(tmp_path / "a.csv", before=clock)
    refused(lambda: read_csv(path), path, "time does not run evenly")


@pytest.mark.parametrize("step", [1e-300, 1e-12, 1e-7, 1, 1e300])
def test_times_that_no_recorder_has_give_no_ecg(tmp_path, step):
    path = table(tmp_path / "a.csv", before=[("time (s)", lambda n: f"{n * step:.9g}")])
    refused(lambda: same(path, rate=None), path, "Hz an ECG can have")


def test_time_with_a_unit_gives_the_rate_and_a_word_in_it_is_named(tmp_path):
    clock = [("Time (ms)", lambda n: f"{2 * n}")]
    same(table(tmp_path / "a.csv", before=clock), rate=None)
    path = table(tmp_path / "b.csv", before=[("time [s]", lambda n: "00:00:01")])
    refused(lambda: read_csv(path), path, "row 1 ", "'00:00:01' for 'time [s]'")


@pytest.mark.parametrize(
    "content",
    [
        b"1," * 16_000_000,
        b",".join(lead.encode() for lead in LEADS) + b"\n" + b"0,0,0,0,0,0,0,0,0,0,0,0\n" * 200_000,
        b"I\n" * 16_000_000,
        b"I" + b" " * 120_000 + b"(" + b"\n1",
        b'"' * 900_000 + b"\n1",
        b"I,II\n" + b'"' * 30_000_000,
        b"#\n" * 16_000_000,
        b"#,;|\t" * 180_000 + b"\n1",
    ],
)
def test_time_and_memory_are_bounded(tmp_path, content, monkeypatch):
    import resource

    monkeypatch.setattr(arrays, "read_content", lambda path: content)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    try:
        read_csv(tmp_path / "a.csv")
    except ValueError as error:
        assert "Remedy" in str(error)
    assert time.perf_counter() - start < 8
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB
