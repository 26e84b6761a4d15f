"""Schema 1 to 2: labels say who made them, and the series of spectrum maps leave their documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beamheat_fw.identity import bytes_sha256
from beamheat_fw.store.positions import part_positions
from beamheat_fw.store.schema.migration_step import Changed

if TYPE_CHECKING:
    from beamheat_fw.store.database import Store


def label_made_by(store: Store, label: dict[str, Any]) -> Changed:
    """Look up who made a label in FireWorks' launches; code versions were not recorded for labels.

    A label whose firework had several launches was made by the last one that began before the label was done.
    """
    made_by = None
    if label.get("fw_id") is not None and label["state"] == "completed":
        launches = store.db["launches"].find(
            {"fw_id": label["fw_id"]}, {"launch_id": 1, "host": 1, "time_start": 1}
        )
        done = f"{label['last_updated']:%Y-%m-%dT%H:%M:%S.%f}"
        begun = [each for each in launches if (each.get("time_start") or "") <= done]
        if begun:
            last = max(begun, key=lambda each: each.get("time_start") or "")
            made_by = {"launch_id": last["launch_id"], "host": last.get("host") or "", "versions": {}}
    return Changed(label | {"made_by": made_by})


def spectrum_positions(store: Store, spectrum: dict[str, Any]) -> Changed:
    """Move the values at every position of a map into an artifact."""
    windows, content = part_positions(spectrum.get("windows", {}))
    sha256 = None if content is None else bytes_sha256(content)
    return Changed(
        spectrum | {"windows": windows, "positions_sha256": sha256}, () if content is None else (content,)
    )
