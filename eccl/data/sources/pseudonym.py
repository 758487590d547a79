"""Names of participants that stand in a cohort for numbers which may not be shown, made with a secret key."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
from pathlib import Path

from eccl.files import replacing
from eccl.records import DataError

KEY_BYTES = 32
DIGITS = 16  # hexadecimal, of a pseudonym: among 500,000 people, two share one with a chance of 1 in 10^8

log = logging.getLogger(__name__)


def read_or_make_key(path: Path | str) -> bytes:
    """The key in a file, 32 bytes, written as 64 hexadecimal digits; made at random if there is no such file.

    The file can be read by its owner alone. Keep it: with another key the same people get other names. Do not share it
    with the cohort: whoever has it can find out who is who.

    Raises
    ------
    DataError
        If the file holds no key, or cannot be read or written.
    """
    path = Path(path)
    if not path.exists():
        with replacing(path) as beside:
            beside.unlink(missing_ok=True)  # what a killed run left
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(KEY_BYTES) + "\n")
            try:
                os.link(beside, path)
            except FileExistsError:  # somebody else has made one meanwhile: theirs is the key
                beside.write_bytes(path.read_bytes())
    try:
        with open(path, "rb") as file:
            text = file.read(2 * KEY_BYTES + 3).strip()
        shared = path.stat().st_mode & 0o077
    except OSError as error:
        raise DataError(
            f"the key cannot be read ({error.strerror})", source=path, remedy="put the key of this cohort back"
        ) from error
    if re.fullmatch(rb"[0-9a-f]{%d}" % (2 * KEY_BYTES), text) is None:
        raise DataError(
            f"no key is in this file, which is {2 * KEY_BYTES} hexadecimal digits",
            source=path,
            remedy="put the key of this cohort back, or remove the file and make the cohort anew",
        )
    if shared:
        log.warning("%s can be read by others than its owner; close it with chmod 600", path)
    return bytes.fromhex(text.decode("ascii"))


def pseudonym(participant: str, key: bytes, prefix: str = "ukb") -> str:
    """A name for a participant, such as ukb-3f9a0c2b71de4a55: letters, digits and - alone, the same for the same key.

    It is a keyed hash (BLAKE2b). A plain hash would hide nothing: a number of seven digits is found by hashing all ten
    million.

    Parameters
    ----------
    participant : str
        Number as the source writes it.
    key : bytes
        32 bytes of `read_or_make_key`.
    prefix : str
        What the name begins with.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"the key has {len(key)} bytes, not {KEY_BYTES}")
    return f"{prefix}-{hashlib.blake2b(participant.encode(), key=key, digest_size=DIGITS // 2).hexdigest()}"


def masked(text: str, participant: str, name: str) -> str:
    """The text with the pseudonym in place of the participant's number wherever it stands, also in a longer number."""
    return text.replace(participant, name)
