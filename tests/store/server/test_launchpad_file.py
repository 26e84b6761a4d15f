"""Which database is meant, and what is said when it is not there."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote_plus

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from beamheat_fw.campaign import load_campaign
from beamheat_fw.cli.main import run
from beamheat_fw.errors import InputError
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.store.campaigns import (
    begin_round,
    find_campaign,
    find_campaigns,
    save_campaign,
    set_campaign_state,
)
from beamheat_fw.store.database import Store
from beamheat_fw.store.server.embedded import EmbeddedServer
from beamheat_fw.store.server.launchpad_file import (
    find_launchpad_file,
    home_folder,
    open_store,
    read_launchpad_file,
)
from beamheat_fw.store.server.mongod import find_mongod

WORKFLOWS = Path(__file__).resolve().parents[3] / "workflows"
GUIDE = Path(__file__).resolve().parents[3] / "docs" / "clusters.md"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("BEAMHEAT_LAUNCHPAD", raising=False)
    (tmp_path / "my_launchpad.yaml").write_text("host: site.example\nname: beamheat\n")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    return tmp_path


def test_option_then_environment_then_root_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = home / "other.yaml"
    other.write_text("host: x\nname: y\n")
    assert home_folder() == home
    assert find_launchpad_file() == home / "my_launchpad.yaml"
    monkeypatch.setenv("BEAMHEAT_LAUNCHPAD", str(other))
    assert find_launchpad_file() == other
    assert find_launchpad_file(home / "my_launchpad.yaml") == home / "my_launchpad.yaml"
    with pytest.raises(InputError, match="no launchpad file"):
        find_launchpad_file(home / "none.yaml")


def test_embedded_server_is_meant_while_it_runs(
    home: Path, mongod: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".beamheat").mkdir()
    (home / ".beamheat" / "my_launchpad.yaml").write_text("of a server that does not run")
    assert find_launchpad_file() == home / "my_launchpad.yaml"
    with TemporaryDirectory(dir="/tmp") as served:
        (Path(served) / ".beamheat").symlink_to(mongod.folder)
        monkeypatch.chdir(served)
        assert find_launchpad_file() == Path(served) / ".beamheat" / "my_launchpad.yaml"
        monkeypatch.chdir(home)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2]", "no mapping"),
        ("host: [", "expected the node content"),
        ("hots: x", "hots"),
        ("uri_mode: true\nhost: mongodb://x/", "name"),
        ("\x00", "launchpad file"),
    ],
)
def test_unusable_file_is_named_with_the_reason(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "pad.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_launchpad_file(path)


def test_password_comes_from_the_environment_and_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pad.yaml"
    path.write_text("host: site.example\nname: beamheat\nusername: me\n")
    monkeypatch.setenv("BEAMHEAT_DB_PASSWORD", "secret")
    file = read_launchpad_file(path)
    assert file.settings["password"] == "secret"
    assert "secret" not in repr(file)
    assert "secret" not in repr(file.client())


@pytest.mark.parametrize("host", ["mongodb://%2Ftmp%2Fnobody-listens.sock/", "mongodb://127.0.0.1:1/"])
def test_unreachable_database_is_told_within_three_seconds(tmp_path: Path, host: str) -> None:
    path = tmp_path / "pad.yaml"
    path.write_text(f"uri_mode: true\nhost: {host}\nname: x\n")
    start = time.monotonic()
    with pytest.raises(InputError, match="does not answer"):
        open_store(path)
    assert time.monotonic() - start < 3.5


def test_opened_store_is_the_one_fireworks_uses(launchpad_file: Path, store: Store) -> None:
    assert open_store(launchpad_file).db.name == store.db.name


def test_campaign_is_one_however_often_it_is_saved(store: Store) -> None:
    campaign = load_campaign(WORKFLOWS / "quickstart.yaml")
    assert save_campaign(store, campaign)
    set_campaign_state(store, campaign.campaign_id, "paused", "lunch")
    begin_round(store, campaign.campaign_id, 2)
    begin_round(store, campaign.campaign_id, 1)
    assert not save_campaign(store, campaign)
    for wanted in (
        campaign.name,
        campaign.campaign_id,
        campaign.campaign_id[:8],
        str(WORKFLOWS / "quickstart.yaml"),
    ):
        found = find_campaign(store, wanted)
        assert (found.id, found.state, found.current_round) == (campaign.campaign_id, "paused", 2)
    assert [each.id for each in find_campaigns(store)] == [campaign.campaign_id]


@pytest.mark.parametrize("wanted", ["nobody", "ab", ".*", "none.yaml"])
def test_campaign_that_is_not_there_is_named(store: Store, wanted: str) -> None:
    with pytest.raises(InputError, match=wanted.replace(".*", r"\.\*")):
        find_campaign(store, wanted)


def test_newest_campaign_of_a_name_is_meant(store: Store) -> None:
    campaign = load_campaign(WORKFLOWS / "quickstart.yaml")
    edited = campaign.model_copy(update={"seed": 99})
    save_campaign(store, campaign)
    save_campaign(store, edited)
    assert find_campaign(store, campaign.name).id == edited.campaign_id != campaign.campaign_id


@contextmanager
def _server(folder: Path, *options: str) -> Iterator[str]:
    program = [str(find_mongod()), "--dbpath", str(folder), "--bind_ip", f"{folder}/g.sock"]
    quiet = ["--unixSocketPrefix", str(folder), "--logpath", str(folder / "log")]
    process = subprocess.Popen([*program, *quiet, *options], stdout=subprocess.DEVNULL)
    try:
        yield f"mongodb://{quote_plus(f'{folder}/g.sock')}/?directConnection=true"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """The address of a server that asks for passwords.

    Its user `reader` may only read, `keeper` may write, and `guide` has the roles that the guide names.
    """
    with TemporaryDirectory(prefix="bh-", dir="/tmp") as folder:
        with (
            _server(Path(folder)) as address,
            MongoClient(address, serverSelectionTimeoutMS=20_000) as client,
        ):
            for name, role in (("reader", "read"), ("keeper", "readWrite")):
                roles = [{"role": role, "db": "beamheat"}]
                client.admin.command("createUser", name, pwd="right", roles=roles)
            named = re.findall(r'role: "(\w+)", db: "beamheat"', GUIDE.read_text(encoding="utf-8"))
            roles = [{"role": role, "db": "beamheat"} for role in named]
            client.admin.command("createUser", "guide", pwd="right", roles=roles)
        with _server(Path(folder), "--auth") as address:
            with MongoClient(address, serverSelectionTimeoutMS=20_000) as client:
                client.admin.command("ping")
            yield address


@pytest.mark.parametrize("password", ["wrong", "right"])
def test_user_who_may_not_write_is_told_so(
    guarded: str, password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pad.yaml"
    path.write_text(f"uri_mode: true\nhost: {guarded}\nname: beamheat\nusername: reader\nauthsource: admin\n")
    monkeypatch.setenv("BEAMHEAT_DB_PASSWORD", password)
    with pytest.raises(InputError, match="refuses this user") as refusal:
        open_store(path, to_write=True)
    assert password not in refusal.value.message()


def test_migration_by_a_user_who_may_only_read_is_refused_and_a_dry_run_is_not(
    guarded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "pad.yaml"
    path.write_text(f"uri_mode: true\nhost: {guarded}\nname: beamheat\nauthsource: admin\n")
    older = {"_id": "d", "schema_version": 1, "split": {"train": ["l"]}, "label_ids": ["l"]}
    older |= {"settings_hash": "s", "level": "emt", "elements": ["Au"], "nlabels": 1}
    with MongoClient(guarded, username="keeper", password="right") as client:
        client["beamheat"]["datasets"].replace_one({"_id": "d"}, older, upsert=True)
        monkeypatch.setenv("BEAMHEAT_DB_USERNAME", "reader")
        monkeypatch.setenv("BEAMHEAT_DB_PASSWORD", "right")
        try:
            assert run(["db", "migrate", "--dry-run", "-l", str(path)]) == 0
            assert "1 datasets would be rewritten" in capsys.readouterr().out
            assert run(["db", "migrate", "-l", str(path)]) == 2
            assert client["beamheat"]["datasets"].find_one() == older
        finally:
            client["beamheat"]["datasets"].drop()
    message = capsys.readouterr().err
    assert "The database refuses this user" in message
    assert "BEAMHEAT_DB_USERNAME" in message
    assert message.count("\n") == 1


def test_rockets_log_in_with_what_the_environment_says(
    guarded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pad.yaml"
    path.write_text(f"uri_mode: true\nhost: {guarded}\nname: beamheat\n")
    with pytest.raises(OperationFailure):
        SurvivingLaunchPad.from_dict(read_launchpad_file(path).settings).fireworks.find_one({})
    monkeypatch.setenv("BEAMHEAT_DB_USERNAME", "reader")
    monkeypatch.setenv("BEAMHEAT_DB_PASSWORD", "right")
    launchpad = SurvivingLaunchPad.from_dict(read_launchpad_file(path).settings)
    assert launchpad.fireworks.find_one({}) is None


def test_the_roles_that_the_guide_names_suffice_to_bring_the_schema_up_to_date(
    guarded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pad.yaml"
    path.write_text(f"uri_mode: true\nhost: {guarded}\nname: beamheat\n")
    monkeypatch.setenv("BEAMHEAT_DB_PASSWORD", "right")
    with MongoClient(guarded, username="guide", password="right") as client:
        database = client["beamheat"]
        database.drop_collection("labels")
        database.create_collection("labels", validator={"_id": {"$exists": True}})
        try:
            monkeypatch.setenv("BEAMHEAT_DB_USERNAME", "keeper")
            with pytest.raises(InputError, match="refuses this user"):
                open_store(path, to_write=True)
            monkeypatch.setenv("BEAMHEAT_DB_USERNAME", "guide")
            open_store(path, to_write=True).db.client.close()
            (labels,) = database.list_collections(filter={"name": "labels"})
            assert "$jsonSchema" in labels["options"]["validator"]
        finally:
            client.drop_database("beamheat")
