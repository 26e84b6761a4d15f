"""Every indented line of code in README and guides runs in a folder like a user's, or says why it cannot."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write
from fireworks import LaunchPad

from beamheat_fw.cli.main import run
from beamheat_fw.store.database import Store
from tests.docs.test_pages_run import PAGES as RUN_AS_PROGRAMS
from tests.docs.test_pages_run import ROOT, blocks
from tests.store.conftest import Finished
from tests.store.conftest import finished as finished

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
#: Languages of fenced blocks: what runs them.
RUNNERS = {
    "python": "tests/docs/test_pages_run.py; in database.md tests/store/test_documented_queries.py and here",
    "sh": "tests/docs/test_pages_run.py; in database.md here",
    "text": "compared with what the page prints",
    "bash": "tests/store/test_documented_queries.py",
    "javascript": "read by tests/store/test_documented_queries.py",
    "{toctree}": "tests/docs/test_site.py",
    "{eval-rst}": "tests/docs/test_site.py",
}
#: Beginnings of lines that no test can run as they stand, and why.
EXCEPTIONS = {
    "make ": "is the set-up or the tests themselves",
    "source ": "changes the shell; tests/cli/test_store_commands.py works in the folder that it leads to",
    "lpad get_wflows": "needs that shell; so does the same test",
    "beamheat run    workflows/quickstart.yaml": "is `make demo`: a quarter of an hour of GPAW",
    "openssl ": "is for the database's machine; tests/clusters/private_mongod.py starts one like it",
    "mongod ": "is for the database's machine; tests/clusters/private_mongod.py starts one like it",
    "export BEAMHEAT_ARTIFACT_KEY": "changes the shell; tests/store/test_signatures.py sets it",
    "beamheat qlaunch": "needs a cluster; tests/clusters/test_qlaunch.py has one",
    "beamheat rlaunch": "works until it is ended; tests/clusters and tests/launch start and end it",
    "beamheat submit workflows/au_hbn.yaml -l my_launchpad.yaml --max-core-hours": (
        "stands for the same line without a bound; tests/doctor/test_core_hours.py submits so"
    ),
    "beamheat check  workflows/au_hbn.yaml": "needs the cluster's server; tests/clusters has one",
    "beamheat eels map.dm4": "reads a map of the reader's own; tests/cli/test_eels_command.py simulates one",
    "beamheat check my_campaign.yaml --": "calculates for minutes; tests/cli/test_check_studies.py does",
    "beamheat resubmit -i 17": "names fireworks of the reader's own; tests/doctor resubmits",
}
_INDENTED = re.compile(r"^ {4,}([^\s].*)$", re.MULTILINE)
_PROGRAMS = ("beamheat", "lpad", "make", "source", "mongod", "openssl", "export", "qlaunch", "rlaunch")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def lines(page: Path) -> Iterator[str]:
    """Yield the page's indented lines of code that are commands, without their comments."""
    for line in _INDENTED.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        command = re.sub(r"\s+# .*$", "", line).strip()
        if command.partition(" ")[0] in _PROGRAMS:
            yield command


def exception(command: str) -> str | None:
    """Return the reason why a line is left out, if it is."""
    return next((why for start, why in EXCEPTIONS.items() if command.startswith(start)), None)


@pytest.fixture
def folder(
    tmp_path: Path, launchpad: LaunchPad, launchpad_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with what the pages name, and the finished campaign `quickstart` in the database."""
    for name in ("workflows", "launchers", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "workflows" / "emt_au_cu.yaml", tmp_path / "my_campaign.yaml")
    (tmp_path / "data").symlink_to(ROOT / "workflows" / "data")
    time_ps = np.arange(0.0, 100.0, 0.1)
    decay_K = 300.0 * np.exp(-time_ps / 40.0) + np.random.default_rng(0).normal(size=len(time_ps))
    table = np.column_stack([time_ps, 300.0 + decay_K, np.full(len(time_ps), 300.0)])
    header = "time_ps,T_particle_K,T_support_K"
    np.savetxt(tmp_path / "series.csv", table, delimiter=",", header=header, comments="")
    atoms = bulk("Au", cubic=True)
    atoms.rattle(0.05, seed=0)
    atoms.info["REF_energy"] = -12.0
    atoms.set_array("REF_forces", np.random.default_rng(0).normal(size=(4, 3)))
    write(tmp_path / "gold.extxyz", atoms, format="extxyz")
    monkeypatch.setenv("BEAMHEAT_LAUNCHPAD", str(launchpad_file))
    monkeypatch.setenv("BEAMHEAT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if any(lines(page))], ids=lambda page: page.stem)
def test_lines_run_one_after_the_other(
    folder: Path, finished: Finished, capsys: pytest.CaptureFixture, page: Path
) -> None:
    for command in dict.fromkeys(lines(page)):
        if exception(command) is None:
            program, *words = shlex.split(command.replace("PREDICTION_ID", finished.prediction_id))
            assert program == "beamheat", command
            # What a line writes, a line of another section may write again.
            (folder / "labels.extxyz").unlink(missing_ok=True)
            status = run(words)
            said = capsys.readouterr()
            # The doctor ends with 1 where it finds something, as it does in a campaign without fireworks.
            assert status == 0 or (status == 1 and words[0] == "doctor"), f"{command}: {said.err}"
            assert said.out.strip(), command


def test_exports_of_the_database_page_are_read_by_the_code_below_them(
    folder: Path, store: Store, finished: Finished, capsys: pytest.CaptureFixture
) -> None:
    page = ROOT / "docs" / "database.md"
    text = page.read_text(encoding="utf-8").partition("## Out of the database")[2]
    names = {
        "$DATASET": store.db.datasets.find_one()["_id"],
        "$COMMITTEE": store.db.committees.find_one()["_id"],
    }
    for command in "".join(blocks(page, "sh")).splitlines():
        words = [names.get(word, word) for word in shlex.split(command)[1:]]
        assert run(words) == 0, command
    below = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(below) == 2
    capsys.readouterr()
    variables = {"db": store.db}
    for block in below:
        exec(compile(block, str(page), "exec"), variables)
    printed = capsys.readouterr().out
    assert "delta_T_K" in printed
    assert "conductance_MW_m2K" in printed
    assert "Au2 2" in printed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_is_of_a_language_that_a_test_runs(page: Path) -> None:
    fences = re.findall(r"^```(\S*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    languages = set(fences[::2])
    if page.stem == "clusters":
        # Typed into mongosh on the server's own machine, once.
        languages.discard("")
    assert languages <= set(RUNNERS)
    if languages & {"python", "sh"} and page.stem not in ("database", "ten_minutes"):
        assert page in RUN_AS_PROGRAMS


def test_every_exception_is_needed() -> None:
    commands = [command for page in PAGES for command in lines(page)]
    assert [start for start in EXCEPTIONS if not any(line.startswith(start) for line in commands)] == []
