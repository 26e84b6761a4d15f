"""A cluster whose nodes reach no database, and a campaign whose labels it calculates."""

from __future__ import annotations

import subprocess
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cluster_site import REPOSITORY, Cluster, Desk
from fireworks import FWorker
from fireworks.core.rocket_launcher import launch_rocket

from beamheat_fw.campaign import load_campaign, spectrum_path
from beamheat_fw.firetasks.campaigns import submit_campaign

_LIGHT = {"spec._tasks._fw_name": {"$ne": "{{beamheat_fw.firetasks.AnalyseSpectrum}}"}}


@dataclass
class Outpost:
    """The cluster, set up for one test's database.

    Attributes
    ----------
    desk : Desk
    cluster : Cluster
    """

    desk: Desk
    cluster: Cluster

    def set_up(self, **env: Any) -> None:
        """Write the user's files, with more of the worker file's `env`."""
        settings = self.desk.site.launchpad_settings(self.desk.launchpad.name)
        self.cluster.set_up(settings, self.desk.site.mongod.password, **env)
        # A node that cannot reach the database needs no launchpad file, and no password.
        for node in self.cluster.nodes:
            node.environment = {k: v for k, v in node.environment.items() if not k.startswith("BEAMHEAT_DB")}
        rlaunch = f"exec beamheat rlaunch -w {self.cluster.folder}/my_fworker.yaml singleshot --offline"
        adapter = yaml.safe_load((self.cluster.folder / "my_qadapter_single.yaml").read_text())
        self.cluster.write("my_qadapter_single.yaml", {**adapter, "rocket_launch": rlaunch})

    def submit_labels(self, folder: Path, **fields: Any) -> list[int]:
        """Submit a campaign, run it up to its first labels, and return the fireworks that calculate them."""
        shipped = REPOSITORY / "workflows" / "emt_au_cu.yaml"
        document = yaml.safe_load(shipped.read_text())
        document["eels"]["file"] = str(shipped.parent / document["eels"]["file"])
        for name, value in fields.items():
            stage, _, key = name.partition("__")
            document[stage][key] = value
        path = folder / "campaign.yaml"
        path.write_text(yaml.safe_dump(document))
        campaign = load_campaign(path)
        submit_campaign(self.desk.launchpad, campaign, spectrum_path(path, campaign.eels))
        light = FWorker("light", "light", _LIGHT, {"scratch": str(folder)})
        with chdir(folder):
            while launch_rocket(self.desk.launchpad, light, strm_lvl="CRITICAL"):
                pass
        found = self.desk.launchpad.fireworks.find({"spec._category": "dft"}).sort("fw_id")
        return [firework["fw_id"] for firework in found]

    def rlaunch(self, *words: str) -> str:
        """Run ``beamheat rlaunch`` on the login machine; return what it prints."""
        files = {"-l": "my_launchpad", "-w": "my_fworker"}
        options = [
            word for flag, name in files.items() for word in (flag, f"{self.cluster.folder}/{name}.yaml")
        ]
        return self.cluster.login.run("beamheat", "rlaunch", *options, *words, cwd=self.cluster.launches)

    def qlaunch(self, *words: str) -> subprocess.Popen[Any]:
        """Start ``beamheat qlaunch -r rapidfire`` on the login machine."""
        return self.cluster.start_beamheat_qlaunch("-r", "rapidfire", "--sleep", "0.3", *words)

    def job_folder(self, fw_id: int) -> Path:
        """Return the job folder of a firework."""
        return self.cluster.scratch / "jobs" / self.desk.firework(fw_id)["spec"]["job_key"]

    def results(self, fw_id: int) -> dict[str, bytes]:
        """Return the labels that lie finished in the job folder of a firework."""
        results = self.job_folder(fw_id) / "work" / "results"
        return {path.name: path.read_bytes() for path in results.glob("*.json")} if results.is_dir() else {}

    def freeze(self, fw_id: int, labels: int) -> dict[str, bytes]:
        """Hold the program that labels as soon as there are more labels; return them."""
        self.desk.wait(lambda: len(self.results(fw_id)) > labels, f"more than {labels} labels")
        self._signal("STOP")
        return self.results(fw_id)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal("CONT")

    def _signal(self, name: str) -> None:
        for node in self.cluster.nodes:
            for line in node.run("ps", "-eo", "pid=,args=").splitlines():
                if "drivers.labelling.program" in line:
                    node.kill(line.split()[0], name)

    def clear(self) -> None:
        """End all jobs and forget what they left."""
        self.cluster.clear()
