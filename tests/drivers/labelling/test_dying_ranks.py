"""kill -9 of ranks and of the driver itself, all in the life of one folder."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from beamheat_fw.drivers.labelling.driver import label_structures
from beamheat_fw.drivers.labelling.results import LabelResult
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.errors import CalculationError
from tests.drivers.labelling.folders import hydrogen, quick_settings, write_folder

pytestmark = [pytest.mark.gpaw, pytest.mark.mpi]

#: mpirun takes half a second to end its ranks: they must have more to do than that.
QUIET = [f"h{i}" for i in range(10)]
#: How often the ranks of a label are killed.
VICTIMS = {"once": 1, "twice": 2}
#: A label lasts long enough to be killed in its middle.
SLOW = quick_settings(h_A=0.2, density_convergence=1e-8, energy_convergence_eV=1e-6)

DRIVER = (
    "from pathlib import Path\n"
    "from beamheat_fw.drivers.labelling.driver import label_structures\n"
    "from beamheat_fw.drivers.mpi import MpiLauncher\n"
    "list(label_structures(Path('.'), ranks=2, launcher=MpiLauncher(), stop=lambda: False))"
)


def ranks_working_in(folder: Path) -> list[int]:
    """Return the pids of the labelling programs whose working directory is `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            here = (entry / "cwd").resolve() == folder.resolve()
        except OSError:
            continue
        if here and command[0].endswith(b"python") and b"beamheat_fw.drivers.labelling.program" in command:
            found.append(int(entry.name))
    return found


def in_flight(folder: Path) -> str:
    try:
        return (folder / "in_flight").read_text()
    except FileNotFoundError:
        return ""


def kill_ranks_during(folder: Path, label_id: str, times: int) -> None:
    deadline = time.monotonic() + 240
    while times and time.monotonic() < deadline:
        pids = ranks_working_in(folder) if in_flight(folder) == label_id else []
        if pids:
            os.kill(pids[-1], signal.SIGKILL)
            times -= 1
            while in_flight(folder) == label_id and time.monotonic() < deadline:
                time.sleep(0.01)
        time.sleep(0.01)


def results_of(folder: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in (folder / "results").glob("*.json")}


@dataclass(frozen=True)
class Story:
    """What became of a folder: results and begun labels after the driver was killed, then the end."""

    kept: dict[str, int]
    begun: set[str]
    end: dict[str, int]
    results: dict[str, LabelResult]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Kill the driver after its first label; let another go on, and kill ranks of its during the victims."""
    labels = [*QUIET, *VICTIMS, "last"]
    structures = {name: hydrogen(0.75 + 0.005 * i) for i, name in enumerate(labels)}
    folder = write_folder(tmp_path_factory.mktemp("dying"), structures, SLOW)
    driver = subprocess.Popen([sys.executable, "-c", DRIVER], cwd=folder)
    deadline = time.monotonic() + 120
    while not (folder / "results" / "h0.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    while ranks_working_in(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert ranks_working_in(folder) == []
    kept = results_of(folder)
    begun = {path.name.partition(".")[0] for path in (folder / "logs").glob("*.0.txt")}

    killers = [
        threading.Thread(target=kill_ranks_during, args=(folder, name, times))
        for name, times in VICTIMS.items()
    ]
    for killer in killers:
        killer.start()
    results = list(label_structures(folder, ranks=2, launcher=MpiLauncher(), stop=lambda: False))
    for killer in killers:
        killer.join()
    assert [result.label_id for result in results[: len(kept)]] == [name for name in labels if name in kept]
    return Story(kept, begun, results_of(folder), {result.label_id: result for result in results})


def test_after_kill_9_of_the_driver_only_the_label_in_flight_is_made_again(story):
    assert "h0" in story.kept
    assert story.begun < story.results.keys()
    assert len(story.begun - set(story.kept)) <= 1
    assert story.kept == {name: story.end[name] for name in story.kept}
    # No structure is blamed for the kill.
    for name in (*QUIET, "last"):
        assert (story.results[name].state, story.results[name].attempts) == ("completed", ())


def test_a_structure_whose_ranks_died_once_is_labelled_on_another_path(story):
    result = story.results["once"]
    assert result.state == "completed"
    (attempt,) = result.attempts
    assert attempt.reason.startswith("RanksDiedError")
    assert attempt.correction == "all ranks on one k-point"


def test_a_structure_whose_ranks_died_twice_has_failed_and_the_rest_goes_on(story):
    result = story.results["twice"]
    assert result.state == "failed"
    assert "RanksDiedError" in result.errors[0]
    assert story.results["last"].state == "completed"


def test_a_program_that_dies_outside_any_structure_is_an_error_with_its_log(make_folder):
    launcher = MpiLauncher("mpirun -np {ranks} --no-such-option")
    folder = make_folder({"h2": hydrogen(0.8)}, SLOW)
    with pytest.raises(CalculationError) as caught:
        list(label_structures(folder, ranks=2, launcher=launcher, stop=lambda: False))
    assert "no-such-option" in caught.value.values["log_tail"]
