"""The files of a labelling folder, as driver and program share them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import ase.io
from ase import Atoms

from beamheat_fw.drivers.labelling.reference import Settings, read_settings
from beamheat_fw.drivers.labelling.results import Attempt, LabelResult, write_json
from beamheat_fw.errors import InputError

_LABEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class LabellingFolder:
    """A folder with structures to label; see the package for its files.

    Attributes
    ----------
    root : Path
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._in_flight = root / "in_flight"
        self._earlier = root / "earlier.json"

    def prepare(self) -> None:
        """Make the folders that results and logs go to."""
        for name in ("results", "logs"):
            (self.root / name).mkdir(exist_ok=True)

    def settings(self) -> Settings:
        """Return what the labels mean."""
        return read_settings(self.root / "settings.json")

    def structures(self) -> dict[str, Atoms]:
        """Return the structures by label id, in the order of the file.

        Raises
        ------
        InputError
            The file cannot be read, or a structure has no label id, one that is no file name, or one that
            another structure has.
        """
        path = self.root / "structures.extxyz"
        try:
            frames = ase.io.read(path, index=":", format="extxyz")
            if not frames:
                raise ValueError("no structures in it")
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise InputError(
                "The structures to label cannot be read",
                "Write them as extended XYZ.",
                {"file": str(path), "reason": f"{type(error).__name__}: {error}"},
            ) from None
        structures: dict[str, Atoms] = {}
        for index, atoms in enumerate(frames):
            label_id = str(atoms.info.get("label_id", ""))
            if not _LABEL_ID.fullmatch(label_id) or label_id in structures:
                raise InputError(
                    "A structure to label has no label id of its own",
                    "Give each frame another info['label_id'] of letters, digits, '-' and '_'.",
                    {"file": str(path), "frame": index, "label_id": label_id},
                )
            structures[label_id] = atoms
        return structures

    def result(self, label_id: str) -> Path:
        """Return where a label's result is, or will be."""
        return self.root / "results" / f"{label_id}.json"

    def finished(self) -> set[str]:
        """Return the ids of the labels that have a result."""
        return {path.stem for path in (self.root / "results").glob("*.json")}

    def save(self, result: LabelResult) -> None:
        """Write a label's result and clear it from flight."""
        result.write(self.result(result.label_id))
        self._in_flight.unlink(missing_ok=True)

    def log(self, label_id: str, attempt: int) -> Path:
        """Return the code's own log of an attempt, counted from 0."""
        return self.root / "logs" / f"{label_id}.{attempt}.txt"

    def take_off(self, label_id: str) -> None:
        """Note which label is being calculated."""
        self._in_flight.write_text(label_id)

    def in_flight(self) -> str | None:
        """Return the label that was being calculated when the program ended, None if none was."""
        label_id = self._in_flight.read_text().strip() if self._in_flight.exists() else ""
        return label_id if label_id and label_id not in self.finished() else None

    def seconds_in_flight(self) -> float:
        """Return how long ago the label in flight was begun; 0 when none is."""
        with suppress(FileNotFoundError):
            return time.time() - self._in_flight.stat().st_mtime
        return 0.0

    def earlier(self) -> dict[str, list[Attempt]]:
        """Return the attempts at each label that ended with their program."""
        found = json.loads(self._earlier.read_text()) if self._earlier.exists() else {}
        return {label_id: [Attempt(**each) for each in attempts] for label_id, attempts in found.items()}

    def record(self, label_id: str, attempts: Sequence[Attempt]) -> None:
        """Write down all attempts at a label without a result, for the next program; clear it from flight.

        An attempt without correction is one that nobody has judged yet.
        """
        everyone = {**self.earlier(), label_id: list(attempts)}
        write_json(self._earlier, {each: [asdict(one) for one in told] for each, told in everyone.items()})
        self._in_flight.unlink(missing_ok=True)

    def wished_ranks(self) -> dict[str, int]:
        """Return the labels that wait for a program of more ranks, and of how many."""
        wishes = {
            label_id: max((attempt.ranks or 0 for attempt in attempts), default=0)
            for label_id, attempts in self.earlier().items()
        }
        return {label_id: ranks for label_id, ranks in wishes.items() if ranks}
