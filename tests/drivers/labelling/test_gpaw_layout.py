"""How ranks share a calculation: the rule, and that every layout gives the same numbers."""

import subprocess
import sys
from math import prod
from textwrap import dedent

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.labelling.gpaw import GpawReference
from beamheat_fw.drivers.labelling.gpaw_layout import (
    Layout,
    basis_functions,
    parallel_layout,
)
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.physics.labels.k_points import irreducible_k_points
from tests.drivers.labelling.folders import hydrogen, label, quick_settings

LCAO, PW = GpawSettings(), GpawSettings(mode="pw")


def sheet(repeat=4):
    return graphene(size=(repeat, repeat, 1), vacuum=8.0)


@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 6, 12, 24, 128])
@pytest.mark.parametrize("kpts", [(1, 1, 1), (2, 2, 1), (3, 3, 1), (5, 4, 3)])
@pytest.mark.parametrize("mode", ["lcao", "pw"])
def test_every_rank_has_a_place_and_k_points(mode, kpts, ranks):
    layout = parallel_layout(sheet(), GpawSettings(mode=mode, kpts=kpts), ranks)
    domains = layout.domain if isinstance(layout.domain, int) else prod(layout.domain)
    assert layout.kpt * domains * layout.band == ranks
    assert layout.kpt <= irreducible_k_points(kpts)


@pytest.mark.parametrize(("kpts", "left"), [((1, 1, 1), 1), ((2, 2, 1), 4), ((3, 3, 1), 5), ((4, 4, 4), 36)])
def test_k_and_minus_k_are_one_point(kpts, left):
    assert irreducible_k_points(kpts) == left


def test_k_points_come_first_unless_they_leave_ranks_idle():
    assert parallel_layout(sheet(), GpawSettings(kpts=(2, 2, 1)), 4).kpt == 4
    # Five points on four groups would keep them busy for 5/8 of the time, on two for 5/6.
    assert parallel_layout(sheet(), GpawSettings(kpts=(3, 3, 1)), 4).kpt == 2
    ten = parallel_layout(sheet(), GpawSettings(kpts=(3, 3, 1)), 10)
    assert (ten.kpt, prod(ten.domain), ten.band) == (5, 2, 1)


@pytest.mark.parametrize("ranks", [2, 4, 6])
def test_ranks_share_a_sheet_below_vacuum_in_its_plane(ranks):
    layout = parallel_layout(sheet(), LCAO, ranks)
    assert isinstance(layout.domain, tuple)
    assert prod(layout.domain[:2]) == ranks
    assert layout.domain[2] == layout.band == 1


def test_the_smallest_cells_are_cut_and_only_what_is_too_thin_leaves_ranks_to_bands():
    assert parallel_layout(hydrogen(0.8), LCAO, 2) == Layout(1, (1, 1, 2), 1)
    gold = bulk("Au", cubic=True)
    assert parallel_layout(gold, LCAO, 8) == Layout(1, (2, 2, 2), 1)
    assert parallel_layout(gold, LCAO, 16) == Layout(1, (2, 2, 2), 2)
    assert parallel_layout(gold, LCAO, 1) == Layout(1, (1, 1, 1), 1)


def test_large_matrices_are_spread_over_bands():
    large = bulk("Au", cubic=True) * (4, 4, 4)
    assert basis_functions(large, "dzp") == 256 * 15
    assert parallel_layout(large, LCAO, 8).band == 4
    assert parallel_layout(large, GpawSettings(basis="sz(dzp)"), 8).band == 2


def test_plane_waves_are_cut_into_sixteen_at_most():
    assert parallel_layout(sheet(), PW, 16) == Layout(1, 16, 1)
    assert parallel_layout(sheet(), PW, 64) == Layout(1, 16, 4)


@pytest.mark.gpaw
@pytest.mark.mpi
def test_two_ranks_share_k_points_and_give_the_numbers_of_one(make_folder, tmp_path):
    """Two k-points are left of 2x1x1: one for each rank."""
    settings = quick_settings(kpts=(2, 1, 1), density_convergence=1e-5)
    atoms = Atoms("H2", positions=[[1.0, 1.8, 2.0], [1.8, 1.8, 2.0]], cell=[3.0, 3.6, 4.0], pbc=True)
    reference = GpawReference(settings)
    assert reference.path(atoms, reference.numerics) == {"layout": {"kpt": 1, "domain": (1, 1, 1), "band": 1}}
    one = reference.evaluate(atoms, reference.numerics, tmp_path / "log.txt")
    two = label(make_folder({"h2": atoms}, settings))["h2"]
    assert two.run_stats["layout"] == {"kpt": 2, "domain": [1, 1, 1], "band": 1}
    assert two.evaluation.energy_eV == pytest.approx(one.energy_eV, abs=1e-6)
    np.testing.assert_allclose(two.evaluation.forces_eV_A, one.forces_eV_A, atol=1e-4)


@pytest.mark.gpaw
@pytest.mark.mpi
def test_ranks_whose_energies_differ_agree_about_convergence_by_that_of_the_first(tmp_path):
    """GPAW asks each rank about its own energy, and raises where their answers differ."""
    code = """
        from types import SimpleNamespace
        from gpaw.convergence_criteria import Energy
        from gpaw.mpi import world
        from beamheat_fw.drivers.labelling.gpaw_convergence import EnergyOfFirstRank

        def verdicts(criterion):
            criterion.reset()
            found = []
            for first, other in ((0.0, 0.0), (1.0, 1.0), (2e-9, 2e-9), (0.0, 2e-8), (1e-9, 0.0), (0.0, 0.0)):
                energy = (first, other)[world.rank]
                context = SimpleNamespace(
                    ham=SimpleNamespace(e_total_extrapolated=energy),
                    wfs=SimpleNamespace(nvalence=2, world=world),
                )
                found.append(bool(criterion(context)[0]))
            return found

        both = [world.sum_scalar(int(verdict)) for verdict in verdicts(Energy(1e-7))]
        assert 1 in both, both
        both = [world.sum_scalar(int(verdict)) for verdict in verdicts(EnergyOfFirstRank(1e-7))]
        assert both == [0, 0, 0, 0, 2, 2], both
    """
    launcher = MpiLauncher()
    environment = {**launcher.environment(2), "GPAW_MPI_BACKEND": "cgpaw"}
    done = subprocess.run(
        launcher.argv([sys.executable, "-c", dedent(code)], 2),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
