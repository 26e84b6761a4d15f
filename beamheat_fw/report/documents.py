"""All documents of one campaign, as the report needs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import (
    CampaignRecord,
    Committee,
    Conductance,
    Dataset,
    Edge,
    Label,
    MDRun,
    Potential,
    Prediction,
    Round,
    Spectrum,
)
from beamheat_fw.store.rounds import rounds_of_campaign

_LABEL_FIELDS = (
    "state", "origin", "requests", "reason", "run_stats", "nsites", "formula_pretty", "level",
)  # fmt: skip


@dataclass(frozen=True)
class CampaignDocuments:
    """What one campaign has in the database so far.

    Attributes
    ----------
    record : CampaignRecord
    prediction : Prediction or None
        The newest, and so the two below.
    conductance : Conductance or None
        The one behind the prediction, where there is one.
    spectrum : Spectrum or None
        The one behind the prediction, where there is one.
    runs : tuple of MDRun
        All MD runs, oldest first.
    rounds : tuple of Round
        In their order.
    committees, potentials, datasets : tuple
        By round.
    labels : tuple of dict
        Every label the rounds ask for, without structure and forces; its ``round`` and ``role`` in this
        campaign.
    """

    record: CampaignRecord
    prediction: Prediction | None
    conductance: Conductance | None
    spectrum: Spectrum | None
    runs: tuple[MDRun, ...]
    rounds: tuple[Round, ...]
    committees: tuple[Committee, ...]
    potentials: tuple[Potential, ...]
    datasets: tuple[Dataset, ...]
    labels: tuple[dict[str, Any], ...]

    @property
    def heating_runs(self) -> tuple[MDRun, ...]:
        """The runs behind the conductance; all heating runs before there is one."""
        if self.conductance is not None and self.conductance.md_run_ids:
            return tuple(run for run in self.runs if run.id in self.conductance.md_run_ids)
        return tuple(run for run in self.runs if run.kind in ("heating", "injection"))

    @property
    def judged_round(self) -> Round | None:
        """The newest round with a verdict."""
        return next((found for found in reversed(self.rounds) if found.verdict), None)


def gather(store: Store, campaign_id: str) -> CampaignDocuments:
    """Read a campaign's documents.

    Raises
    ------
    StoreError
        There is no such campaign, or another release wrote one of its documents.
    """
    mine = {"campaign_id": campaign_id}
    prediction = _newest(store, Prediction, mine)
    rounds = tuple(rounds_of_campaign(store, campaign_id))
    return CampaignDocuments(
        record=store.load(CampaignRecord, campaign_id),
        prediction=prediction,
        conductance=_behind(store, Conductance, mine, prediction.conductance_id if prediction else None),
        spectrum=_spectrum(store, campaign_id, prediction),
        runs=tuple(store.find(MDRun, mine)),
        rounds=rounds,
        committees=tuple(sorted(store.find(Committee, mine), key=lambda found: found.round)),
        potentials=tuple(sorted(store.find(Potential, mine), key=lambda found: (found.round, found.member))),
        datasets=_datasets(store, rounds),
        labels=_labels(store, rounds),
    )


def _newest(store: Store, kind: Any, query: dict[str, Any]) -> Any:
    return next(iter(store.find(kind, query, newest_first=True, limit=1)), None)


def _behind(store: Store, kind: Any, query: dict[str, Any], identifier: str | None) -> Any:
    return store.load(kind, identifier) if identifier else _newest(store, kind, query)


def _spectrum(store: Store, campaign_id: str, prediction: Prediction | None) -> Spectrum | None:
    """Return the newest spectrum analysed for a campaign; others may share it."""
    if prediction is not None and prediction.spectrum_id:
        return store.load(Spectrum, prediction.spectrum_id)
    made_for = {"from.id": campaign_id, "to.collection": Spectrum.collection}
    edge = next(iter(store.find(Edge, made_for, newest_first=True, limit=1)), None)
    return store.load(Spectrum, edge.to.id) if edge else None


def _datasets(store: Store, rounds: tuple[Round, ...]) -> tuple[Dataset, ...]:
    wanted = [found.dataset_id for found in rounds if found.dataset_id]
    return tuple(store.find(Dataset, {"_id": {"$in": wanted}}))


def _labels(store: Store, rounds: tuple[Round, ...]) -> tuple[dict[str, Any], ...]:
    asked_in = {label_id: found.round for found in reversed(rounds) for label_id in found.label_ids}
    fields = dict.fromkeys(_LABEL_FIELDS, 1)
    campaign_id = rounds[0].campaign_id if rounds else None
    return tuple(
        label | {"round": asked_in[label["_id"]], "role": _role(label, campaign_id)}
        for label in store.collection(Label)
        .find({"_id": {"$in": list(asked_in)}}, fields)
        .sort("created_at", 1)
    )


def _role(label: dict[str, Any], campaign_id: str | None) -> str:
    roles = [request["role"] for request in label["requests"] if request["campaign_id"] == campaign_id]
    return roles[0] if roles else label["origin"]["role"]
