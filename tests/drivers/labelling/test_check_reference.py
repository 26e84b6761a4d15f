"""What is missing is named before anything runs."""

import subprocess
import sys

import pytest

from beamheat_fw.campaign import EmtSettings, GpawSettings
from beamheat_fw.drivers.labelling.gpaw_setups import basis_file
from beamheat_fw.drivers.labelling.reference import check_reference


def test_gold_on_boron_nitride_has_everything():
    assert check_reference(GpawSettings(basis="sz(dzp)"), {"Au", "B", "N"}) == []
    assert check_reference(GpawSettings(mode="pw"), {"Au", "Ti", "O"}) == []


def test_an_element_without_setup_is_named():
    (problem,) = check_reference(GpawSettings(mode="pw"), ["At", "Au"])
    assert "PBE setup for At" in problem


def test_a_missing_basis_is_named():
    (problem,) = check_reference(GpawSettings(basis="tzdp"), ["Au"])
    assert "basis set tzdp for Au" in problem


def test_a_functional_without_dispersion_parameters_is_named():
    settings = GpawSettings(mode="pw", xc="GLLBSC")
    assert any("GLLBSC" in problem and "D3" in problem for problem in check_reference(settings, ["Au"]))
    without = settings.model_copy(update={"dispersion": "none"})
    assert check_reference(without, ["Au"]) == []


def test_setups_of_the_site_are_found(tmp_path, monkeypatch):
    import gpaw

    monkeypatch.setattr(gpaw, "setup_paths", [tmp_path])
    assert len(check_reference(GpawSettings(), ["Au"])) == 1
    (tmp_path / "Au.PBE").touch()
    (tmp_path / "Au.dzp.basis.gz").touch()
    assert check_reference(GpawSettings(), ["Au"]) == []


@pytest.mark.parametrize(
    ("basis", "file"), [("dzp", "dzp.basis"), ("sz(dzp)", "dzp.basis"), ("pvalence.dz", "pvalence.dz.basis")]
)
def test_basis_files(basis, file):
    assert basis_file(basis) == file


def test_emt_names_the_elements_it_does_not_know():
    assert check_reference(EmtSettings(), ["Au", "Cu"]) == []
    (problem,) = check_reference(EmtSettings(), ["Ti", "Au"])
    assert "Ti" in problem


def test_checking_does_not_start_gpaw():
    code = (
        "import sys\n"
        "from beamheat_fw.campaign import GpawSettings\n"
        "from beamheat_fw.drivers.labelling.reference import check_reference\n"
        "assert check_reference(GpawSettings(), ['Au']) == []\n"
        "assert not {'gpaw.dft', 'gpaw.mpi', 'mpi4py.MPI'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
