"""XML that nobody vouches for: a document type that declares nothing is passed over, all others are refused."""

import sys
from contextlib import suppress

import numpy as np
import pytest
from helpers.ecg_files import write_aecg, write_cardiosoft
from helpers.making import make_ecg, refused
from helpers.vendor_files import write_muse, write_sierra

from eccl.data.ecg import read_ecg
from eccl.data.formats import guard as content
from eccl.data.formats.guard import MOST_ELEMENTS, binary, parse_xml, whole_numbers
from eccl.records import DataError

ECG_ = make_ecg(np.random.default_rng(0))
WRITERS = {"muse": write_muse, "cardiosoft": write_cardiosoft, "aecg": write_aecg, "sierra": write_sierra}
DECLARES = "document type or an entity"
EMPTY = {  # document types that declare nothing
    "system": '<!DOCTYPE a SYSTEM "restecg.dtd">',
    "system, apostrophes": "<!DOCTYPE a SYSTEM 'restecg.dtd' >",
    "public": '<!DOCTYPE a PUBLIC "-//GE//ECG" "http://example.org/restecg.dtd">',
    "file": '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
    "lines": '<!DOCTYPE\n a\n SYSTEM\n "restecg.dtd"\n>',
    "bare": "<!DOCTYPE a>",
    "empty subset": '<!DOCTYPE a SYSTEM "restecg.dtd"[]>',
    "empty subset with spaces": "<!DOCTYPE a [ \n ]>",
    "brackets in the name": '<!DOCTYPE a SYSTEM "a[<!ENTITY x>].dtd">',
    "after a comment": '<!-- <!DOCTYPE x [<!ENTITY y "z">]> --><!DOCTYPE a SYSTEM "restecg.dtd">',
    "after an instruction": '<?style <!DOCTYPE ?><!DOCTYPE a SYSTEM "restecg.dtd">',
    "comment alone": '<!-- <!DOCTYPE x [<!ENTITY y "z">]> -->',
}
DECLARING = {  # document types that declare something, or are there twice
    "entity": '<!DOCTYPE a [<!ENTITY x "y">]>',
    "entity beside a name": '<!DOCTYPE a SYSTEM "restecg.dtd" [<!ENTITY x "y">]>',
    "external entity": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    "parameter entity": '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://example.org/x.dtd"> %x;]>',
    "parameter reference": "<!DOCTYPE a [ %x; ]>",
    "element": "<!DOCTYPE a [<!ELEMENT a ANY>]>",
    "attribute": '<!DOCTYPE a [<!ATTLIST a unit CDATA "mV">]>',
    "notation": '<!DOCTYPE a [<!NOTATION x SYSTEM "y">]>',
    "comment": "<!DOCTYPE a [<!-- nothing -->]>",
    "twice": '<!DOCTYPE a SYSTEM "x"><!DOCTYPE a [<!ENTITY x "y">]>',
}


def document(doctype: str, body: str = "<a>1</a>", encoding: str = "utf-8") -> bytes:
    declared = encoding.removesuffix("-sig").removesuffix("-le").removesuffix("-be")
    return f'<?xml version="1.0" encoding="{declared}"?>\n{doctype}\n{body}'.encode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252", "iso-8859-1"])
@pytest.mark.parametrize("case", EMPTY)
def test_a_document_type_that_declares_nothing_is_passed_over(tmp_path, case, encoding):
    body = "<a b='&lt;'>\xfc<![CDATA[<!DOCTYPE x [ & &y; ]>]]></a>"
    root = parse_xml(document(EMPTY[case], body, encoding), tmp_path)
    assert (root.tag, root.text, root.get("b")) == ("a", "\xfc<!DOCTYPE x [ & &y; ]>", "<")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("case", DECLARING)
def test_a_document_type_that_declares_something_is_refused(tmp_path, case, encoding):
    refused(lambda: parse_xml(document(DECLARING[case], encoding=encoding), tmp_path), tmp_path, DECLARES)


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        *(("utf-16", encoding) for encoding in ("utf-8", "utf-8-sig", "iso-8859-1")),
        *((declared, "utf-16") for declared in ("utf-8", "iso-8859-1", "windows-1252")),
        *((declared, "utf-8-sig") for declared in ("iso-8859-1", "windows-1252", "unicode")),
    ],
)
@pytest.mark.parametrize("doctype", ["", EMPTY["system"]])
def test_bytes_count_more_than_the_encoding_that_is_declared(tmp_path, declared, written, doctype):
    text = f"<?xml version='1.0' encoding='{declared}'?>{doctype}<a b='\xb5V'>\xfc</a>"
    root = parse_xml(text.encode(written), tmp_path)
    assert (root.text, root.get("b")) == ("\xfc", "\xb5V")
    text = text.replace("<a b", f"{DECLARING['entity']}<a b") if not doctype else text.replace("\xfc", "&x;")
    refused(lambda: parse_xml(text.encode(written), tmp_path), tmp_path, "XML")


