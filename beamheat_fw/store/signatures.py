"""Signatures of artifacts: who can write to the database, but has not the site's key, cannot slip a file in.

A hash says that content is whole, not whose it is; models are unpickled by the codes that load them. Where
``$BEAMHEAT_ARTIFACT_KEY`` names a key file, every artifact is signed as it is saved, and checked before
anything of it is read. The signature is the HMAC-SHA256 of the content's SHA-256, which is checked against
the content itself.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from beamheat_fw.errors import InputError, IntegrityError

if TYPE_CHECKING:
    from beamheat_fw.store.database import Store

KEY_VARIABLE: Final = "BEAMHEAT_ARTIFACT_KEY"
#: In the metadata of an artifact's file.
FIELD: Final = "hmac_sha256"
#: What the key signs here, should a site use it elsewhere too.
_PURPOSE: Final = b"beamheat artifact "
_SHORTEST_KEY: Final = 32
_HOW_TO_MAKE: Final = "Make one with: (umask 077; head -c 32 /dev/urandom | base64 > FILE)."


def site_key() -> bytes | None:
    """Return the site's key, or None where there is none.

    Raises
    ------
    InputError
        The file cannot be read, others may read it, or the key is too short.
    """
    named = os.environ.get(KEY_VARIABLE)
    if not named:
        return None
    try:
        others = Path(named).stat().st_mode & 0o077
        key = Path(named).read_bytes().strip()
    except OSError as error:
        raise _unusable(named, error.strerror or "it cannot be read") from None
    if others:
        raise _unusable(named, "others may read it")
    if len(key) < _SHORTEST_KEY:
        raise _unusable(named, f"it holds fewer than {_SHORTEST_KEY} bytes")
    return key


def signature(key: bytes, sha256: str) -> str:
    """Return the signature of the content that has this SHA-256, as hexadecimal digits."""
    return hmac.new(key, _PURPOSE + sha256.encode(), hashlib.sha256).hexdigest()


def check_signature(key: bytes | None, sha256: str, file: Mapping[str, Any]) -> None:
    """Refuse an artifact that this site has not signed; without a key everything passes.

    Parameters
    ----------
    key : bytes or None
    sha256 : str
    file : mapping
        The artifact's document in GridFS.

    Raises
    ------
    IntegrityError
        It carries no signature, or one of another key.
    """
    if key is None:
        return
    found = (file.get("metadata") or {}).get(FIELD)
    if not isinstance(found, str) or not hmac.compare_digest(found.encode(), signature(key, sha256).encode()):
        raise IntegrityError(
            "An artifact is not signed with this site's key" if found else "An artifact carries no signature",
            "Run again what made it where the key is set; or, if you trust whoever could write to the "
            "database so far, sign all there is: beamheat db sign.",
            {"sha256": sha256, "key": os.environ.get(KEY_VARIABLE)},
        )


def sign_all(store: Store, *, dry_run: bool = False) -> int:
    """Sign every artifact that this site's key has not signed; return how many.

    Raises
    ------
    InputError
        There is no key, or it cannot be used.
    """
    key = site_key()
    if key is None:
        raise InputError("There is no key to sign with", f"Set {KEY_VARIABLE} to a key file. {_HOW_TO_MAKE}")
    files, signed = store.db["artifacts.files"], 0
    for file in files.find({}, {"filename": 1, f"metadata.{FIELD}": 1}):
        right = signature(key, file["filename"])
        if (file.get("metadata") or {}).get(FIELD) == right:
            continue
        signed += 1
        if not dry_run:
            files.update_one({"_id": file["_id"]}, {"$set": {f"metadata.{FIELD}": right}})
    return signed


def _unusable(named: str, reason: str) -> InputError:
    fix = f"chmod 600 {named}" if reason.startswith("others") else _HOW_TO_MAKE
    return InputError("The key of artifacts cannot be used", fix, {KEY_VARIABLE: named, "reason": reason})
