"""What labels will cost, from the store's own record of those that were made at the same level."""

from __future__ import annotations

from collections.abc import Sequence

from beamheat_fw.campaign import Campaign
from beamheat_fw.firetasks.labels import level_of
from beamheat_fw.flows.label_cost import prior_cost
from beamheat_fw.physics.labels.label_cost import LabelCost, valence_electrons
from beamheat_fw.store.database import Store
from beamheat_fw.store.labels import load_labels
from beamheat_fw.store.labels.runs import measured_runs
from beamheat_fw.store.structures import atoms_from_document


def learned_cost(store: Store, campaign: Campaign) -> LabelCost:
    """Return the cost of a campaign's labels, learned from all labels of the same settings."""
    runs = measured_runs(store, level_of(campaign).settings_hash)
    sizes = [valence_electrons(run.numbers) for run in runs]
    return prior_cost(campaign.labelling.reference).learn(sizes, [run.core_s for run in runs])


def estimated_core_s(store: Store, campaign: Campaign, label_ids: Sequence[str]) -> tuple[float, ...]:
    """Return the core seconds that each label is still to take: none for those that are there."""
    cost = learned_cost(store, campaign)
    return tuple(
        0.0
        if label.state == "completed"
        else cost.core_seconds(valence_electrons(atoms_from_document(label.structure).numbers))
        for label in load_labels(store, label_ids)
    )
