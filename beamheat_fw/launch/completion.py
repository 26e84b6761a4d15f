"""How a launch ended, written to its folder before the database hears of it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bson import encode
from fireworks import FWAction
from fireworks.utilities.fw_serializers import DATETIME_HANDLER, reconstitute_dates

from beamheat_fw.errors import IntegrityError, StoreError
from beamheat_fw.whole_files import write_whole

FILE_NAME = "beamheat_completion.json"
#: A spec that gets an action's updates must stay below MongoDB's 16 MiB a document.
LARGEST_ACTION_BYTES = 12 * 2**20


@dataclass(frozen=True)
class Completion:
    """The end of a launch.

    Attributes
    ----------
    launch_id, fw_id : int
    state : {'COMPLETED', 'FIZZLED'}
    action : dict or None
        The FWAction, as a document.
    database : str
        The name of the database: a folder may have served another one before.
    """

    launch_id: int
    fw_id: int
    state: str
    action: dict[str, Any] | None
    database: str

    def write(self, folder: Path) -> Path:
        """Write it to a launch folder, whole or not at all, and return the file."""
        path = folder / FILE_NAME
        # When the machine crashes too, the work is found done in its job folder.
        write_whole(path, json.dumps(self.__dict__, default=DATETIME_HANDLER).encode(), durable=False)
        return path

    def fwaction(self) -> FWAction | None:
        """Return the FWAction, which may import the classes it names."""
        if self.action is None:
            return None
        try:
            return FWAction.from_dict(reconstitute_dates(self.action))
        except (KeyError, TypeError) as error:
            raise IntegrityError(
                "A completion holds no FWAction",
                f"Remove {FILE_NAME} from the launch folder; the firework will be run again.",
                {"launch_id": self.launch_id},
            ) from error


def read_completion(folder: str | os.PathLike[str]) -> Completion | None:
    """Return the completion that waits in a launch folder, or None.

    Raises
    ------
    IntegrityError
        The file is not what `Completion.write` writes.
    """
    path = Path(folder) / FILE_NAME
    try:
        return Completion(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, TypeError, UnicodeDecodeError) as error:
        raise IntegrityError(
            "A completion file is damaged", "Remove it; the firework will be run again.", {"file": str(path)}
        ) from error


def forget_completion(folder: str | os.PathLike[str]) -> None:
    """Remove the completion of a launch folder: the database has it, or may not have it any more."""
    (Path(folder) / FILE_NAME).unlink(missing_ok=True)


def fitting(action: FWAction | None, state: str) -> tuple[dict[str, Any] | None, str]:
    """Return an action as a document, with its final state; one that MongoDB cannot hold is a failure.

    Parameters
    ----------
    action : FWAction or None
    state : {'COMPLETED', 'FIZZLED'}

    Returns
    -------
    dict or None
        The action's document, or that of a failed action which says what was too large.
    str
        The state, FIZZLED for an action that was too large.
    """
    document = action.to_dict() if action else None
    size = len(encode(document)) if document else 0
    if size <= LARGEST_ACTION_BYTES:
        return document, state
    error = StoreError(
        "A firetask returned more than a MongoDB document holds",
        "Save arrays as artifacts and return their ids.",
        {"action_MB": round(size / 2**20, 1), "limit_MB": LARGEST_ACTION_BYTES // 2**20},
    )
    exception = {"_stacktrace": error.message(), "_details": error.to_dict()}
    failed = FWAction(stored_data={"_message": error.what, "_task": None, "_exception": exception}, exit=True)
    return failed.to_dict(), "FIZZLED"
