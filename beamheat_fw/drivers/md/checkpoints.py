"""Checkpoints that survive a kill at any moment: written, flushed, renamed, and checked when read."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from beamheat_fw.errors import InputError, IntegrityError
from beamheat_fw.whole_files import write_whole

_MAGIC = "beamheat-checkpoint 1"
#: Checkpoints of each rank that stay on disk: one that is cut short leaves the one before it.
KEPT = 2


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The whole state of a rank.

    Attributes
    ----------
    step : int
    arrays : mapping of str to ndarray
    info : mapping
        What is no array, such as the state of the random numbers; plain data.
    """

    step: int
    arrays: Mapping[str, np.ndarray]
    info: Mapping[str, Any]


class CheckpointFolder:
    """The checkpoints of one rank of a run.

    Parameters
    ----------
    folder : Path
    name : str
        What the files' names start with, one name a rank.
    run_key : str
        The hash of what the run is: a checkpoint of another run is refused.
    """

    def __init__(self, folder: Path, name: str, run_key: str) -> None:
        self._folder = folder
        self._name = name
        self._run_key = run_key
        self._passed_over: list[str] = []

    @property
    def passed_over(self) -> list[str]:
        """Reasons why files were passed over by `latest`."""
        return self._passed_over

    def save(self, checkpoint: Checkpoint) -> Path:
        """Write a checkpoint and remove all but the last two."""
        payload = io.BytesIO()
        head = {"step": checkpoint.step, "run_key": self._run_key, "info": checkpoint.info}
        np.savez(payload, head=np.array(json.dumps(head)), **checkpoint.arrays)  # type: ignore[arg-type]
        digest = hashlib.sha256(payload.getbuffer()).hexdigest()
        path = self._folder / f"{self._name}-{checkpoint.step:012d}.ckpt"
        write_whole(path, f"{_MAGIC} {digest}\n".encode() + payload.getvalue())
        for old in self._files()[:-KEPT]:
            old.unlink()
        return path

    def latest(self) -> Checkpoint | None:
        """Return the last whole checkpoint, or None if there is none.

        A file that was cut short or altered is passed over (see `passed_over`) and the one before it is used.

        Raises
        ------
        InputError
            The checkpoint belongs to another run.
        """
        for path in reversed(self._files()):
            try:
                return self._read(path)
            except IntegrityError as error:
                self._passed_over.append(error.message())
        return None

    def clear(self) -> None:
        """Remove all checkpoints: what they were for is done."""
        for path in self._files():
            path.unlink()

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"{self._name}-*.ckpt"))

    def _read(self, path: Path) -> Checkpoint:
        arrays = _checked_arrays(path)
        head = json.loads(str(arrays.pop("head")))
        if head["run_key"] != self._run_key:
            raise InputError(
                "The checkpoint belongs to another run",
                "Give each run a folder of its own, or remove the checkpoints to start anew.",
                {"checkpoint": str(path), "its_run": head["run_key"], "this_run": self._run_key},
            )
        return Checkpoint(step=head["step"], arrays=arrays, info=head["info"])


def _checked_arrays(path: Path) -> dict[str, np.ndarray]:
    head, _, payload = path.read_bytes().partition(b"\n")
    expected = head.decode(errors="replace").removeprefix(_MAGIC).strip()
    if hashlib.sha256(payload).hexdigest() != expected:
        raise IntegrityError(
            "The checkpoint was cut short or altered",
            "The one before it is used; nothing has to be done.",
            {"checkpoint": str(path), "bytes": len(payload)},
        )
    with np.load(io.BytesIO(payload)) as stored:
        return {name: stored[name] for name in stored.files}
