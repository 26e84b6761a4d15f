"""The ladder's classes against the errors GPAW and NumPy raise."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import graphene

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.labelling.gpaw import GpawReference
from beamheat_fw.drivers.labelling.gpaw_layout import GpawNumerics, domain_split
from beamheat_fw.drivers.labelling.gpaw_recovery import EigensolverFailure, OutOfMemory, UnconvergedScf
from beamheat_fw.drivers.labelling.recovery import Ladder, RanksDiedError, reason_of

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
    assert Ladder(reference.ladder).recognise(error) == 0
    assert reason_of(error) == "KohnShamConvergenceError"


def test_mixing_gets_gentler_and_longer_and_then_gives_up():
    corrections = list(climb(UnconvergedScf()))
    betas = [correction.numerics.mixer["beta"] for correction in corrections]
    assert betas == sorted(betas, reverse=True)
    assert [correction.numerics.maxiter for correction in corrections] == [200, 400]


def test_failed_linear_algebra_takes_another_algorithm_once():
    error = raised(lambda: np.linalg.cholesky(-np.eye(2)), np.linalg.LinAlgError)
    lcao = EigensolverFailure(GpawSettings(), ranks=2)
    assert lcao.check(error)
    assert [correction.numerics.parallel for correction in climb(lcao)] == [{"sl_auto": True}]
    assert list(climb(EigensolverFailure(GpawSettings(), ranks=1))) == []
    (plane_waves,) = climb(EigensolverFailure(GpawSettings(mode="pw"), ranks=1))
    assert plane_waves.numerics.eigensolver == {"name": "rmm-diis"}


@pytest.mark.parametrize("error", [MemoryError(), RanksDiedError("killed")])
def test_memory_takes_another_layout_once(error):
    problem = OutOfMemory(GpawSettings(), ranks=4)
    assert problem.check(error)
    (correction,) = climb(problem)
    assert correction.numerics.parallel["domain"] == 4
    assert list(climb(OutOfMemory(GpawSettings(), ranks=1))) == []


def test_missing_setup_is_not_retried(tmp_path, quick_gpaw):
    reference = GpawReference(quick_gpaw)
    astatine = Atoms("At", positions=[[2, 2, 2]], cell=[4, 4, 4], pbc=True)
    error = raised(
        lambda: reference.evaluate(astatine, reference.numerics, tmp_path / "log.txt"), FileNotFoundError
    )
    ladder = Ladder(reference.ladder)
    assert ladder.recognise(error) is None
    assert ladder.correct(None, reference.numerics) is None


@pytest.mark.parametrize("ranks", [2, 4, 6])
def test_ranks_share_a_sheet_below_vacuum(ranks):
    sheet = graphene(size=(4, 4, 1), vacuum=8.0)
    n1, n2, n3 = domain_split(sheet, GpawSettings(), ranks)["domain"]
    assert (n1 * n2, n3) == (ranks, 1)


def test_layout_is_left_to_gpaw_where_it_knows_better():
    sheet = graphene(size=(2, 2, 1), vacuum=8.0)
    assert domain_split(sheet, GpawSettings(), 1) == {}
    assert domain_split(sheet, GpawSettings(), 16) == {}
    assert domain_split(sheet, GpawSettings(mode="pw"), 2) == {}
    assert domain_split(sheet, GpawSettings(kpts=(2, 2, 1)), 2) == {}
