"""Binding curves: limits that hold whatever the settings, on real GPAW."""

import numpy as np
import pytest

from beamheat_fw.drivers.studies.binding import plan_rungs
from beamheat_fw.drivers.studies.binding_energies import judge_rungs
from beamheat_fw.drivers.studies.calculations import calculate


def test_heights_move_the_particle_alone_and_the_support_alone_is_one_calculation(molecules, quick):
    rungs = plan_rungs(molecules, [2.4, 3.0, 6.0], quick)
    assert len({rung.support.id for rung in rungs}) == 1
    assert len({rung.particle.id for rung in rungs}) == 3
    for rung in rungs:
        whole = rung.both.atoms
        np.testing.assert_allclose(whole.cell, rungs[0].both.atoms.cell)
        np.testing.assert_allclose(whole.positions[:2], rungs[0].both.atoms.positions[:2])
        assert whole.positions[2, 2] - whole.positions[0, 2] == pytest.approx(rung.height_A)
        assert whole.cell[2, 2] == pytest.approx(6.0 + 2 * 2.6)
    assert len({rung.particle_with_ghosts.id for rung in rungs}) == 3


def test_plane_waves_need_no_ghosts(molecules, quick):
    waves = quick.model_copy(update={"mode": "pw"})
    rungs = plan_rungs(molecules, [2.4, 3.0, 6.0], waves)
    assert len({rung.particle.id for rung in rungs}) == 1
    rung = rungs[0]
    assert rung.particle_with_ghosts is rung.support_with_ghosts is None
    assert len(rung.calculations()) == 3


@pytest.mark.gpaw
@pytest.mark.mpi
def test_a_part_in_the_basis_of_the_whole_lies_lower_and_far_away_nothing_binds(molecules, quick, site):
    rungs = plan_rungs(molecules, [1.6, 6.0], quick)
    calculations = [calculation for rung in rungs for calculation in rung.calculations()]
    results = {calculation.id: result for calculation, result in calculate(calculations, site(ranks=2))}
    assert all(result.state == "completed" for result in results.values())
    study = judge_rungs(rungs, results)
    near, far = study["points"]
    # Boys and Bernardi: the uncorrected energy is too low by what the parts borrow from each other's basis.
    assert near["uncorrected_eV"] < near["binding_eV"] - 0.01
    assert near["binding_eV"] > 0.1
    for key in ("uncorrected_eV", "without_dispersion_eV"):
        assert far[key] == pytest.approx(0.0, abs=0.01)
    assert far["binding_eV"] < far["without_dispersion_eV"] <= near["without_dispersion_eV"]
    assert [curve["key"] for curve in study["curves"]] == [
        "binding_eV",
        "without_dispersion_eV",
        "uncorrected_eV",
    ]
    ghosts = results[rungs[0].particle_with_ghosts.id].evaluation
    alone = results[rungs[0].particle.id].evaluation
    # Dispersion acts between real atoms alone.
    assert ghosts.dispersion_eV == pytest.approx(alone.dispersion_eV, abs=1e-9)
