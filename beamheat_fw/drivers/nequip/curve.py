"""The learning curve that nequip-train writes."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from beamheat_fw.drivers.nequip.config import CURVES_FOLDER


@dataclass(frozen=True)
class Epoch:
    """One pass over the training set; validation is by the averaged weights that are kept.

    Attributes
    ----------
    epoch : int
        From 0.
    training_loss : float
        Weighted mean of the mean squared errors of energies and forces.
    validation_loss : float
        Mean of the RMSE of forces (eV/Å) and of energies (eV/atom).
    force_mae_eV_A, force_rmse_eV_A : float
        Validation error of a force component.
    energy_mae_eV_atom, energy_rmse_eV_atom : float
        Validation error of the energy per atom.
    """

    epoch: int
    training_loss: float
    validation_loss: float
    force_mae_eV_A: float
    force_rmse_eV_A: float
    energy_mae_eV_atom: float
    energy_rmse_eV_atom: float


_COLUMNS = {
    "training_loss": "train_loss_epoch/weighted_sum",
    "validation_loss": "val0_epoch/weighted_sum",
    "force_mae_eV_A": "val0_epoch/forces_mae",
    "force_rmse_eV_A": "val0_epoch/forces_rmse",
    "energy_mae_eV_atom": "val0_epoch/per_atom_energy_mae",
    "energy_rmse_eV_atom": "val0_epoch/per_atom_energy_rmse",
}


def read_curve(attempt: Path) -> list[Epoch]:
    """Return the whole epochs of an attempt, in order.

    Lightning starts a new file after each resumption; where two hold an epoch, the later one counts.
    """
    rows: dict[int, dict[str, float]] = {}
    files = (attempt / CURVES_FOLDER).glob("version_*/metrics.csv")
    for file in sorted(files, key=lambda path: int(path.parent.name.removeprefix("version_"))):
        for epoch, values in _read_file(file).items():
            rows[epoch] = values
    return [
        Epoch(epoch=epoch, **{name: rows[epoch][column] for name, column in _COLUMNS.items()})
        for epoch in sorted(rows)
        if all(column in rows[epoch] for column in _COLUMNS.values())
    ]


def has_diverged(curve: Sequence[Epoch], limit: float) -> bool:
    """Tell whether a loss stopped being a number, or the training loss rose above `limit`."""
    return any(
        e.training_loss > limit or not math.isfinite(e.training_loss + e.validation_loss) for e in curve
    )


def write_curve(curve: Sequence[Epoch], file: Path) -> None:
    """Write a learning curve as CSV, one epoch a line."""
    waiting = file.with_suffix(".tmp")
    with waiting.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Epoch)])
        writer.writeheader()
        writer.writerows(asdict(epoch) for epoch in curve)
    waiting.rename(file)


def _read_file(file: Path) -> dict[int, dict[str, float]]:
    rows: dict[int, dict[str, float]] = {}
    # A killed writer leaves half a line; training and validation of an epoch stand in lines of their own.
    whole_lines = file.read_text().rpartition("\n")[0].splitlines()
    for row in csv.DictReader(whole_lines):
        values = {name: _number(value) for name, value in row.items() if value}
        rows.setdefault(int(row["epoch"]), {}).update(values)
    return rows


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
