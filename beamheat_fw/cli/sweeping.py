"""The sweeps of `beamheat predict`: over beam, size, shape and conductance, as CSV and as a figure."""

from __future__ import annotations

import csv as csv_format
import io
import os
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise import energy_loss
from beamheat_fw.physics.rise.energy_loss import EnergyLoss
from beamheat_fw.physics.rise.heat_flow import HeatFlow, Particle

if TYPE_CHECKING:
    from collections.abc import Callable

    from beamheat_fw.cli.particle_options import Body

_NAMES = ("dose-rate", "energy", "size", "shape", "conductance")


@dataclass(frozen=True)
class Shape:
    """One of the particles that are compared.

    Attributes
    ----------
    name : str or float
        Its file's name, or the slenderness relative to the particle given.
    particle : Particle
    side_over_contact : float or None
        S/A, the paper's measure of the shape, where its atoms are known.
    """

    name: str | float
    particle: Particle
    side_over_contact: float | None = None


@dataclass(frozen=True)
class Axes:
    """What is swept; those not swept have their one value."""

    dose_rates_e_A2_s: list[float]
    energies_keV: list[float]
    sizes: list[float]
    shapes: list[Shape]
    conductances_MW_m2K: list[float]


def parse_sweeps(texts: list[str], flow: HeatFlow, read: Callable[[Path], Body]) -> Axes:
    """Read ``NAME=START:STOP:COUNT`` (evenly spaced in the logarithm) or ``NAME=A,B,C``.

    Parameters
    ----------
    texts : list of str
    flow : HeatFlow
    read : callable
        Builds a particle from a file: ``shape=A.xyz,B.xyz`` compares such.

    Raises
    ------
    InputError
        A sweep cannot be read, is not above zero, or is given twice.
    """
    given: dict[str, str] = {}
    for text in texts:
        name, _, values = text.partition("=")
        if name not in _NAMES or name in given:
            raise InputError(
                "The sweep is not known, or given twice",
                f"Sweep each of {', '.join(_NAMES)} once at most.",
                {"sweep": text},
            )
        given[name] = values

    def axis(name: str, otherwise: float) -> list[float]:
        return _values(name, given[name]) if name in given else [otherwise]

    return Axes(
        axis("dose-rate", flow.beam.dose_rate_e_A2_s.value),
        axis("energy", flow.beam.energy_keV),
        axis("size", 1.0),
        _shapes(given.get("shape", "1"), flow.particle, read),
        axis("conductance", flow.interface.conductance_MW_m2K.value),
    )


def _shapes(values: str, particle: Particle, read: Callable[[Path], Body]) -> list[Shape]:
    paths = [Path(value.strip()) for value in values.split(",")]
    if not any(path.suffix and not _is_number(str(path)) for path in paths):
        return [Shape(factor, particle.scaled(slenderness=factor)) for factor in _values("shape", values)]
    found = []
    for path in paths:
        body = read(path)
        ratio = None if body.shape is None else body.shape.side_area_nm2 / body.shape.contact_area_nm2
        found.append(Shape(path.stem, body.particle, ratio))
    return found


def _is_number(text: str) -> bool:
    try:
        float(text.split(":")[0])
    except ValueError:
        return False
    return True


def _values(name: str, values: str) -> list[float]:
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
            {"sweep": f"{name}={values}"},
        )
    return found


def run_sweep(
    flow: HeatFlow, loss: EnergyLoss, axes: Axes, csv: Path | None, figure: Path | None
) -> list[dict[str, Any]]:
    """Predict over the product of the axes, and write the table and the figure asked for.

    Returns
    -------
    list of dict
        One record a prediction: size and shape, volume and contact area, conductance, beam, power, rise and
        its interval.
    """
    from beamheat_fw.physics.rise.sweep import sweep

    _require_places(csv, figure)
    records = []
    known = flow.interface.conductance_MW_m2K
    for conductance, size, shape in product(axes.conductances_MW_m2K, axes.sizes, axes.shapes):
        particle = shape.particle.scaled(size)
        interface = replace(flow.interface, conductance_MW_m2K=known.scaled(conductance / known.value))
        moved = replace(flow, particle=particle, interface=interface)
        table = sweep(moved, _loss_at(flow, loss), axes.energies_keV, axes.dose_rates_e_A2_s)
        fixed: dict[str, Any] = {
            "size": size,
            "shape": shape.name,
            "side_over_contact": shape.side_over_contact,
            "volume_nm3": particle.volume_nm3.value,
            "contact_area_nm2": particle.contact_area_nm2.value,
            "conductance_MW_m2K": conductance,
        }
        records += [fixed | row for row in table.rows()]
    if csv is not None:
        _write_csv(records, csv)
    if figure is not None:
        from beamheat_fw.report.rise_figure import draw_rises

        draw_rises(records, figure)
    return records


def _require_places(csv: Path | None, figure: Path | None) -> None:
    """Refuse a figure that cannot be drawn before the table is written, and the other way round."""
    for path in (csv, figure):
        if path is not None and not path.parent.is_dir():
            raise InputError("The file's folder does not exist", "Make it first.", {"file": str(path)})
    if figure is not None and figure.suffix not in (".png", ".pdf", ".svg"):
        raise InputError(
            "The figure's format is not known",
            "Give a path that ends in .png, .pdf or .svg.",
            {"figure": str(figure)},
        )


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
