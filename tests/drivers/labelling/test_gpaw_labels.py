"""Real GPAW labels on two ranks."""

import numpy as np
import pytest
from ase import Atoms

from beamheat_fw.drivers.labelling.gpaw import GpawReference
from beamheat_fw.drivers.labelling.results import LabelResult
from tests.drivers.labelling.folders import hydrogen, label, quick_settings, write_folder

pytestmark = [pytest.mark.gpaw, pytest.mark.mpi]


def test_two_ranks_label_what_can_be_and_record_what_cannot(make_folder, quick_gpaw, molecule):
    dimer = Atoms("Au2", positions=[[2, 2, 4.25], [2, 2, 6.75]], cell=[4, 4, 11], pbc=(True, True, False))
    no_setup = Atoms("At", positions=[[2, 2, 2]], cell=[4, 4, 4], pbc=True)
    structures = {"overlap": molecule(0.2), "no_setup": no_setup, "dimer": dimer}
    results = label(make_folder(structures, quick_gpaw.model_copy(update={"h_A": 0.25})))

    assert results["overlap"].state == results["no_setup"].state == "failed"
    assert "overlap" in results["overlap"].errors[0]
    assert "At.dzp.basis" in results["no_setup"].errors[0]
    (attempt,) = results["no_setup"].attempts
    assert attempt.correction is None

    good = results["dimer"]
    assert good.state == "completed"
    assert good.run_stats["ranks"] == 2
    assert set(good.run_stats["versions"]) == {"gpaw", "gpaw-data", "ase", "dftd3"}
    forces = good.evaluation.forces_eV_A
    assert forces.shape == (2, 3)
    np.testing.assert_allclose(forces.sum(axis=0), 0.0, atol=0.1)
    assert good.evaluation.dispersion_eV < 0.0
    assert good.evaluation.energy_eV <= good.evaluation.energy_zero_smearing_eV


@pytest.fixture(scope="module")
def hurried(tmp_path_factory):
    """A folder labelled with too few iterations for the first path."""
    settings = quick_settings(maxiter=3)
    folder = write_folder(tmp_path_factory.mktemp("hurried"), {"h2": hydrogen(0.8)}, settings)
    label(folder)
    return folder


def test_unconverged_density_is_mended_on_all_ranks(hurried):
    result = LabelResult.read(hurried / "results" / "h2.json")
    assert result.state == "completed"
    assert result.errors == ()
    (attempt,) = result.attempts
    assert attempt.reason == "KohnShamConvergenceError"
    assert attempt.correction == "Pulay mixer with beta 0.05, 6 iterations"


def test_logs_of_attempts_are_kept_apart(hurried):
    assert sorted(path.name for path in (hurried / "logs").glob("h2.*")) == ["h2.0.txt", "h2.1.txt"]


def test_the_ladder_does_not_change_what_the_energy_means(tmp_path, quick_gpaw, molecule):
    tight = quick_gpaw.model_copy(update={"density_convergence": 1e-5, "energy_convergence_eV": 1e-6})
    reference = GpawReference(tight)
    corrected = reference.ladder[0].correct(reference.numerics, 1).numerics
    atoms = molecule(0.8)
    plain = reference.evaluate(atoms, reference.numerics, tmp_path / "plain.txt")
    other_path = reference.evaluate(atoms, corrected, tmp_path / "other.txt")
    assert other_path.iterations != plain.iterations
    assert other_path.energy_eV == pytest.approx(plain.energy_eV, abs=1e-4)
    np.testing.assert_allclose(other_path.forces_eV_A, plain.forces_eV_A, atol=2e-3)


def test_forces_are_the_gradient_of_the_energy_that_is_trained_on(tmp_path, quick_gpaw, molecule):
    """Fine grid and smearing wide enough that the two energies differ; D3 included."""
    settings = quick_gpaw.model_copy(
        update={"h_A": 0.18, "smearing_eV": 2.0, "density_convergence": 1e-6, "energy_convergence_eV": 1e-6}
    )
    reference = GpawReference(settings)

    def evaluate(bond):
        return reference.evaluate(molecule(bond), reference.numerics, tmp_path / "log.txt")

    step = 0.02
    low, middle, high = evaluate(1.1 - step), evaluate(1.1), evaluate(1.1 + step)
    force = middle.forces_eV_A[1, 2]
    of_trained = -(high.energy_eV - low.energy_eV) / (2 * step)
    of_other = -(high.energy_zero_smearing_eV - low.energy_zero_smearing_eV) / (2 * step)
    assert force == pytest.approx(of_trained, abs=0.03)
    assert abs(force - of_other) > 3 * abs(force - of_trained)
