"""The database's password stays where it was given: no document, log, file or message repeats it."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote_plus

import pytest
import yaml
from bench_tasks import TellAll
from bson import encode
from fireworks import Firework
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from rocket_bench import Bench, wait_until

from beamheat_fw.cli import main
from beamheat_fw.errors import InputError
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.submission import prepare_launchpad
from beamheat_fw.store.server.launchpad_file import LaunchpadFile, read_launchpad_file
from beamheat_fw.store.server.mongod import REPLICA_SET, arguments, find_mongod, uri

CAMPAIGN = Path(__file__).parents[2] / "workflows" / "emt_au_cu.yaml"
SECRET = "hush-" + secrets.token_hex(8)
NOWHERE = {"uri_mode": True, "host": "mongodb://127.0.0.1:1/"}


@pytest.fixture
def address() -> Iterator[str]:
    """The address of a replica set that asks for a password; its user is `me`."""
    with TemporaryDirectory(prefix="bh-", dir="/tmp") as name:
        folder, socket = Path(name), Path(name) / "m.sock"
        (folder / "db").mkdir()
        (folder / "key").write_text(secrets.token_hex(32))
        (folder / "key").chmod(0o400)
        command = arguments(find_mongod(), folder / "db", socket, folder / "log")
        process = subprocess.Popen(
            [*command, "--auth", "--keyFile", str(folder / "key")], stdout=subprocess.DEVNULL
        )
        try:
            wait_until(socket.exists, "mongod's socket")
            with MongoClient(f"mongodb://{quote_plus(str(socket))}/?directConnection=true") as nobody:
                members = [{"_id": 0, "host": str(socket)}]
                nobody.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
                wait_until(lambda: nobody.admin.command("hello")["isWritablePrimary"], "a primary")
                # Until there is a user, whoever comes through the server's own socket may make one.
                nobody.admin.command("createUser", "me", pwd=SECRET, roles=["root"])
            yield uri(socket)
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def guarded(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench whose launchpad file holds no password; the environment does."""
    path = tmp_path / "my_launchpad.yaml"
    path.write_text(
        yaml.safe_dump(
            {"uri_mode": True, "host": address, "name": "b", "username": "me", "authsource": "admin"}
        )
    )
    monkeypatch.setenv("BEAMHEAT_DB_PASSWORD", SECRET)
    launchpad = SurvivingLaunchPad.from_dict(read_launchpad_file(path).settings | {"strm_lvl": "ERROR"})
    launchpad.allowed_tasks = ("bench_tasks",)
    prepare_launchpad(launchpad)
    bench = Bench(tmp_path, launchpad, path)
    yield bench
    bench.end()
    launchpad.connection.close()


def beamheat(bench: Bench, *arguments: str) -> None:
    """Run a command as its user does, in this process."""
    assert main.run([*arguments, "-l", str(bench.launchpad_file)]) in (0, 1)


def places_of(secret: str, bench: Bench) -> list[str]:
    """Return the documents and files that hold a secret."""
    database = bench.launchpad.db
    documents = [
        f"{name}: {document['_id']}"
        for name in database.list_collection_names()
        for document in database[name].find()
        if secret.encode() in encode(document)
    ]
    files = [path for path in bench.folder.rglob("*") if path.is_file()]
    return documents + [str(path) for path in files if secret.encode() in path.read_bytes()]


def test_password_is_in_no_document_log_file_or_message_of_a_campaign(
    guarded: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(guarded.folder)
    beamheat(guarded, "submit", str(CAMPAIGN))
    spec = {"_add_launchpad_and_fw_id": True}
    told, failed = guarded.add(
        Firework(TellAll(), spec=spec), Firework(TellAll(fail=True), spec=spec), name="b"
    )
    assert guarded.rlaunch("rapidfire", "--nlaunches", "5").wait(240) == 0, guarded.log()
    assert (guarded.state(told), guarded.state(failed)) == ("COMPLETED", "FIZZLED")
    assert guarded.launchpad.db["labels"].count_documents({}) > 0
    for command in (["status", "--json"], ["doctor"], ["resubmit", "--dry-run"], ["find", "labels"]):
        beamheat(guarded, *command)
    assert "mongodb://" in guarded.log()  # what is searched does hold the settings
    said = capsys.readouterr()
    assert "emt_au_cu" in said.out
    assert SECRET not in said.out + said.err
    assert places_of(SECRET, guarded) == []
    (guarded.folder / "planted").write_text(SECRET)
    assert places_of(SECRET, guarded) == [str(guarded.folder / "planted")]


def test_refused_password_is_not_repeated(
    guarded: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEAMHEAT_DB_PASSWORD", f"wrong-{SECRET}")
    assert main.run(["status", "-l", str(guarded.launchpad_file)]) == 2
    assert SECRET not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "settings",
    [
        {"username": "me", "password": SECRET},
        {"uri_mode": True, "host": f"mongodb://me:{SECRET}@127.0.0.1:1/"},
        {**NOWHERE, "username": "me", "password": SECRET},
        {**NOWHERE, "mongoclient_kwargs": {"username": "me", "password": SECRET}},
    ],
)
def test_launchpad_describes_itself_without_the_password(settings: dict[str, object]) -> None:
    impatient = {
        "serverSelectionTimeoutMS": 1,
        "connect": False,
        **(settings.get("mongoclient_kwargs") or {}),
    }  # type: ignore[dict-item]
    try:
        launchpad = SurvivingLaunchPad.from_dict(
            {"port": 1, "name": "b", **settings, "mongoclient_kwargs": impatient}
        )
    except PyMongoError as error:
        pytest.fail(f"connects at once: {error}")
    assert launchpad.to_dict()["name"] == "b"
    assert SECRET not in f"{launchpad.to_dict()} {launchpad!r} {launchpad}"
    launchpad.connection.close()


@pytest.mark.parametrize("before", ["%zz", "/", ":", "@", "?"])
def test_badly_escaped_password_is_not_repeated(before: str) -> None:
    host = f"mongodb://me:x{before}{SECRET}@127.0.0.1:1/"
    file = LaunchpadFile(Path("pad.yaml"), {"uri_mode": True, "host": host, "name": "b"})
    with pytest.raises(InputError, match="escaping") as refusal:
        file.client()
    assert SECRET not in refusal.value.message()


@pytest.mark.parametrize(
    "line",
    [
        "password: *{}",
        "password: !{} x",
        "password: '{}",
        "password: {}: x",
        "password: @{}",
        "password: [{}",
    ],
)
def test_broken_line_with_the_password_is_not_quoted(line: str, tmp_path: Path) -> None:
    path = tmp_path / "pad.yaml"
    path.write_text(f"name: x\n{line.format(SECRET)}\n")
    path.chmod(0o600)
    with pytest.raises(InputError, match="line") as refusal:
        read_launchpad_file(path)
    assert SECRET not in refusal.value.message()
