"""What a convergence study found: errors and costs of each value against the tightest of its scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from beamheat_fw.drivers.labelling.results import LabelResult
from beamheat_fw.drivers.studies.convergence import Point, Scan
from beamheat_fw.physics.labels.label_errors import LabelError, in_quadrature, label_error

Results = Mapping[str, LabelResult]


def judge_scans(scans: Sequence[Scan], results: Results) -> list[dict[str, Any]]:
    """Return every scan as a document: parameter, unit, reference, points with errors and costs.

    Parameters
    ----------
    scans : sequence of Scan
    results : mapping of str to LabelResult
        By the calculation's id.
    """
    return [
        {
            "parameter": scan.parameter,
            "unit": scan.unit,
            "reference": scan.points[-1].value,
            "points": [_point(point, scan, results) for point in scan.points],
        }
        for scan in scans
    ]


def error_of_campaign(scans: Sequence[Scan], results: Results) -> dict[str, float] | None:
    """Return the errors of the campaign's own settings, those of all parameters added in quadrature.

    None when one of them is not known, because its calculation or its reference failed.
    """
    errors = [_error(point, scan, results) for scan in scans for point in scan.points if point.chosen]
    known = [error for error in errors if error is not None]
    return _plain(in_quadrature(known)) if len(known) == len(errors) else None


def _point(point: Point, scan: Scan, results: Results) -> dict[str, Any]:
    result = results[point.calculation.id]
    evaluation = result.evaluation
    error = _error(point, scan, results)
    return {
        "value": point.value,
        "chosen": point.chosen,
        "reference": point is scan.points[-1],
        "state": result.state,
        "reason": result.errors[0] if result.errors else None,
        "energy_eV": None if evaluation is None else evaluation.energy_eV,
        **_plain(error),
        "wall_s": result.run_stats.get("wall_s"),
        "ranks": result.run_stats.get("ranks"),
        "cpu_s": result.run_stats.get("cpu_s"),
        "iterations": None if evaluation is None else evaluation.iterations,
        "warnings": list(result.warnings),
    }


def _error(point: Point, scan: Scan, results: Results) -> LabelError | None:
    found, reference = (results[each.calculation.id].evaluation for each in (point, scan.points[-1]))
    if found is None or reference is None:
        return None
    return label_error(found.energy_eV, found.forces_eV_A, reference.energy_eV, reference.forces_eV_A)


def _plain(error: LabelError | None) -> dict[str, Any]:
    return {
        "energy_error_meV_per_atom": None if error is None else error.energy_meV_per_atom,
        "force_rms_error_eV_A": None if error is None else error.force_rms_eV_A,
        "force_max_error_eV_A": None if error is None else error.force_max_eV_A,
    }
