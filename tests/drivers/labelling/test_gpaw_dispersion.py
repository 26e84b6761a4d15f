"""Dispersion from within the functional, beside D3 on top of it."""

import numpy as np
import pytest
from pydantic import ValidationError

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.campaign.labelling import VDW_FUNCTIONALS
from beamheat_fw.drivers.labelling.reference import check_reference
from tests.drivers.labelling.folders import hydrogen, label, quick_settings


@pytest.mark.parametrize("xc", ["vdW-DF", "BEEF-vdW"])
def test_dispersion_is_never_counted_twice(xc):
    with pytest.raises(ValidationError, match="set dispersion: vdw-df"):
        GpawSettings(xc=xc)
    settings = GpawSettings(xc=xc, dispersion="vdw-df")
    assert not settings.adds_d3
    with pytest.raises(ValidationError, match="no dispersion of its own"):
        GpawSettings(dispersion="vdw-df")


@pytest.mark.parametrize("xc", ["optB88-vdW", "vdW-DF2", "vdW-DF-cx"])
def test_functionals_whose_forces_are_wrong_here_are_refused(xc):
    with pytest.raises(ValidationError, match="optPBE-vdW"):
        GpawSettings(xc=xc, dispersion="vdw-df")


@pytest.mark.gpaw
def test_their_setups_are_looked_up_before_anything_runs():
    for xc in VDW_FUNCTIONALS:
        settings = GpawSettings(mode="pw", xc=xc, dispersion="vdw-df")
        assert check_reference(settings, ["Au", "B", "N", "Ti", "O"]) == []
    # There is a PBE setup for lanthanum, but none of revPBE.
    of_revpbe = GpawSettings(mode="pw", xc="vdW-DF", dispersion="vdw-df")
    assert check_reference(GpawSettings(mode="pw"), ["La"]) == []
    (problem,) = check_reference(of_revpbe, ["La"])
    assert "revPBE setup for La" in problem


@pytest.mark.gpaw
@pytest.mark.mpi
def test_forces_of_a_vdw_functional_on_two_ranks_are_the_gradient_of_its_energy(make_folder):
    settings = quick_settings(xc="vdW-DF", dispersion="vdw-df", h_A=0.25, density_convergence=1e-4)
    step = 0.03
    structures = {"short": hydrogen(0.7 - step), "long": hydrogen(0.7 + step)}
    found = {name: result.evaluation for name, result in label(make_folder(structures, settings)).items()}
    gradient = (found["long"].energy_eV - found["short"].energy_eV) / (2 * step)
    # The mean of both ends is that of the middle but for terms of third order.
    force = np.mean([each.forces_eV_A[1, 2] for each in found.values()])
    assert force == pytest.approx(-gradient, rel=0.05)
    assert gradient < -2.0
    for each in found.values():
        assert each.dispersion_eV == 0.0
        assert each.stress_eV_A3 is None
