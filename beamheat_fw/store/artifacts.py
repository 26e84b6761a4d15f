"""Artifacts: files too large for a document, in GridFS under their sha256, checked whenever they are read."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from gridfs.errors import CorruptGridFile, FileExists

from beamheat_fw.errors import InputError, IntegrityError, StoreError
from beamheat_fw.identity import bytes_sha256, file_sha256
from beamheat_fw.store.signatures import FIELD, check_signature, signature, site_key

if TYPE_CHECKING:
    from gridfs import GridFSBucket

    from beamheat_fw.store.database import Store

BUCKET: Final = "artifacts"
_BLOCK: Final = 1 << 20


def put_artifact(store: Store, source: Path | bytes, **metadata: Any) -> str:
    """Save a file or bytes; return the sha256, under which the content is stored once.

    Parameters
    ----------
    source : Path or bytes
    **metadata
        What it is, for people and queries, such as ``kind='checkpoint'``.

    Raises
    ------
    InputError
        The file cannot be read.
    IntegrityError
        The file changed while it was read.
    """
    if isinstance(source, bytes):
        sha256 = bytes_sha256(source)
    elif source.is_file():
        sha256 = file_sha256(source)
    else:
        raise InputError("There is no file to save", "Give the path of a file.", {"path": str(source)})
    key = site_key()
    mark = {FIELD: signature(key, sha256)} if key else {}
    if not _need_again(store, sha256):
        _upload(store, source, sha256, {**metadata, **mark})
    if mark:  # what is here is trusted, whoever saved the same before
        store.db[f"{BUCKET}.files"].update_one(
            {"filename": sha256}, {"$set": {f"metadata.{FIELD}": mark[FIELD]}}
        )
    return sha256


def has_artifact(store: Store, sha256: str) -> bool:
    """Return whether the content of this hash is in the database, whole."""
    return store.db[f"{BUCKET}.files"].find_one({"filename": sha256}, {"_id": 1}) is not None


def fetch_artifact(store: Store, sha256: str, destination: Path, cache: Path | None = None) -> Path:
    """Write an artifact to a file; the file appears whole or not at all.

    Parameters
    ----------
    sha256 : str
    destination : Path
        The file; one that has this content already is left alone.
    cache : Path, optional
        The folder of this machine's copies; `default_cache()` when not given.

    Raises
    ------
    StoreError
        No artifact has this hash.
    IntegrityError
        Its content in the database is cut short or altered, or this site's key has not signed it.
    """
    if site_key():  # a copy here may be older than the key
        _find(store, sha256)
    if destination.is_file() and file_sha256(destination) == sha256:
        return destination
    copy = (cache or default_cache()) / sha256[:2] / sha256
    if not copy.is_file() or file_sha256(copy) != sha256:
        _write_whole(copy, sha256, lambda target: _read(store, sha256, target))
    with copy.open("rb") as stream:
        _write_whole(destination, sha256, lambda target: shutil.copyfileobj(stream, target, _BLOCK))
    return destination


def read_artifact(store: Store, sha256: str) -> bytes:
    """Return a small artifact's content; raises as `fetch_artifact`."""
    content = io.BytesIO()
    _read(store, sha256, content)
    if bytes_sha256(content.getvalue()) != sha256:
        raise _altered(sha256)
    return content.getvalue()


def artifacts_size(store: Store, sha256s: Sequence[str]) -> int:
    """Return the bytes of those of some artifacts that are there."""
    found = store.db[f"{BUCKET}.files"].find({"filename": {"$in": list(sha256s)}}, {"length": 1})
    return sum(file["length"] for file in found)


def remove_artifact(store: Store, sha256: str) -> None:
    """Remove content that nothing needs any more; nothing happens where it is gone already."""
    for found in store.db[f"{BUCKET}.files"].find({"filename": sha256}, {"_id": 1}):
        store.db[f"{BUCKET}.files"].delete_one(found)
        store.db[f"{BUCKET}.chunks"].delete_many({"files_id": found["_id"]})


def default_cache() -> Path:
    """Return ``$BEAMHEAT_CACHE``, else ``beamheat/artifacts`` below ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if folder := os.environ.get("BEAMHEAT_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "beamheat" / "artifacts"


def _bucket(store: Store) -> GridFSBucket:
    from gridfs import GridFSBucket

    return GridFSBucket(store.db, BUCKET)


def _need_again(store: Store, sha256: str) -> bool:
    """Tell whether an artifact is there, and keep it from being pruned as one that nobody needs."""
    now = datetime.now(UTC)
    found = store.db[f"{BUCKET}.files"].update_one({"filename": sha256}, {"$set": {"uploadDate": now}})
    return bool(found.matched_count)


def _upload(store: Store, source: Path | bytes, sha256: str, metadata: Mapping[str, Any]) -> None:
    # Each upload has an id of its own and the file name is unique: of two that race one wins, and chunks left
    # by one that was killed never stand in the way.
    bucket = _bucket(store)
    digest = hashlib.sha256()
    stream = bucket.open_upload_stream(sha256, metadata=dict(metadata))
    try:
        for block in _blocks(source):
            digest.update(block)
            stream.write(block)
        if digest.hexdigest() != sha256:
            stream.abort()
            raise IntegrityError(
                "A file changed while it was saved", "Save it once it is finished.", {"file": str(source)}
            )
        stream.close()
    except FileExists:
        store.db[f"{BUCKET}.chunks"].delete_many({"files_id": stream._id})


def _blocks(source: Path | bytes) -> Any:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def _read(store: Store, sha256: str, target: IO[bytes]) -> None:
    found = _find(store, sha256)
    try:
        _bucket(store).download_to_stream(found["_id"], target)
    except CorruptGridFile:
        raise _altered(sha256) from None


def _find(store: Store, sha256: str) -> dict[str, Any]:
    """Return the file's document, its signature checked."""
    found = store.db[f"{BUCKET}.files"].find_one({"filename": sha256}, {"metadata": 1})
    if found is None:
        raise _missing(sha256)
    check_signature(site_key(), sha256, found)
    return found


def _write_whole(destination: Path, sha256: str, write: Callable[[IO[bytes]], None]) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=destination.parent, suffix=".tmp", delete=False) as target:
        temporary = Path(target.name)
        try:
            write(target)
            target.flush()
            os.fsync(target.fileno())
            if file_sha256(temporary) != sha256:
                raise _altered(sha256)
            temporary.replace(destination)
        finally:
            temporary.unlink(missing_ok=True)


def _missing(sha256: str) -> StoreError:
    return StoreError("No artifact has this hash", "Run again what made it.", {"sha256": sha256})


def _altered(sha256: str) -> IntegrityError:
    return IntegrityError(
        "An artifact does not have the content its hash promises",
        "Delete it from artifacts.files and run again what made it.",
        {"sha256": sha256},
    )
