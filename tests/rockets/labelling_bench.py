"""A bench whose rockets label the structures of a campaign, up to its first dataset."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from ase import Atoms
from ase.build import bulk
from rocket_bench import Bench, bench_on

from beamheat_fw.campaign import Campaign, load_campaign
from beamheat_fw.firetasks.labels import level_of
from beamheat_fw.flows.steps import Step, learn
from beamheat_fw.launch.submission import insert_once
from beamheat_fw.store.campaigns import save_campaign
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import LabelRequest
from beamheat_fw.store.labels import plan_labels
from beamheat_fw.store.rounds import upsert_round
from beamheat_fw.store.schema.versions import ensure_schema

EMT = Path(__file__).parents[2] / "workflows" / "emt_au_cu.yaml"


def structures(number: int = 24, seed: int = 0) -> list[Atoms]:
    """Return rattled gold and copper of 32 atoms; EMT takes a few hundredths of a second for each."""
    random = np.random.default_rng(seed)
    found = []
    for index in range(number):
        atoms = bulk("Au" if index % 2 else "Cu", cubic=True) * (2, 2, 2)
        atoms.positions += random.normal(0.0, 0.05, atoms.positions.shape)
        atoms.set_array("body", np.zeros(len(atoms), dtype=int))
        found.append(atoms)
    return found


@dataclass
class LabellingBench:
    """Rockets that label.

    Attributes
    ----------
    bench : Bench
    store : Store
    """

    bench: Bench
    store: Store

    def begin(self, frames: Sequence[Atoms], seed: int = 3) -> Campaign:
        """Ask for the labels of a campaign's first round, twelve in a chunk; the last one is held out."""
        campaign = load_campaign(EMT)
        labelling = campaign.labelling.model_copy(update={"chunk_size": 12})
        campaign = campaign.model_copy(update={"labelling": labelling, "seed": seed})
        save_campaign(self.store, campaign)
        about = {"campaign_id": campaign.campaign_id, "round": 0}
        roles = ["initial"] * (len(frames) - 1) + ["holdout"]
        requests = [LabelRequest(role=role, **about) for role in roles]
        planned = plan_labels(self.store, frames, requests, level_of(campaign))
        upsert_round(self.store, campaign.campaign_id, 0, label_ids=planned.label_ids)
        step = Step(campaign, campaign.campaign_id, 0, "learn")
        insert_once(self.bench.launchpad, learn(step, planned.label_ids))
        return campaign

    def rlaunch(self, *arguments: str, **env: Any) -> subprocess.Popen[str]:
        """Start a rocket that labels, and leaves the training to others."""
        file = self.bench.worker_file(**env)
        worker = yaml.safe_load(file.read_text()) | {"category": ["dft", "light"]}
        file.write_text(yaml.safe_dump(worker))
        options = ["-l", str(self.bench.launchpad_file), "-w", str(file), *arguments]
        cache = {"BEAMHEAT_CACHE": str(self.bench.folder / "cache")}
        return self.bench.start([sys.executable, "-m", "beamheat_fw", "rlaunch", *options], cache)

    def work_off(self) -> None:
        """Let a rocket do all there is to do."""
        assert self.rlaunch("rapidfire").wait(120) == 0, self.bench.log()


@contextmanager
def labelling_bench_on(launchpad_file: Path, store: Store, folder: Path) -> Iterator[LabellingBench]:
    """Make a bench for labels of a database and a folder."""
    ensure_schema(store)
    with bench_on(launchpad_file, folder) as bench:
        yield LabellingBench(bench, store)
