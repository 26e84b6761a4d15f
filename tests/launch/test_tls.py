"""A server that asks for TLS and a client's certificate: the launchpad file's options reach every process."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from bench_tasks import Sleep
from fireworks import Firework
from pymongo import MongoClient
from rocket_bench import Bench, wait_until

from beamheat_fw.cli import main
from beamheat_fw.errors import InputError
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.submission import prepare_launchpad
from beamheat_fw.store.server.launchpad_file import open_store, read_launchpad_file
from beamheat_fw.store.server.mongod import find_mongod

pytestmark = pytest.mark.mongod


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def certify(folder: Path) -> None:
    """Make a certificate authority, and from it a server's and a client's certificate with its key."""
    subject, new = (
        ["-subj", "/CN=test authority"],
        ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    )
    openssl(folder, *new, "-x509", "-nodes", "-days", "2", *subject, "-keyout", "ca.key", "-out", "ca.pem")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl(
            folder, *new, "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr"
        )
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"]
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.crt")
        pair = (folder / f"{name}.crt").read_text() + (folder / f"{name}.key").read_text()
        (folder / f"{name}.pem").write_text(pair)


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[Path, str]]:
    """A folder of certificates, and the address of a replica set that takes nobody without them."""
    with TemporaryDirectory(prefix="bh-", dir="/tmp") as name:
        folder = Path(name)
        certify(folder)
        (folder / "db").mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [
                *(str(find_mongod()), "--dbpath", str(folder / "db"), "--replSet", "tls"),
                *("--bind_ip", "127.0.0.1", "--port", str(port), "--unixSocketPrefix", str(folder)),
                *("--tlsMode", "requireTLS", "--tlsCAFile", str(folder / "ca.pem")),
                *("--tlsCertificateKeyFile", str(folder / "server.pem")),
                *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"),
            ],
            stdout=(folder / "log").open("wb"),
        )
        try:
            files = {"tlsCAFile": str(folder / "ca.pem"), "tlsCertificateKeyFile": str(folder / "client.pem")}
            with MongoClient("127.0.0.1", port, tls=True, directConnection=True, **files) as client:
                members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
                client.admin.command("replSetInitiate", {"_id": "tls", "members": members})
                wait_until(lambda: client.admin.command("hello")["isWritablePrimary"], "a primary")
            yield folder, f"mongodb://127.0.0.1:{port}/?replicaSet=tls"
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def bench(guarded: tuple[Path, str], tmp_path: Path) -> Iterator[Bench]:
    """A bench whose launchpad file names the certificates from its own folder, as a user's does."""
    certificates, address = guarded
    (tmp_path / "tls").symlink_to(certificates)
    options = {"tls": True, "tlsCAFile": "tls/ca.pem", "tlsCertificateKeyFile": "tls/client.pem"}
    path = tmp_path / "my_launchpad.yaml"
    settings = {
        "uri_mode": True,
        "host": address,
        "name": f"b_{tmp_path.name}",
        "mongoclient_kwargs": options,
    }
    path.write_text(yaml.safe_dump(settings))
    launchpad = SurvivingLaunchPad.from_dict(read_launchpad_file(path).settings | {"strm_lvl": "ERROR"})
    prepare_launchpad(launchpad)
    bench = Bench(tmp_path, launchpad, path)
    yield bench
    bench.end()
    launchpad.connection.close()


def test_worker_status_doctor_and_qlaunch_speak_tls(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.folder / "elsewhere").mkdir()
    monkeypatch.chdir(bench.folder / "elsewhere")
    ids = bench.add(parent := Firework(Sleep()), Firework(Sleep(), parents=[parent]))
    assert bench.rlaunch("rapidfire").wait(60) == 0, bench.log()
    assert [bench.state(fw_id) for fw_id in ids] == ["COMPLETED", "COMPLETED"]
    options = ["-l", str(bench.launchpad_file)]
    assert main.run(["status", *options]) == 0
    assert main.run(["doctor", *options, "-w", str(bench.worker_file())]) == 0
    # It gets as far as looking for a queue.
    adapter = Path(__file__).parents[2] / "launchers" / "my_qadapter_slurm.yaml"
    files = [*options, "-w", str(bench.worker_file()), "-q", str(adapter)]
    monkeypatch.setenv("PATH", "/nowhere")
    assert main.run(["qlaunch", *files, "rapidfire"]) == 2
    assert "no queue here" in capsys.readouterr().err


def test_server_refuses_who_lacks_a_certificate(bench: Bench) -> None:
    settings = yaml.safe_load(bench.launchpad_file.read_text())
    del settings["mongoclient_kwargs"]["tlsCertificateKeyFile"]
    bench.launchpad_file.write_text(yaml.safe_dump(settings))
    with pytest.raises(InputError, match="does not answer"):
        open_store(bench.launchpad_file)


def test_missing_file_is_named(bench: Bench) -> None:
    settings = yaml.safe_load(bench.launchpad_file.read_text())
    settings["mongoclient_kwargs"]["tlsCAFile"] = "tls/other.pem"
    bench.launchpad_file.write_text(yaml.safe_dump(settings))
    with pytest.raises(InputError, match=r"tls/other\.pem"):
        read_launchpad_file(bench.launchpad_file)


def test_password_of_the_key_is_not_left_open_to_others(bench: Bench) -> None:
    settings = yaml.safe_load(bench.launchpad_file.read_text())
    settings["mongoclient_kwargs"]["tlsCertificateKeyFilePassword"] = "hush"
    bench.launchpad_file.write_text(yaml.safe_dump(settings))
    bench.launchpad_file.chmod(0o644)
    with pytest.raises(InputError, match="others may read it"):
        read_launchpad_file(bench.launchpad_file)
    bench.launchpad_file.chmod(0o600)
    assert read_launchpad_file(bench.launchpad_file).settings["mongoclient_kwargs"]["tls"] is True
