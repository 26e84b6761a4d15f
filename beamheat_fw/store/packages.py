"""A committee's packaged models out of GridFS, with what one must know to use them."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from beamheat_fw.errors import InputError, StoreError
from beamheat_fw.store.artifacts import fetch_artifact
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Committee, Potential

CARD: Final = "committee.json"


def write_packages(store: Store, committee_id: str, folder: Path, *, replace: bool = False) -> int:
    """Write the members as ``member-N.nequip.zip`` and ``committee.json``; return how many members.

    The folder appears whole or not at all. ``nequip-compile`` takes the packages.

    Raises
    ------
    InputError
        The folder cannot be written.
    StoreError
        There is no such committee, or a member has no package.
    """
    committee = store.load(Committee, committee_id)
    members = [store.load(Potential, identifier) for identifier in committee.potential_ids]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for member in members:
                _write_member(store, member, draft)
            card = json.dumps(_card(committee, members), indent=1, default=str)
            (draft / CARD).write_text(card + "\n", encoding="utf-8")
            draft.chmod(0o755)
            _put_in_place(draft, folder, replace)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise InputError(
            "The folder cannot be written",
            "Choose another place.",
            {"folder": str(folder), "reason": str(error)},
        ) from None
    return len(members)


def _put_in_place(draft: Path, folder: Path, replace: bool) -> None:
    """Rename a finished folder; an older one stands beside it until then, and comes back if that fails."""
    older = draft.with_name(f"{draft.name}.replaced")
    if replace and folder.is_dir():
        folder.rename(older)
    try:
        draft.rename(folder)
    except OSError:
        if older.is_dir():
            older.rename(folder)
        raise
    shutil.rmtree(older, ignore_errors=True)


def _write_member(store: Store, member: Potential, folder: Path) -> None:
    if member.artifact_sha256 is None:
        raise StoreError(
            "A member of the committee has no packaged model", "Train it again.", {"potential": member.id}
        )
    fetch_artifact(store, member.artifact_sha256, folder / _file_name(member))


def _card(committee: Committee, members: list[Potential]) -> dict[str, Any]:
    known = ("id", "campaign_id", "round", "dataset_id", "elements", "settings_hash", "metrics")
    card = committee.model_dump(include={*known, "calibration", "coverage"})
    shown = {"id", "member", "model_seed", "data_seed", "metrics", "artifact_sha256"}
    return card | {
        "members": [{"file": _file_name(each)} | each.model_dump(include=shown) for each in members]
    }


def _file_name(member: Potential) -> str:
    return f"member-{member.member}.nequip.zip"
