"""Artifacts signed with a site's key: what others put into the database is not loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beamheat_fw.cli import main
from beamheat_fw.errors import InputError, IntegrityError
from beamheat_fw.store.artifacts import fetch_artifact, put_artifact, read_artifact
from beamheat_fw.store.database import Store

CONTENT = b"weights" * 1000


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("k" * 40)
    path.chmod(0o600)
    return path


@pytest.fixture
def keyed(key: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BEAMHEAT_ARTIFACT_KEY", str(key))
    return key


def _is_refused(store: Store, sha256: str, folder: Path, why: str) -> None:
    with pytest.raises(IntegrityError, match=why) as refusal:
        fetch_artifact(store, sha256, folder / "copy", cache=folder / "cache")
    assert "beamheat db sign" in refusal.value.message()
    assert not (folder / "copy").exists()
    with pytest.raises(IntegrityError, match=why):
        read_artifact(store, sha256)


def test_signed_artifact_comes_back(store: Store, keyed: Path, tmp_path: Path) -> None:
    sha256 = put_artifact(store, CONTENT, kind="potential")
    assert fetch_artifact(store, sha256, tmp_path / "copy", cache=tmp_path / "c").read_bytes() == CONTENT
    assert read_artifact(store, sha256) == CONTENT
    assert store.db["artifacts.files"].find_one({})["metadata"]["kind"] == "potential"


def test_unsigned_artifact_is_refused_even_from_the_cache(
    store: Store, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = put_artifact(store, CONTENT)
    fetch_artifact(store, sha256, tmp_path / "before", cache=tmp_path / "cache")
    monkeypatch.setenv("BEAMHEAT_ARTIFACT_KEY", str(key))
    _is_refused(store, sha256, tmp_path, "no signature")
    put_artifact(store, CONTENT)  # made again by whoever has the key
    assert read_artifact(store, sha256) == CONTENT


@pytest.mark.parametrize("forged", ["0" * 64, "", 7, ["x"]])
def test_signature_of_another_is_refused(store: Store, keyed: Path, tmp_path: Path, forged: object) -> None:
    sha256 = put_artifact(store, CONTENT)
    store.db["artifacts.files"].update_one({}, {"$set": {"metadata.hmac_sha256": forged}})
    _is_refused(store, sha256, tmp_path, "signature|not signed")


def test_signature_of_one_artifact_does_not_serve_for_another(
    store: Store, keyed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_artifact(store, CONTENT)
    mark = store.db["artifacts.files"].find_one({})["metadata"]
    monkeypatch.delenv("BEAMHEAT_ARTIFACT_KEY")
    evil = put_artifact(store, b"evil", **mark)
    monkeypatch.setenv("BEAMHEAT_ARTIFACT_KEY", str(keyed))
    _is_refused(store, evil, tmp_path, "not signed")


def test_key_that_others_may_read_or_that_is_short_or_missing_is_refused(store: Store, keyed: Path) -> None:
    keyed.chmod(0o640)
    with pytest.raises(InputError, match="chmod 600"):
        put_artifact(store, CONTENT)
    keyed.chmod(0o600)
    keyed.write_text("short")
    with pytest.raises(InputError, match="32 bytes"):
        put_artifact(store, CONTENT)
    keyed.unlink()
    with pytest.raises(InputError, match="urandom"):
        put_artifact(store, CONTENT)
    assert store.db["artifacts.files"].count_documents({}) == 0


def test_db_sign_takes_in_what_was_there_before_the_key(
    store: Store,
    launchpad_file: Path,
    key: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sha256 = put_artifact(store, CONTENT)
    sign = ["db", "sign", "-l", str(launchpad_file), "--json"]
    assert main.run(sign) == 2
    assert "BEAMHEAT_ARTIFACT_KEY" in capsys.readouterr().err
    monkeypatch.setenv("BEAMHEAT_ARTIFACT_KEY", str(key))
    for options, count, signed in ((["--dry-run"], 1, False), ([], 1, True), ([], 0, True)):
        assert main.run([*sign, *options]) == 0
        assert json.loads(capsys.readouterr().out)["artifacts"] == count
        if signed:
            assert read_artifact(store, sha256) == CONTENT
