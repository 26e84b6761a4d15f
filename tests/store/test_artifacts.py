"""Artifacts: stored once, whole or not at all, checked when read."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from beamheat_fw.errors import InputError, IntegrityError, StoreError
from beamheat_fw.identity import bytes_sha256
from beamheat_fw.store.artifacts import fetch_artifact, has_artifact, put_artifact, read_artifact
from beamheat_fw.store.database import Store

CONTENT = os.urandom(700_000)


def test_file_comes_back_as_it_went(store: Store, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(CONTENT)
    sha256 = put_artifact(store, tmp_path / "model", kind="potential")
    assert sha256 == bytes_sha256(CONTENT)
    fetched = fetch_artifact(store, sha256, tmp_path / "far" / "copy", cache=tmp_path / "cache")
    assert fetched.read_bytes() == CONTENT == read_artifact(store, sha256)
    assert store.db["artifacts.files"].find_one({"filename": sha256})["metadata"] == {"kind": "potential"}


def test_same_content_is_stored_once_even_in_a_race(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(lambda _: put_artifact(store, CONTENT), range(8)))
    assert len(ids) == 1
    assert store.db["artifacts.files"].count_documents({}) == 1
    chunks = store.db["artifacts.chunks"]
    assert len(chunks.distinct("files_id")) == 1
    assert read_artifact(store, ids.pop()) == CONTENT


def test_remains_of_a_killed_upload_do_not_hinder_the_next(store: Store) -> None:
    from gridfs import GridFSBucket

    upload = GridFSBucket(store.db, "artifacts").open_upload_stream(bytes_sha256(CONTENT))
    upload.write(CONTENT)
    assert not has_artifact(store, bytes_sha256(CONTENT))
    assert read_artifact(store, put_artifact(store, CONTENT)) == CONTENT


@pytest.mark.parametrize("damage", ["altered", "cut short", "without chunks"])
def test_damaged_content_is_never_handed_out(store: Store, tmp_path: Path, damage: str) -> None:
    sha256 = put_artifact(store, CONTENT)
    chunks = store.db["artifacts.chunks"]
    if damage == "altered":
        chunks.update_one({"n": 0}, {"$set": {"data": bytes(len(chunks.find_one({"n": 0})["data"]))}})
    elif damage == "cut short":
        chunks.delete_one({"n": 2})
    else:
        chunks.delete_many({})
    with pytest.raises(IntegrityError):
        fetch_artifact(store, sha256, tmp_path / "copy", cache=tmp_path / "cache")
    with pytest.raises(IntegrityError):
        read_artifact(store, sha256)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_damaged_cache_is_replaced(store: Store, tmp_path: Path) -> None:
    sha256 = put_artifact(store, CONTENT)
    fetch_artifact(store, sha256, tmp_path / "one", cache=tmp_path / "cache")
    cached = tmp_path / "cache" / sha256[:2] / sha256
    cached.write_bytes(b"truncated")
    assert fetch_artifact(store, sha256, tmp_path / "two", cache=tmp_path / "cache").read_bytes() == CONTENT
    assert cached.read_bytes() == CONTENT


def test_cached_artifact_needs_no_database(store: Store, tmp_path: Path) -> None:
    sha256 = put_artifact(store, CONTENT)
    fetch_artifact(store, sha256, tmp_path / "one", cache=tmp_path / "cache")
    store.db["artifacts.chunks"].delete_many({})
    assert fetch_artifact(store, sha256, tmp_path / "two", cache=tmp_path / "cache").read_bytes() == CONTENT


def test_missing_things_are_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No artifact"):
        fetch_artifact(store, "0" * 64, tmp_path / "copy", cache=tmp_path / "cache")
    with pytest.raises(InputError, match="no file"):
        put_artifact(store, tmp_path / "none")
