"""What a binding curve's calculations found: energies of binding, and the minimum of each curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from beamheat_fw.drivers.labelling.results import Evaluation, LabelResult
from beamheat_fw.drivers.studies.binding import Rung
from beamheat_fw.drivers.studies.calculations import Calculation
from beamheat_fw.physics.labels.binding_curve import find_minimum, interaction_eV

Results = Mapping[str, LabelResult]
Energy = Callable[[Evaluation], float]

#: Each curve's key in a point, and what it is called; those that say nothing new are left out.
_NAMES = {
    "binding_eV": "binding energy",
    "without_dispersion_eV": "without dispersion",
    "uncorrected_eV": "not counterpoise-corrected",
}


def judge_rungs(rungs: Sequence[Rung], results: Results) -> dict[str, Any]:
    """Return the points and curves of a binding curve as a document.

    With orbitals ``binding_eV`` is counterpoise-corrected, and ``uncorrected_eV`` stands beside it; with
    plane waves there is nothing to correct. ``without_dispersion_eV`` is ``binding_eV`` less what the
    dispersion correction adds to it.

    Parameters
    ----------
    rungs : sequence of Rung
        In ascending order of height.
    results : mapping of str to LabelResult
        By the calculation's id.
    """
    points = [_point(rung, results) for rung in rungs]
    curves = [_curve(key, name, points) for key, name in _NAMES.items() if _says_something(key, points)]
    return {"points": points, "curves": curves, "warnings": _warnings(points, curves)}


def _point(rung: Rung, results: Results) -> dict[str, Any]:
    own = (rung.particle, rung.support)
    ghosts = (rung.particle_with_ghosts, rung.support_with_ghosts)
    parts = own if ghosts[0] is None or ghosts[1] is None else (ghosts[0], ghosts[1])
    failed = [results[each.id].errors[0] for each in rung.calculations() if results[each.id].errors]
    return {
        "height_A": rung.height_A,
        "binding_eV": _binding(rung.both, parts, results, lambda found: found.energy_eV),
        "without_dispersion_eV": _binding(
            rung.both, parts, results, lambda found: found.energy_eV - found.dispersion_eV
        ),
        "uncorrected_eV": None
        if parts is own
        else _binding(rung.both, own, results, lambda found: found.energy_eV),
        "reason": failed[0] if failed else None,
    }


def _binding(
    both: Calculation, parts: tuple[Calculation, Calculation], results: Results, energy: Energy
) -> float | None:
    found = [results[each.id].evaluation for each in (both, *parts)]
    energies = [energy(evaluation) for evaluation in found if evaluation is not None]
    return interaction_eV(*energies) if len(energies) == len(found) else None


def _says_something(key: str, points: Sequence[Mapping[str, Any]]) -> bool:
    known = [point for point in points if point[key] is not None]
    return key == "binding_eV" or any(point[key] != point["binding_eV"] for point in known)


def _curve(key: str, name: str, points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    known = [point for point in points if point[key] is not None]
    minimum = None
    if len(known) >= 3:
        heights, energies = (np.array([point[each] for point in known]) for each in ("height_A", key))
        minimum = find_minimum(heights, energies)
    return {"key": key, "name": name, "minimum": None if minimum is None else asdict(minimum)}


def _warnings(points: Sequence[Mapping[str, Any]], curves: Sequence[Mapping[str, Any]]) -> list[str]:
    warnings = [f"{point['height_A']:g} Å: {point['reason']}" for point in points if point["reason"]]
    if curves[0]["minimum"] is None:
        warnings.append("no minimum lies within the heights calculated: the particle is not bound there")
    return warnings
