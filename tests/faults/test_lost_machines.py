"""A machine is lost with the folder of a long MD run: another one goes on from the database."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase import Atoms
from rocket_bench import Bench, wait_until

from beamheat_fw.campaign import Campaign, load_campaign
from beamheat_fw.doctor import examine_and_fix
from beamheat_fw.firetasks.heating import unpack_series
from beamheat_fw.firetasks.labels import level_of
from beamheat_fw.flows.steps import Step, heat
from beamheat_fw.identity import key_id
from beamheat_fw.launch.job_folder import holders
from beamheat_fw.launch.submission import insert_once
from beamheat_fw.store import labels
from beamheat_fw.store.artifacts import put_artifact, read_artifact
from beamheat_fw.store.campaigns import save_campaign
from beamheat_fw.store.database import Store, make
from beamheat_fw.store.datasets import create_dataset
from beamheat_fw.store.documents import Committee, LabelRequest, LabelResult, MDRun, Potential

pytestmark = [
    pytest.mark.mongod,
    pytest.mark.mpi,
    pytest.mark.skipif(shutil.which("lmp") is None, reason="LAMMPS is not installed (set_up.sh --tests)"),
]

EMT = Path(__file__).parents[2] / "workflows" / "emt_au_cu.yaml"
TABLES = os.environ.get("LAMMPS_POTENTIALS", "/usr/share/lammps/potentials")
HEATING = {
    "engine": "lammps",
    "lammps": {"pair_style": "eam", "pair_coeff": ["{Cu} {Cu} Cu_u3.eam", "{Au} {Au} Au_u3.eam"]},
    "ranks": 1,
    "replicas_per_rank": 1,
    "timestep_fs": 1.0,
    "relax_ps": 150.0,
    "sample_every": 50,
    "checkpoint_every": 1000,
}


@pytest.fixture
def campaign(store: Store, tmp_path: Path) -> Campaign:
    """A campaign that heats by LAMMPS, up to its committee, which LAMMPS does not ask."""
    document = yaml.safe_load(EMT.read_text())
    document["heating"] |= HEATING
    document["eels"]["file"] = str(EMT.parent / document["eels"]["file"])
    (file := tmp_path / "campaign.yaml").write_text(yaml.safe_dump(document))
    campaign = load_campaign(file)
    save_campaign(store, campaign)
    flake = Atoms("CuAu", positions=[[0.0, 0.0, 0.0], [0.0, 0.0, 2.5]], cell=[9.0] * 3)
    request = LabelRequest(campaign_id=campaign.campaign_id)
    (label_id,) = labels.plan_labels(store, [flake], [request], level_of(campaign)).label_ids
    labels.complete(store, label_id, LabelResult(energy_eV=0.0, forces_eV_A=np.zeros((2, 3))))
    dataset_id = create_dataset(store, {"train": [label_id]})
    about = {"campaign_id": campaign.campaign_id, "round": 0, "dataset_id": dataset_id}
    model = put_artifact(store, b"a model")
    potential = make(Potential, **about, member=0, model_seed=0, data_seed=0, artifact_sha256=model)
    store.create(potential)
    store.create(make(Committee, **about, potential_ids=(potential.id,)))
    return campaign


@pytest.fixture
def firework(bench: Bench, campaign: Campaign) -> int:
    """The heating firework."""
    potential_id = key_id("potentials", campaign.campaign_id, 0, 0)
    insert_once(bench.launchpad, heat(Step(campaign, campaign.campaign_id, 0, "heat"), [potential_id]))
    return bench.launchpad.fireworks.find_one({"name": {"$regex": "HeatParticle"}})["fw_id"]


def rocket(bench: Bench, **env: Any) -> Any:
    worker = bench.worker_file(cores=1, **env)
    worker.write_text(yaml.safe_dump(yaml.safe_load(worker.read_text()) | {"category": ["md"]}))
    command = [
        sys.executable,
        "-m",
        "beamheat_fw",
        "rlaunch",
        "-l",
        str(bench.launchpad_file),
        "-w",
        str(worker),
    ]
    return bench.start([*command, "singleshot"], {"LAMMPS_POTENTIALS": TABLES})


def test_another_machine_goes_on_from_the_last_whole_state_in_the_database(
    bench: Bench, store: Store, firework: int
) -> None:
    """The newest of the two states is damaged: it is refused by its hash, and the one before is used."""
    lost, third = bench.folder / "lost", bench.folder / "third"
    seen: set[int] = set()

    def states() -> list[Any]:
        found = [run.checkpoints for run in store.find(MDRun, {})]
        seen.update(state.step for checkpoints in found for state in checkpoints)
        return [*found[0]] if found else []

    first = rocket(bench, scratch=str(lost), store_checkpoint_s=0.1)
    wait_until(lambda: states() and len(seen) > 2, "three states in the database", 300.0)
    (lock,) = lost.glob("jobs/*/.lock")
    for pid in holders(lock):  # rocket, mpirun and LAMMPS at once, as when a node dies
        os.kill(pid, signal.SIGKILL)
    assert first.wait(60) == -signal.SIGKILL, bench.log()
    examine_and_fix(bench.launchpad, store, lost)
    shutil.rmtree(lost)
    before, newest = states()
    assert 0 < before.step < newest.step
    assert [run.state for run in store.find(MDRun, {})] == ["running"]
    assert store.db["artifacts.files"].count_documents({"metadata.kind": "checkpoint"}) == 2
    damage(store, newest.sha256)
    assert rocket(bench, scratch=str(third)).wait(300) == 0, bench.log()
    assert bench.state(firework) == "COMPLETED", bench.log()
    assert "a stored state is passed over" in bench.log()
    assert f"goes on from the state stored at step {before.step}" in bench.log()
    (run,) = store.find(MDRun, {})
    assert (run.state, run.checkpoints) == ("completed", ())
    assert run.energy_ledger["closes"]
    (series,) = unpack_series(read_artifact(store, run.series_sha256 or ""))
    assert series.time_ps == pytest.approx(np.arange(3001) * 0.05)
    assert np.abs(np.diff(series.E_particle_eV + series.E_support_eV)).max() < 0.02
    assert store.db["artifacts.files"].count_documents({"metadata.kind": "checkpoint"}) == 0


def damage(store: Store, sha256: str) -> None:
    file = store.db["artifacts.files"].find_one({"filename": sha256})
    chunk = store.db["artifacts.chunks"].find_one({"files_id": file["_id"]})
    content = bytearray(chunk["data"])
    content[len(content) // 2] ^= 1
    store.db["artifacts.chunks"].update_one({"_id": chunk["_id"]}, {"$set": {"data": bytes(content)}})
