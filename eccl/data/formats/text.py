"""Text of a file that does not say how it is encoded."""

from __future__ import annotations

import codecs

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def encoding_of(content: bytes) -> str:
    """What a text is encoded in: as its mark says, in UTF-8 if it can be, else in Latin-1 (micro is one byte)."""
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return encoding
    try:
        codecs.utf_8_decode(content, "strict", True)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def decoded(content: bytes) -> str:
    """The text, in the encoding that `encoding_of` finds; what is damaged becomes a mark of replacement."""
    return content.decode(encoding_of(content), errors="replace")
