"""A committee of another campaign, or another level of theory, that a campaign's first training refines."""

from __future__ import annotations

from collections.abc import Collection

from beamheat_fw.campaign import Campaign, TrainingStage
from beamheat_fw.errors import InputError
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Committee, Potential

#: What a trained network cannot change.
_ARCHITECTURE = ("r_max_A", "num_layers", "l_max", "num_features", "parity", "zbl")


def pretrained_member(store: Store, stage: TrainingStage, member: int) -> Potential:
    """Return the potential that a member refines; members beyond the committee's number share them."""
    committee = store.load(Committee, stage.pretrained or "")
    return store.load(Potential, committee.potential_ids[member % len(committee.potential_ids)])


def check_pretrained(store: Store, campaign: Campaign, elements: Collection[str] | None = None) -> None:
    """Refuse a campaign that refines a committee which is not there, or is not like its own.

    Parameters
    ----------
    store : Store
    campaign : Campaign
    elements : collection of str, optional
        Of its first structures, where they are known.

    Raises
    ------
    InputError
        There is no such committee, its architecture is another one, or it knows other elements.
    """
    stage = campaign.training
    if stage.pretrained is None:
        return
    if store.collection(Committee).find_one({"_id": stage.pretrained}, {"_id": 1}) is None:
        raise InputError(
            "The committee to refine is not in this database",
            "Give training.pretrained an id of `beamheat find committees`, or leave it out.",
            {"training.pretrained": stage.pretrained},
        )
    teacher = pretrained_member(store, stage, 0)
    wanted = stage.model_dump(include=set(_ARCHITECTURE))
    other = {name: has for name in wanted if (has := teacher.hyperparameters.get(name)) != wanted[name]}
    if other:
        raise InputError(
            "The committee to refine has another architecture than the campaign asks for",
            "Give training the committee's values, or leave training.pretrained out.",
            {f"training.{name}": f"{wanted[name]}, the committee has {has}" for name, has in other.items()},
        )
    if elements is not None and set(elements) != set(teacher.elements):
        raise InputError(
            "The committee to refine knows other elements than the campaign's structures have",
            "Pre-train one with these elements, or leave training.pretrained out.",
            {"structures": sorted(elements), "committee": sorted(teacher.elements)},
        )
