"""The ladder's classes against the errors GPAW and NumPy raise."""

from itertools import islice

import numpy as np
import pytest
from ase import Atoms

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.labelling.gpaw import GpawReference
from beamheat_fw.drivers.labelling.gpaw_layout import GpawNumerics
from beamheat_fw.drivers.labelling.gpaw_recovery import (
    EigensolverFailure,
    KilledRank,
    OutOfMemory,
    RanksDisagree,
    UnconvergedScf,
)
from beamheat_fw.drivers.labelling.recovery import Ladder, RanksDiedError, Walltime, reason_of

pytestmark = pytest.mark.gpaw


def raised(what, *errors):
    with pytest.raises(errors) as caught:
        what()
    return caught.value


def climb(problem, numerics=None):
    numerics = numerics or GpawNumerics(maxiter=100)
    met = 0
    while correction := problem.correct(numerics, met):
        yield correction
        numerics, met = correction.numerics, met + 1


def test_gpaw_without_convergence_is_recognised(tmp_path, quick_gpaw, molecule):
    from gpaw import KohnShamConvergenceError

    reference = GpawReference(quick_gpaw.model_copy(update={"maxiter": 1}))
    error = raised(
        lambda: reference.evaluate(molecule(0.8), reference.numerics, tmp_path / "log.txt"),
        KohnShamConvergenceError,
    )
    assert Ladder(reference.ladder).recognise(error) == "UnconvergedScf"
    assert reason_of(error) == "KohnShamConvergenceError"


def test_mixing_gets_gentler_and_longer_and_then_gives_up():
    corrections = list(climb(UnconvergedScf()))
    betas = [correction.numerics.mixer["beta"] for correction in corrections]
    assert betas == sorted(betas, reverse=True)
    assert [correction.numerics.maxiter for correction in corrections] == [200, 400]


def test_ranks_that_disagree_about_convergence_share_the_cell_and_only_once():
    # As two ranks that shared the bands of a hydrogen molecule said it.
    error = AssertionError("{'energy': np.False_, 'density': np.True_, 'eigenstates': True}")
    ladder = Ladder(GpawReference(GpawSettings(), ranks=2).ladder)
    assert ladder.recognise(error) == "RanksDisagree"
    assert ladder.recognise(AssertionError("any other")) is None
    (correction,) = climb(RanksDisagree(ranks=2))
    assert correction.numerics.parallel["domain"] == 2
    assert correction.numerics.parallel["band"] == 1


def test_failed_linear_algebra_takes_another_algorithm():
    error = raised(lambda: np.linalg.cholesky(-np.eye(2)), np.linalg.LinAlgError)
    lcao = EigensolverFailure(GpawSettings(), ranks=2)
    assert lcao.check(error)
    (scalapack,) = climb(lcao)
    assert scalapack.numerics.parallel == {"kpt": 1, "domain": 1, "band": 2}
    assert list(climb(EigensolverFailure(GpawSettings(), ranks=1))) == []
    other, random = climb(EigensolverFailure(GpawSettings(mode="pw"), ranks=1))
    assert other.numerics.eigensolver == {"name": "rmm-diis"}
    assert random.numerics.random_start
    assert random.numerics.eigensolver is None


def test_every_plane_wave_path_of_the_ladder_leads_to_the_same_energy(tmp_path, molecule):
    settings = GpawSettings(mode="pw", cutoff_eV=150, density_convergence=1e-6, energy_convergence_eV=1e-6)
    reference = GpawReference(settings)
    plain = reference.evaluate(molecule(0.8), reference.numerics, tmp_path / "plain.txt")
    for correction in climb(EigensolverFailure(settings, ranks=1), reference.numerics):
        other = reference.evaluate(molecule(0.8), correction.numerics, tmp_path / "other.txt")
        assert other.energy_eV == pytest.approx(plain.energy_eV, abs=1e-4), correction.what


@pytest.mark.parametrize(
    ("problem", "error"), [(OutOfMemory, MemoryError()), (KilledRank, RanksDiedError("killed"))]
)
def test_memory_takes_another_layout_then_more_ranks(problem, error):
    assert problem(4, 8).check(error)
    layout, more = islice(climb(problem(4, 8)), 2)
    assert layout.numerics.parallel == {"kpt": 1, "domain": 4, "band": 1}
    assert layout.ranks is None
    assert more.ranks == 8
    assert more.numerics.parallel is None
    assert [correction.ranks for correction in climb(problem(4, 4))] == [None]


def test_numpy_without_memory_is_recognised():
    error = raised(lambda: np.empty(2**50), MemoryError)
    assert Ladder(GpawReference(GpawSettings(), 2, 4).ladder).recognise(error) == "OutOfMemory"


def test_a_rank_killed_without_another_layout_is_tried_once_more():
    assert list(climb(OutOfMemory(1, 1))) == []
    (again,) = climb(KilledRank(1, 1))
    assert again.what == "started again"


def test_a_structure_too_long_for_a_job_gets_one_more_with_all_cores():
    assert [correction.ranks for correction in climb(Walltime(2, 8))] == [8]
    assert [correction.ranks for correction in climb(Walltime(2, 2))] == [None]


def test_missing_setup_is_not_retried(tmp_path, quick_gpaw):
    reference = GpawReference(quick_gpaw)
    astatine = Atoms("At", positions=[[2, 2, 2]], cell=[4, 4, 4], pbc=True)
    error = raised(
        lambda: reference.evaluate(astatine, reference.numerics, tmp_path / "log.txt"), FileNotFoundError
    )
    ladder = Ladder(reference.ladder)
    problem = ladder.recognise(error)
    assert problem == "MissingSetup"
    assert ladder.correct(problem, reference.numerics) is None


def test_an_unknown_error_is_not_retried():
    ladder = Ladder(GpawReference(GpawSettings()).ladder)
    assert ladder.recognise(OSError("never seen")) is None
    assert ladder.correct(None, GpawNumerics(maxiter=100)) is None
