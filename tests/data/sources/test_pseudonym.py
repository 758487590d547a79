"""Pseudonyms follow from the key alone, and a key is never guessed, shown or open to others."""

import os
import re
import stat

import pytest

from eccl.data.sources.pseudonym import masked, pseudonym, read_or_make_key
from eccl.records import DataError

KEY = bytes(range(32))


def test_a_key_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "key"
    key = read_or_make_key(path)
    assert len(key) == 32 and read_or_make_key(path) == key and read_or_make_key(tmp_path / "other") != key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.read_text() == key.hex() + "\n"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["key", "other"]


def test_an_open_key_is_told(tmp_path, caplog):
    path = tmp_path / "key"
    key = read_or_make_key(path)
    path.chmod(0o644)
    assert read_or_make_key(path) == key
    assert "chmod 600" in caplog.text and key.hex() not in caplog.text


@pytest.mark.parametrize("content", [b"", b"secret", b"ab" * 31, b"ab" * 33, b"g0" * 32, b"\xff" * 64, b"a" * 10_000])
def test_what_is_no_key_is_refused_unshown(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(DataError, match="no key is in this file") as caught:
        read_or_make_key(path)
    assert "secret" not in str(caught.value) and str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_a_key_that_cannot_be_read_or_written_is_told(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_or_make_key(tmp_path)
    with pytest.raises(DataError, match="No such file"):
        read_or_make_key(tmp_path / "none" / "key")


def test_names_follow_from_the_key():
    name = pseudonym("1234567", KEY)
    assert name == pseudonym("1234567", KEY) and re.fullmatch(r"ukb-[0-9a-f]{16}", name)
    assert name == "ukb-" + __import__("hashlib").blake2b(b"1234567", key=KEY, digest_size=8).hexdigest()
    assert len({pseudonym(str(number), KEY) for number in range(1_000_000, 1_005_000)}) == 5000
    assert name != pseudonym("1234567", KEY[::-1]) and pseudonym("1234567", KEY, "x").startswith("x-")


@pytest.mark.parametrize("key", [b"", b"short", bytes(64)])
def test_no_name_is_made_without_a_key(key):
    with pytest.raises(ValueError, match="32"):
        pseudonym("1234567", key)


def test_a_number_is_masked_wherever_it_stands():
    text = "/data/1234567/1234567_20209_2_0.zip: eid=1234567, x1234567y 01234567 1234568"
    assert masked(text, "1234567", "ukb-a") == "/data/ukb-a/ukb-a_20209_2_0.zip: eid=ukb-a, xukb-ay 0ukb-a 1234568"
    assert masked("a.b aXb", "a.b", r"\1") == r"\1 aXb"


def test_of_two_who_make_a_key_at_once_both_get_the_first(tmp_path, monkeypatch):
    path, link = tmp_path / "key", os.link
    other = "ab" * 32 + "\n"

    def late(source, target):
        path.write_text(other)  # somebody else was faster
        link(source, target)

    monkeypatch.setattr("os.link", late)
    assert read_or_make_key(path) == bytes.fromhex(other) and path.read_text() == other
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]
