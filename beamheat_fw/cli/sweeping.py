"""The sweeps of `beamheat predict`: over dose rate, beam energy, size and shape, as CSV and as a figure."""

from __future__ import annotations

import csv as csv_format
import io
import os
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from beamheat_fw.errors import InputError
from beamheat_fw.physics import energy_loss
from beamheat_fw.physics.energy_loss import EnergyLoss
from beamheat_fw.physics.heat_flow import HeatFlow

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES = ("dose-rate", "energy", "size", "shape")


def parse_sweeps(texts: list[str], flow: HeatFlow) -> dict[str, list[float]]:
    """Read ``NAME=START:STOP:COUNT`` (evenly spaced in the logarithm) or ``NAME=A,B,C``.

    Returns
    -------
    dict of str to list of float
        Every name; those not swept have their one value.

    Raises
    ------
    InputError
        A sweep cannot be read, is not above zero, or is given twice.
    """
    axes = {
        "dose-rate": [flow.beam.dose_rate_e_A2_s.value],
        "energy": [flow.beam.energy_keV],
        "size": [1.0],
        "shape": [1.0],
    }
    for text in texts:
        name, _, values = text.partition("=")
        if name not in _NAMES:
            raise InputError("The sweep is not known", f"Sweep one of {', '.join(_NAMES)}.", {"sweep": text})
        axes[name] = _values(text, values)
    return axes


def _values(text: str, values: str) -> list[float]:
    try:
        if ":" in values:
            start, stop, count = values.split(":")
            found = np.geomspace(float(start), float(stop), int(count)).tolist()
        else:
            found = [float(value) for value in values.split(",")]
    except ValueError:
        found = []
    if not found or not all(np.isfinite(value) and value > 0.0 for value in found):
        raise InputError(
            "The sweep's values cannot be read",
            "Write NAME=START:STOP:COUNT or NAME=A,B,C with values above zero, such as dose-rate=1e4:1e8:41.",
            {"sweep": text},
        )
    return found


def run_sweep(
    flow: HeatFlow, loss: EnergyLoss, axes: dict[str, list[float]], csv: Path | None, figure: Path | None
) -> list[dict[str, float]]:
    """Predict over the product of the axes, and write the table and the figure asked for.

    Returns
    -------
    list of dict
        One record a prediction: size and shape factors, volume and contact area, beam, power, rise and its
        interval.
    """
    from beamheat_fw.physics.prediction import sweep

    records = []
    for size, slenderness in product(axes["size"], axes["shape"]):
        particle = flow.particle.scaled(size, slenderness)
        moved = HeatFlow(particle, flow.beam, flow.interface, flow.support, flow.ambient_K)
        table = sweep(moved, _loss_at(flow, loss), axes["energy"], axes["dose-rate"])
        fixed = {
            "size": size,
            "shape": slenderness,
            "volume_nm3": particle.volume_nm3.value,
            "contact_area_nm2": particle.contact_area_nm2.value,
        }
        records += [fixed | row for row in table.rows()]
    if csv is not None:
        _write_csv(records, csv)
    if figure is not None:
        from beamheat_fw.report.rise_figure import draw_rises

        draw_rises(records, figure)
    return records


def _loss_at(flow: HeatFlow, loss: EnergyLoss) -> Callable[[float], EnergyLoss]:
    def at(beam_energy_keV: float) -> EnergyLoss:
        if beam_energy_keV == flow.beam.energy_keV:
            return loss
        if loss.source == energy_loss.PAPER:
            return energy_loss.from_paper(beam_energy_keV)
        return loss.at_energy(flow.particle.material, flow.beam.energy_keV, beam_energy_keV)

    return at


def _write_csv(records: list[dict[str, Any]], path: Path) -> None:
    text = io.StringIO()
    writer = csv_format.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    write_whole(path, text.getvalue().encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it, so that it is whole or absent.

    Raises
    ------
    InputError
        The folder does not exist or cannot be written to.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            "The file cannot be written",
            "Give a path in a folder that can be written to.",
            {"reason": str(error)},
        ) from None