@pytest.mark.parametrize("body", ["<a>&x;</a>", '<a b="&x;">1</a>', '<a b="1&x;2"/>', "<a>&#xD800;</a>"])
@pytest.mark.parametrize("doctype", ["", *EMPTY.values()])
def test_references_that_mean_nothing_are_refused(tmp_path, doctype, body):
    refused(lambda: parse_xml(document(doctype, body), tmp_path), tmp_path, "no XML")


seen, watching = [], []  # a hook stays for good: it must do nothing most of the time


def watch(event: str, values: tuple) -> None:
    if watching and event.startswith(("open", "socket")):
        seen.append(f"{event} {values[:1]}")


sys.addaudithook(watch)


@pytest.mark.parametrize("name", ["{}", "file://{}", "http://127.0.0.1:9{}", '{0}" [<!ENTITY % e SYSTEM "{0}"> %e;]>'])
def test_a_document_type_is_never_looked_for(tmp_path, name):
    outside = tmp_path / "outside.dtd"
    outside.write_text('<!ENTITY x "gotten">')
    doctype = f'<!DOCTYPE a SYSTEM "{name.format(outside)}">'
    watching.append(True)
    for body in ("<a>&x;</a>", "<a>1</a>"):
        with suppress(DataError):
            assert parse_xml(document(doctype, body), tmp_path).text == "1"
    assert not [event for event in seen if "socket" in event or "outside.dtd" in event]
    outside.read_text()
    assert any("outside.dtd" in event for event in seen)  # the watch watches
    watching.clear()
    seen.clear()


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("case", ["system", "public", "empty subset"])
def test_every_xml_is_read_with_a_document_type(tmp_path, form, case):
    path = tmp_path / "a.xml"
    WRITERS[form](path, ECG_)
    encoding = "utf-16" if form == "sierra" else "iso-8859-1"
    text = path.read_bytes().decode(encoding).replace('<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n', "")
    plain = read_ecg(path).signal
    head, body = text.split("?>", 1)
    path.write_bytes(f"{head}?>{EMPTY[case]}{body}".encode(encoding))
    np.testing.assert_array_equal(read_ecg(path).signal, plain)
    path.write_bytes(f"{head}?>{DECLARING['attribute']}{body}".encode(encoding))
    refused(lambda: read_ecg(path), path, DECLARES)


@pytest.mark.parametrize(
    "bomb",
    [b"<a>" + b"<a/>" * 4000 + b"</a>", b"<a>" * 4000, b"<a " + b" ".join(b'b%d="1"' % n for n in range(4000)) + b"/>"],
)
def test_an_xml_of_too_many_elements_or_attributes_is_refused(tmp_path, monkeypatch, bomb):
    monkeypatch.setattr(content, "MOST_ELEMENTS", 3000)
    refused(lambda: parse_xml(bomb, tmp_path), tmp_path, "3000 elements or attributes")
    assert 20_000 < MOST_ELEMENTS < 1_000_000


# --- Numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["1,-2,3", "1,-2,3,", " 1 ,\n-2, +3 ,\n ", "1,-2,3,\t"])
def test_a_list_may_end_in_its_separator(tmp_path, text):
    np.testing.assert_array_equal(whole_numbers(text, ",", "lead I", tmp_path), [1, -2, 3])


@pytest.mark.parametrize("text", ["1,,3", "1,2,,", ",1,2", ",", "1, ,2,", "1;2,", "1,2,x"])
def test_a_list_with_a_gap_is_refused(tmp_path, text):
    refused(lambda: whole_numbers(text, ",", "lead I", tmp_path), "lead I", "no whole number")


def test_a_list_of_more_numbers_than_a_lead_can_have_is_refused(tmp_path):
    refused(lambda: whole_numbers("1," * 4_100_000, ",", "lead I", tmp_path), "lead I", "8200000 characters")


def test_cardiosoft_with_a_comma_behind_each_lead(tmp_path):
    path = write_cardiosoft(tmp_path / "a.xml", ECG_)
    path.write_text(path.read_text().replace("\n    </WaveformData>", ",\n    </WaveformData>"))
    np.testing.assert_array_equal(read_ecg(path).signal, ECG_.signal)


@pytest.mark.parametrize("text", ["AQID", "AQ\nID\n", " A Q I D ", "AQI\tD"])
def test_base64_in_lines_or_not(tmp_path, text):
    assert binary(text, "lead I", tmp_path) == b"\1\2\3"


@pytest.mark.parametrize("text", [None, "", " \n", "AQI", "AQ-D", "AQ\u00e9D", "A", "=AQI", "AQIDA"])
def test_damaged_base64_is_refused(tmp_path, text):
    refused(lambda: binary(text, "lead I", tmp_path), tmp_path, "lead I")
