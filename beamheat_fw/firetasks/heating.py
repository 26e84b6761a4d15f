"""The firetask of the heated particle: an MD run for each member of the committee."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from beamheat_fw.campaign import HeatingStage
from beamheat_fw.firetasks.committee_files import stage_committee, stage_known
from beamheat_fw.firetasks.context import Context, Site
from beamheat_fw.firetasks.job import JobTask
from beamheat_fw.identity import key_id
from beamheat_fw.physics.interface.series import TemperatureSeries
from beamheat_fw.store.artifacts import put_artifact
from beamheat_fw.store.documents import Committee, MDRun
from beamheat_fw.store.documents.base import Analysis
from beamheat_fw.store.documents.heat import Segment
from beamheat_fw.store.provenance import Source
from beamheat_fw.store.structures import composition_fields

#: The kind of an MD run, by the method of the stage.
KINDS: Final[dict[str, Literal["heating", "injection"]]] = {
    "relaxation": "heating",
    "injection": "injection",
}
#: Samples of the short series that stand in the document itself, for queries and figures.
SHORT_SERIES = 200


def load_committee(context: Context, round_number: int) -> Committee:
    """Return the committee trained at the end of a round."""
    return context.store.load(Committee, key_id(Committee.collection, context.campaign_id, round_number))


class HeatParticle(JobTask):
    """Let a hot particle cool on its support or heat it, driven by one member, audited by the committee."""

    _fw_name = "{{beamheat_fw.firetasks.HeatParticle}}"
    required_params = ["member", "potential_id"]  # noqa: RUF012

    def inputs(self, context: Context, staged: dict[str, Any] | None) -> dict[str, Any]:
        """Return the potential and the protocol."""
        return {
            "potential_id": self["potential_id"],
            "committee_id": load_committee(context, context.round).id,
            "stage": context.campaign.heating.model_dump(mode="json"),
            "seed": 1000 * context.campaign.seed + self["member"],
        }

    def stage(self, context: Context, folder: Path, inputs: dict[str, Any]) -> None:
        """Write the system, the protocol, the committee and what that was trained on."""
        from beamheat_fw.drivers.md.heat import stage_heat
        from beamheat_fw.drivers.md.protocols import COMMITTEE_FILE, CommitteeFile, HeatProtocol
        from beamheat_fw.physics.structures import build_system

        heating = context.campaign.heating
        audited_by = load_committee(context, context.round)
        stage_committee(context, folder, audited_by, driver=self["member"])
        stage_known(context, folder, audited_by)
        protocol = HeatProtocol.from_stage(heating, seed=inputs["seed"], max_wall_s=heating.max_wall_s)
        committee = CommitteeFile.read(folder / COMMITTEE_FILE)
        stage_heat(folder, build_system(heating.system), protocol, committee)
        (folder / "job.json").write_text(json.dumps({"ranks": heating.ranks}))

    def run(self, folder: Path, site: Site) -> Iterable[Any]:
        """Run the MD, or go on from its checkpoints."""
        from beamheat_fw.drivers.md.heat import heat

        heat(
            folder,
            ranks=json.loads((folder / "job.json").read_text())["ranks"],
            launcher=site.mpi,
            stop=site.stop,
            lammps=site.worker.lammps,
        )
        return ()

    def ingest(self, context: Context, folder: Path) -> dict[str, Any]:
        """Save the run: its series as an artifact, ledger, audit and a short series in the document."""
        from beamheat_fw.drivers.md.heat import OUTCOME_FILE, HeatOutcome, read_series
        from beamheat_fw.physics.structures import build_system

        heating = context.campaign.heating
        outcome = HeatOutcome(**json.loads((folder / OUTCOME_FILE).read_text()))
        usable = set(outcome.usable())
        series = {
            number: s for number, s in read_series(folder, self["potential_id"]).items() if number in usable
        }
        committee = load_committee(context, context.round)
        run = MDRun(
            campaign_id=context.campaign_id,
            run_key=f"heat-r{context.round}-m{self['member']}",
            kind=KINDS[heating.method],
            state="completed" if series else "failed",
            engine=heating.engine,
            ranks=heating.ranks,
            protocol=heating.model_dump(mode="json"),
            committee_id=committee.id,
            segments=(Segment(start_step=0, end_step=_last_step(outcome), wall_s=outcome.wall_s),),
            energy_ledger={"closes": outcome.ledger_closes, "replicas": outcome.replicas},
            audit={
                "marked": [r["replica"] for r in outcome.replicas if r["marks"]],
                "usable": sorted(usable),
            },
            temperatures=_short(list(series.values())),
            series_sha256=put_artifact(
                context.store, pack_series(list(series.values())), kind="temperature-series"
            ),
            run_stats={"wall_s": outcome.wall_s, "ended": outcome.ended, "time_ps": outcome.time_ps},
            analysis=Analysis(warnings=tuple(_marks(outcome.replicas))),
            system=describe_heated(heating),
            **composition_fields(build_system(heating.system)),
        )
        sources = [
            Source("potentials", self["potential_id"], "driver"),
            Source("committees", committee.id, "audit"),
        ]
        context.save(run, sources)
        return {
            "md_run_id": run.id,
            "ended": outcome.ended,
            "usable": len(series),
            "time_ps": outcome.time_ps,
        }


def describe_heated(heating: HeatingStage) -> dict[str, Any]:
    """Return the heated system in numbers, with the contact area as the campaign defines it."""
    from beamheat_fw.physics.structures import summarise_system

    summary = asdict(summarise_system(heating.system))
    area = summary["contact_hull_nm2" if heating.contact_definition == "hull" else "contact_atoms_nm2"]
    gap = summary.pop("image_gap_A")
    return {
        **summary,
        "image_gap_A": gap if np.isfinite(gap) else None,
        "contact_definition": heating.contact_definition,
        "contact_area_nm2": area,
    }


def pack_series(series: list[TemperatureSeries]) -> bytes:
    """Pack the series of several replicas into one ``.npz``: ``NAME-INDEX`` for each column."""
    arrays = {
        f"{field.name}-{index}": np.asarray(getattr(one, field.name))
        for index, one in enumerate(series)
        for field in fields(TemperatureSeries)
        if getattr(one, field.name) is not None
    }
    stream = io.BytesIO()
    np.savez_compressed(stream, count=np.array(len(series)), **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def unpack_series(content: bytes) -> list[TemperatureSeries]:
    """Return the series that `pack_series` packed."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return [
            TemperatureSeries(
                **{
                    name.rpartition("-")[0]: arrays[name] if arrays[name].ndim else arrays[name].item()
                    for name in arrays.files
                    if name.rpartition("-")[2] == str(index)
                }
            )
            for index in range(int(arrays["count"]))
        ]


def _short(series: list[TemperatureSeries]) -> dict[str, Any]:
    """Return the replicas' mean temperatures in at most `SHORT_SERIES` blocks."""
    if not series:
        return {}
    samples = min(len(one.time_ps) for one in series)
    block = max(1, samples // SHORT_SERIES)
    kept = samples // block * block

    def mean(name: str) -> list[float]:
        columns = np.mean([getattr(one, name)[:kept] for one in series], axis=0)
        return columns.reshape(-1, block).mean(axis=1).tolist()

    return {"time_ps": mean("time_ps"), "particle_K": mean("T_particle_K"), "support_K": mean("T_support_K")}


def _last_step(outcome: Any) -> int:
    return max(rank["step"] for rank in outcome.ranks)


def _marks(replicas: list[dict[str, Any]]) -> list[str]:
    return [
        f"replica {mark['replica']}, {mark['time_ps']:.2f} ps: {mark['kind']} {mark['reason']}".strip()
        for replica in replicas
        for mark in replica["marks"]
    ]
