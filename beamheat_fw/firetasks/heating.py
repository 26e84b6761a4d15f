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
from beamheat_fw.drivers.md.snapshots import Snapshot
from beamheat_fw.firetasks.committee_files import stage_committee, stage_known
from beamheat_fw.firetasks.context import Context, Site
from beamheat_fw.firetasks.job import JobTask
from beamheat_fw.firetasks.md_checkpoints import StoredState
from beamheat_fw.identity import content_hash, key_id
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
#: Where compiled models are, below a worker's scratch.
COMPILED_MODELS = "compiled"


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
        from beamheat_fw.drivers.md.heating.job import stage_heat
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

    def catch_up(self, context: Context, folder: Path, inputs: dict[str, Any]) -> None:
        """Bring the state in which another machine left the run."""
        self._stored(context, inputs).catch_up(folder)

    def run(self, folder: Path, site: Site) -> Iterable[Any]:
        """Run the MD, or go on from its checkpoints; yield its state for other machines now and then."""
        from beamheat_fw.drivers.md.compile_policy import Compiling
        from beamheat_fw.drivers.md.engines import Start
        from beamheat_fw.drivers.md.heating.job import heat_with_snapshots

        ranks = json.loads((folder / "job.json").read_text())["ranks"]
        worker = site.worker
        compiling = Compiling(worker.compile_models, worker.scratch / COMPILED_MODELS)
        start = Start(ranks, site.mpi, site.stop, worker.lammps, compiling)
        yield from heat_with_snapshots(folder, start, worker.store_checkpoint_s)

    def keep(self, context: Context, result: Snapshot) -> None:
        """Keep the run's state in the database."""
        stored = self._stored(context, self.inputs(context, None))
        if not stored.is_begun:
            run = self._document(context, state="running")
            context.save(run, self._sources(run))
        stored.keep(result)

    def ingest(self, context: Context, folder: Path) -> dict[str, Any]:
        """Save the run: its series as an artifact, ledger, audit and a short series in the document."""
        from beamheat_fw.drivers.md.heating.job import OUTCOME_FILE, HeatOutcome, read_series

        outcome = HeatOutcome(**json.loads((folder / OUTCOME_FILE).read_text()))
        usable = set(outcome.usable())
        series = {
            number: s for number, s in read_series(folder, self["potential_id"]).items() if number in usable
        }
        run = self._document(
            context,
            state="completed" if series else "failed",
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
            run_stats={
                "wall_s": outcome.wall_s,
                "ended": outcome.ended,
                "time_ps": outcome.time_ps,
                "driving": [rank["driving"] for rank in outcome.ranks if "driving" in rank],
            },
            analysis=Analysis(warnings=tuple(_marks(outcome.replicas))),
        )
        self._stored(context, self.inputs(context, None)).replace_by(run, self._sources(run))
        return {
            "md_run_id": run.id,
            "ended": outcome.ended,
            "usable": len(series),
            "time_ps": outcome.time_ps,
        }

    def _stored(self, context: Context, inputs: dict[str, Any]) -> StoredState:
        from beamheat_fw.drivers.md.inputs import ENGINE_VERSION

        made_from = content_hash({"inputs": inputs, "engine": ENGINE_VERSION})
        return StoredState(
            context, key_id(MDRun.collection, context.campaign_id, self._key(context)), made_from
        )

    def _key(self, context: Context) -> str:
        return f"heat-r{context.round}-m{self['member']}"

    def _document(self, context: Context, **found: Any) -> MDRun:
        from beamheat_fw.physics.structures import build_system

        heating = context.campaign.heating
        return MDRun(
            campaign_id=context.campaign_id,
            run_key=self._key(context),
            kind=KINDS[heating.method],
            engine=heating.engine,
            ranks=heating.ranks,
            protocol=heating.model_dump(mode="json"),
            committee_id=load_committee(context, context.round).id,
            system=describe_heated(heating),
            **composition_fields(build_system(heating.system)),
            **found,
        )

    def _sources(self, run: MDRun) -> list[Source]:
        return [
            Source("potentials", self["potential_id"], "driver"),
            Source("committees", run.committee_id or "", "audit"),
        ]


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
