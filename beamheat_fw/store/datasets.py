"""Training sets: immutable, of one level of theory, their id the hash of what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from beamheat_fw.errors import InputError
from beamheat_fw.store.database import Store, make
from beamheat_fw.store.documents import Dataset, Label

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession


def create_dataset(
    store: Store,
    split: Mapping[str, Sequence[str]],
    *,
    campaign_id: str | None = None,
    fw_id: int | None = None,
    tags: Sequence[str] = (),
    session: ClientSession | None = None,
) -> str:
    """Make a dataset of completed labels; making the same one again changes nothing.

    Parameters
    ----------
    split : mapping of str to sequence of str
        Label ids by part, such as ``train`` and ``holdout``.

    Returns
    -------
    str
        The dataset's id.

    Raises
    ------
    InputError
        A label is missing or not completed, the labels are of several settings (their hashes are named), or
        two parts share a label. Nothing is written.
    """
    members = [label for part in split.values() for label in part]
    wanted = {"settings_hash": 1, "level": 1, "state": 1, "elements": 1}
    found = list(store.collection(Label).find({"_id": {"$in": members}}, wanted, session=session))
    _check_members(members, found)
    dataset = make(
        Dataset,
        split={name: list(ids) for name, ids in split.items()},
        settings_hash=found[0]["settings_hash"] if found else "",
        level=found[0]["level"] if found else "",
        elements=sorted({element for label in found for element in label["elements"]}),
        campaign_id=campaign_id,
        fw_id=fw_id,
        tags=tuple(tags),
    )
    store.create(dataset, session=session)
    return dataset.id


def _check_members(members: Sequence[str], found: Sequence[Mapping]) -> None:
    missing = sorted(set(members) - {label["_id"] for label in found})
    unfinished = sorted(label["_id"] for label in found if label["state"] != "completed")
    if missing or unfinished:
        raise InputError(
            "A dataset takes completed labels only",
            "Leave these labels out, or compute them first.",
            {"missing": missing[:3], "not_completed": unfinished[:3]},
        )
    settings = sorted({label["settings_hash"] for label in found})
    if len(settings) > 1:
        raise InputError(
            "A dataset cannot mix labels of several settings",
            "Take the labels of one settings hash.",
            {"settings_hashes": settings, "levels": sorted({label["level"] for label in found})},
        )
