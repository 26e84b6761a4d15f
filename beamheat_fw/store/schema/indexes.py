"""The indexes behind every documented query; `Store.ensure_indexes` creates them."""

from __future__ import annotations

from typing import Final

from pymongo import ASCENDING, IndexModel

_MATERIALS: Final = ("labels", "md_runs", "conductances", "predictions")
_WITH_STATE: Final = ("campaigns", "labels", "potentials", "rounds", "md_runs")
_OTHERS: Final = ("datasets", "committees", "spectra")


def _dated(*fields: str) -> IndexModel:
    """By these fields, then in the order of `Store.find`."""
    return _index(*fields, "created_at", "_id")


def _index(*fields: str, unique: bool = False) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in fields], unique=unique)


def _table() -> dict[str, list[IndexModel]]:
    # What `beamheat find` filters by, each with the date it sorts by.
    table = {
        name: [_dated(), _dated("campaign_id"), _dated("tags")]
        for name in {*_MATERIALS, *_WITH_STATE, *_OTHERS}
    }
    for name in _MATERIALS:
        table[name] += [_dated("formula_pretty"), _dated("elements")]
    for name in _WITH_STATE:
        table[name].append(_dated("state"))
    table["campaigns"].append(_dated("name"))
    table["labels"] += [
        _index("requests.campaign_id", "requests.round"),
        _index("structure_hash", "settings_hash", unique=True),
        _index("settings_hash", "state", "last_updated"),
    ]
    table["datasets"].append(_index("label_ids"))
    table["potentials"] += [_index("campaign_id", "round", "member", unique=True), _index("dataset_id")]
    table["committees"] += [_index("campaign_id", "round", unique=True), _index("potential_ids")]
    table["rounds"] += [_index("campaign_id", "round", unique=True), _index("label_ids")]
    table["md_runs"] += [_index("campaign_id", "run_key", unique=True), _index("committee_id", "kind")]
    table["conductances"] += [_index("campaign_id", "result_key", unique=True), _index("conductance_MW_m2K")]
    table["spectra"].append(_index("file_sha256"))
    table["predictions"] += [_index("campaign_id", "result_key", unique=True), _index("delta_T_K")]
    table["provenance"] = [_index("to.id"), _index("from.id"), _index("launch_id")]
    table["artifacts.files"] = [_index("filename", unique=True)]
    return table


#: Collection name and its indexes.
INDEXES: Final = _table()
