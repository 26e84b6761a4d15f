"""What a GPAW label's numbers are made from: the grid, the domains, the correction inside the atoms."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, fcc111

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.labelling.driver import label_structures
from beamheat_fw.drivers.labelling.gpaw import GpawReference
from beamheat_fw.drivers.labelling.gpaw_layout import Layout, grid_points, parallel_layout
from beamheat_fw.drivers.mpi import MpiLauncher

pytestmark = pytest.mark.gpaw


@pytest.mark.parametrize("symbol", ["Au", "N", "H"])
def test_all_directions_at_once_give_the_numbers_of_one_after_another(symbol):
    from gpaw.setup import create_setup
    from gpaw.utilities import pack_density
    from gpaw.xc import XC

    from beamheat_fw.drivers.labelling.gpaw_xc import WholeSphereXC

    theirs, ours = XC("PBE"), WholeSphereXC("PBE").functional(collinear=True)
    assert type(ours) is not type(theirs)
    setup = create_setup(symbol, theirs, 2)
    rng = np.random.default_rng(1)
    waves = np.diag(rng.uniform(0.2, 1.0, setup.ni)) + 0.1 * rng.normal(size=(setup.ni, setup.ni))
    density = pack_density(waves @ waves.T)[np.newaxis]
    expected, found = np.zeros_like(density), np.zeros_like(density)
    energy = theirs.calculate_paw_correction(setup, density, expected)
    assert ours.calculate_paw_correction(setup, density, found) == pytest.approx(energy, abs=1e-12)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_other_functionals_stay_as_gpaw_has_them():
    from beamheat_fw.drivers.labelling.gpaw_xc import WholeSphereXC

    assert type(WholeSphereXC("LDA").functional(collinear=True)).__name__ == "LDA"


def test_no_direction_of_any_cell_has_a_coarser_grid_than_asked_for():
    for length in np.linspace(7.0, 11.0, 41):
        atoms = Atoms("H", cell=[length, length, 13.3, 90, 90, 120], pbc=True)
        planes = 1.0 / np.linalg.norm(atoms.cell.reciprocal(), axis=1)
        spacings = planes / grid_points(atoms, 0.25)
        assert spacings.max() <= 0.25 + 1e-9
        assert spacings.min() > 0.25 * (1 - 2.01 / min(grid_points(atoms, 0.25)))


def test_the_cut_gives_the_busiest_rank_the_least_to_do():
    slab = fcc111("Au", (4, 4, 1), vacuum=5.0)
    add_adsorbate(slab, Atoms("Au4", positions=[[0, 4, 0], [3, 4, 0], [6, 4, 0], [9, 4, 0]]), 3.0)
    slab.set_scaled_positions([[(i % 10) / 10.1, 0.3, 0.5] for i in range(len(slab))])
    assert parallel_layout(slab, GpawSettings(), 2) == Layout(1, (2, 1, 1), 1)
    slab.set_scaled_positions([[0.3, (i % 10) / 10.1, 0.5] for i in range(len(slab))])
    assert parallel_layout(slab, GpawSettings(), 2) == Layout(1, (1, 2, 1), 1)


def test_fourier_potentials_make_forces_forget_where_the_grid_lies(tmp_path):
    """A rigid shift by half a grid spacing changes no physics."""
    atoms = Atoms("N2", positions=[[2, 2, 2], [2, 2, 3.15]], cell=[4.0, 4.0, 5.2], pbc=True)
    shifted = atoms.copy()
    shifted.translate(np.array([0.5, 0.5, 0.5]) / grid_points(atoms, 0.2) @ atoms.cell.array)

    def noise(potential):
        settings = GpawSettings(
            basis="sz(dzp)", h_A=0.2, potential=potential, dispersion="none", density_convergence=1e-5
        )
        reference = GpawReference(settings)
        first, second = (
            reference.evaluate(each, reference.numerics, tmp_path / "log.txt").forces_eV_A
            for each in (atoms, shifted)
        )
        return np.abs(first - second).max()

    assert noise("fourier") < 0.3 * noise("grid")


@pytest.mark.mpi
def test_fourier_potentials_on_two_ranks_give_the_numbers_of_one(tmp_path, make_folder):
    atoms = Atoms("N2", positions=[[2, 2, 2], [2.3, 2, 3.1]], cell=[6.0, 6.0, 6.0], pbc=(1, 1, 0))
    settings = GpawSettings(basis="sz(dzp)", h_A=0.25, potential="fourier", density_convergence=1e-4)
    reference = GpawReference(settings)
    alone = reference.evaluate(atoms, reference.numerics, tmp_path / "log.txt")
    folder = make_folder({"n2": atoms}, settings)
    (result,) = label_structures(folder, ranks=2, launcher=MpiLauncher(), stop=lambda: False)
    assert not result.attempts
    assert result.evaluation.energy_eV == pytest.approx(alone.energy_eV, abs=1e-6)
    np.testing.assert_allclose(result.evaluation.forces_eV_A, alone.forces_eV_A, atol=1e-5)
