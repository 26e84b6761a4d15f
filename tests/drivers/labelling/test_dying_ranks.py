"""kill -9 of ranks and of the driver itself."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from beamheat_fw.drivers.labelling.driver import label_structures
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.errors import CalculationError

pytestmark = [pytest.mark.gpaw, pytest.mark.mpi]


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
    deadline = time.monotonic() + 90
    while times and time.monotonic() < deadline:
        pids = ranks_working_in(folder) if in_flight(folder) == label_id else []
        if pids:
            os.kill(pids[-1], signal.SIGKILL)
            times -= 1
            while in_flight(folder) == label_id and time.monotonic() < deadline:
                time.sleep(0.01)
        time.sleep(0.01)


def label_while_killing(folder: Path, victim: str, times: int):
    killer = threading.Thread(target=kill_ranks_during, args=(folder, victim, times))
    killer.start()
    results = list(label_structures(folder, ranks=2, launcher=MpiLauncher(), stop=lambda: False))
    killer.join()
    return {result.label_id: result for result in results}


@pytest.fixture
def slow(quick_gpaw):
    """Settings with which a label lasts long enough to be killed in its middle."""
    # The density alone decides: energies as exact as rounding would have the ranks disagree now and then.
    return quick_gpaw.model_copy(update={"density_convergence": 1e-8, "energy_convergence_eV": 1e-6})


@pytest.fixture
def folder(make_folder, slow, molecule):
    return make_folder({"first": molecule(0.75), "victim": molecule(0.8), "last": molecule(0.85)}, slow)


def test_a_structure_whose_ranks_died_once_is_labelled_on_another_path(folder):
    results = label_while_killing(folder, "victim", times=1)
    assert [result.state for result in results.values()] == ["completed"] * 3
    (attempt,) = results["victim"].attempts
    assert attempt.reason.startswith("RanksDiedError")
    assert attempt.correction == "all ranks on one k-point"
    assert not results["last"].attempts


def test_a_structure_whose_ranks_died_twice_has_failed_and_the_rest_goes_on(folder):
    results = label_while_killing(folder, "victim", times=2)
    assert {label_id: result.state for label_id, result in results.items()} == {
        "first": "completed",
        "victim": "failed",
        "last": "completed",
    }
    assert "RanksDiedError" in results["victim"].errors[0]


def test_after_kill_9_of_the_driver_only_the_label_in_flight_is_made_again(make_folder, slow, molecule):
    # mpirun takes seconds to end its ranks: they must have far more to do than that.
    labels = 60
    molecules = {f"h{i}": molecule(0.75 + 0.002 * i) for i in range(labels)}
    folder = make_folder(molecules, slow.model_copy(update={"h_A": 0.2}))
    code = (
        "from pathlib import Path\n"
        "from beamheat_fw.drivers.labelling.driver import label_structures\n"
        "from beamheat_fw.drivers.mpi import MpiLauncher\n"
        "list(label_structures(Path('.'), ranks=2, launcher=MpiLauncher(), stop=lambda: False))"
    )
    driver = subprocess.Popen([sys.executable, "-c", code], cwd=folder)
    deadline = time.monotonic() + 60
    while not (folder / "results" / "h0.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    while ranks_working_in(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ranks_working_in(folder) == []
    kept = {path.stem: path.stat().st_mtime_ns for path in (folder / "results").glob("*.json")}
    begun = {path.name.partition(".")[0] for path in (folder / "logs").glob("h*.txt")}
    assert "h0" in kept
    assert 0 < len(begun) < labels
    assert len(begun - set(kept)) <= 1

    results = list(label_structures(folder, ranks=2, launcher=MpiLauncher(), stop=lambda: False))
    assert [(result.label_id, result.state) for result in results] == [
        (f"h{i}", "completed") for i in range(labels)
    ]
    assert kept == {name: (folder / "results" / f"{name}.json").stat().st_mtime_ns for name in kept}
    # No structure is blamed for the kill; ranks that disagree by rounding may have climbed a rung.
    problems = {attempt.problem for result in results for attempt in result.attempts}
    assert problems <= {"RanksDisagree"}


def test_a_program_that_dies_outside_any_structure_is_an_error_with_its_log(folder):
    launcher = MpiLauncher("mpirun -np {ranks} --no-such-option")
    with pytest.raises(CalculationError) as caught:
        list(label_structures(folder, ranks=2, launcher=launcher, stop=lambda: False))
    assert "no-such-option" in caught.value.values["log_tail"]
