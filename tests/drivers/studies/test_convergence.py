"""Which calculations a convergence study makes, and what they say of real GPAW labels."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.build import graphene

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.labelling.results import Evaluation, LabelResult
from beamheat_fw.drivers.studies.calculations import Calculation, calculate
from beamheat_fw.drivers.studies.convergence import plan_scans
from beamheat_fw.drivers.studies.errors_and_costs import error_of_campaign, judge_scans
from beamheat_fw.errors import InputError, Interrupted


def values(scans):
    return {scan.parameter: [point.value for point in scan.points] for scan in scans}


def test_scans_go_from_coarse_to_tight_around_the_campaigns_settings():
    sheet = graphene(size=(2, 2, 1), vacuum=5.0)
    waves = GpawSettings(mode="pw", cutoff_eV=400.0, kpts=(2, 2, 1))
    assert values(plan_scans(sheet, waves)) == {
        "cutoff": ["280", "340", "400", "480", "600"],
        "kpts": ["1 1 1", "2 2 1", "3 3 1", "4 4 1"],
        "vacuum": ["3.5", "5", "7", "10"],
        "smearing": ["0.2", "0.1", "0.05", "0.025"],
    }
    orbitals = values(plan_scans(sheet, GpawSettings(basis="szp(dzp)", h_A=0.2)))
    assert orbitals["basis"] == ["sz(dzp)", "szp(dzp)", "dzp", "plane waves, 500 eV"]
    assert set(orbitals) == {"grid", "basis", "kpts", "vacuum", "smearing"}


@pytest.mark.parametrize("settings", [GpawSettings(), GpawSettings(mode="pw", kpts=(2, 2, 1))])
def test_every_scan_holds_the_campaigns_own_label_once_and_it_is_one_calculation(settings):
    scans = plan_scans(graphene(size=(2, 2, 1), vacuum=5.0), settings)
    chosen = [point for scan in scans for point in scan.points if point.chosen]
    assert len(chosen) == len(scans)
    assert len({point.calculation.id for point in chosen}) == 1


def test_only_periodic_directions_get_k_points_and_only_others_vacuum():
    molecule = graphene(size=(2, 2, 1), vacuum=5.0)
    molecule.pbc = False
    assert set(values(plan_scans(molecule, GpawSettings(mode="pw")))) == {"cutoff", "vacuum", "smearing"}
    molecule.pbc = True
    assert set(values(plan_scans(molecule, GpawSettings(mode="pw")))) == {"cutoff", "kpts", "smearing"}


def test_a_calculation_is_known_by_structure_settings_and_ghosts(hydrogen, quick):
    plain = Calculation(hydrogen, quick)
    assert Calculation(hydrogen.copy(), quick.model_copy()).id == plain.id
    ghostly = hydrogen.copy()
    ghostly.set_array("ghost", np.array([True, False]))
    others = [
        Calculation(ghostly, quick),
        Calculation(hydrogen, quick.model_copy(update={"smearing_eV": 0.2})),
        Calculation(hydrogen[::-1], quick),
    ]
    assert len({plain.id, *(other.id for other in others)}) == 4


@pytest.mark.gpaw
def test_errors_fall_towards_the_reference_and_an_interrupted_study_goes_on(hydrogen, quick, site):
    waves = quick.model_copy(update={"mode": "pw", "cutoff_eV": 300.0})
    (scan,) = (scan for scan in plan_scans(hydrogen, waves) if scan.parameter == "cutoff")
    scans = [replace(scan, points=[scan.points[0], scan.points[2], scan.points[4]])]
    calculations = [point.calculation for point in scans[0].points]

    def finished():
        return {path: path.stat().st_mtime_ns for path in site().folder.rglob("results/*.json")}

    ended = []
    begun = calculate(calculations, site(stop=lambda: bool(ended)))
    assert next(begun)[0].id == calculations[0].id
    kept = finished()
    ended.append(True)
    with pytest.raises(Interrupted):
        next(begun)
    results = {calculation.id: result for calculation, result in calculate(calculations, site())}
    everything = finished()
    assert len(everything) == len(calculations) > len(kept) == 1
    assert kept.items() <= everything.items()
    again = {calculation.id: result for calculation, result in calculate(calculations, site())}
    assert finished() == everything
    assert [each.to_dict() for each in again.values()] == [each.to_dict() for each in results.values()]

    (document,) = judge_scans(scans, results)
    errors = [point["energy_error_meV_per_atom"] for point in document["points"]]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 5.0
    assert errors[-1] == 0.0
    assert document["points"][-1]["reference"]
    assert all(point["wall_s"] >= 0.9 * point["cpu_s"] > 0.0 for point in document["points"])
    (chosen,) = [point for point in document["points"] if point["chosen"]]
    assert error_of_campaign(scans, results)["energy_error_meV_per_atom"] == pytest.approx(
        abs(chosen["energy_error_meV_per_atom"])
    )


def test_a_failed_reference_leaves_errors_unknown_and_says_why(hydrogen, quick):
    scans = [scan for scan in plan_scans(hydrogen, quick) if scan.parameter == "smearing"]
    found = Evaluation(-7.0, -7.0, np.zeros((2, 3)))
    stats = {"wall_s": 2.0, "cpu_s": 3.5, "ranks": 2}
    results = {
        point.calculation.id: LabelResult(point.calculation.id, "completed", found, run_stats=stats)
        for point in scans[0].points
    }
    assert error_of_campaign(scans, results)["force_rms_error_eV_A"] == 0.0
    reference = scans[0].points[-1].calculation.id
    results[reference] = LabelResult(reference, "failed", errors=("KohnShamConvergenceError",))
    (document,) = judge_scans(scans, results)
    assert document["points"][-1]["reason"] == "KohnShamConvergenceError"
    assert all(point["force_rms_error_eV_A"] is None for point in document["points"])
    assert [point["cpu_s"] for point in document["points"]] == [3.5, 3.5, 3.5, None]
    assert error_of_campaign(scans, results) is None
    json.dumps(document)


def test_two_studies_do_not_share_a_folder(hydrogen, quick, site):
    waiting = calculate([Calculation(hydrogen, quick)], site())
    with site_locked(site()), pytest.raises(InputError, match="Another study"):
        next(waiting)


def site_locked(where):
    from beamheat_fw.drivers.studies.calculations import _alone_in

    return _alone_in(where.folder)
