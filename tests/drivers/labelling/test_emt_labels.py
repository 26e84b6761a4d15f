"""Labelling folders with the EMT reference: results, restarts, bad input."""

import shutil

import numpy as np
import pytest
from ase.build import bulk, fcc111
from ase.calculators.emt import EMT

from beamheat_fw.campaign import EmtSettings
from beamheat_fw.drivers.labelling.driver import label_structures
from beamheat_fw.drivers.labelling.results import LabelResult
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.errors import InputError, IntegrityError, Interrupted
from tests.drivers.labelling.folders import write_folder


def never():
    return False


def label(folder, stop=never):
    return list(label_structures(folder, ranks=2, launcher=MpiLauncher(), stop=stop))


def rattled(symbol, seed):
    atoms = bulk(symbol, cubic=True)
    atoms.rattle(0.1, seed=seed)
    return atoms


def good_structures():
    slab = fcc111("Cu", (2, 2, 2), vacuum=8.0)
    slab.rattle(0.05, seed=3)
    return {"au": rattled("Au", 1), "cu": rattled("Cu", 2), "slab": slab}


def bad_structures():
    overlapping = bulk("Au", cubic=True)
    overlapping.positions[1] = overlapping.positions[0] + [0.3, 0.0, 0.0]
    nowhere = bulk("Au", cubic=True)
    nowhere.positions[2, 1] = np.nan
    cramped = bulk("Au")
    cramped.set_cell(0.4 * cramped.cell, scale_atoms=True)
    return {"overlap": overlapping, "nowhere": nowhere, "cramped": cramped, "unknown": bulk("Ti")}


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A folder whose good structures lie between bad ones, and its results in their order."""
    good, bad = good_structures(), bad_structures()
    structures = {"overlap": bad.pop("overlap")} | good | bad | {"last": rattled("Cu", 1)}
    folder = write_folder(tmp_path_factory.mktemp("labelled"), structures, EmtSettings())
    return folder, list(structures), label(folder)


@pytest.fixture
def finished(labelled, tmp_path):
    """A copy of that folder."""
    return shutil.copytree(labelled[0], tmp_path / "finished")


def test_chunk_equals_ase_exactly(labelled):
    _, order, results = labelled
    assert [result.label_id for result in results] == order
    found = {result.label_id: result for result in results}
    for label_id, atoms in good_structures().items():
        result = found[label_id]
        # What the program reads is what the file holds.
        atoms.positions = atoms.positions.round(8)
        atoms.calc = EMT()
        assert result.state == "completed"
        assert result.evaluation.energy_eV == pytest.approx(atoms.get_potential_energy(), abs=1e-7)
        np.testing.assert_allclose(result.evaluation.forces_eV_A, atoms.get_forces(), atol=1e-6)
        assert (result.evaluation.stress_eV_A3 is None) == (label_id == "slab")


def test_finished_labels_come_first_and_are_not_made_again(labelled, finished):
    _, order, first = labelled

    def written():
        return {path.stem: path.stat().st_mtime_ns for path in (finished / "results").glob("*.json")}

    (finished / "results" / "au.json").unlink()
    kept = written()
    second = label(finished)
    assert [result.label_id for result in second] == [*(name for name in order if name != "au"), "au"]
    assert kept == {name: time for name, time in written().items() if name != "au"}
    assert second[-1].evaluation.energy_eV == first[order.index("au")].evaluation.energy_eV


def test_failures_are_results_with_their_reason(labelled):
    results = {result.label_id: result for result in labelled[2]}
    assert results["last"].state == "completed"
    assert {results[name].state for name in bad_structures()} == {"failed"}
    assert "overlap" in results["overlap"].errors[0]
    assert "0.3" in results["overlap"].errors[0]
    assert "not a finite number (atoms=[2])" in results["nowhere"].errors[0]
    assert "cell is too small" in results["cramped"].errors[0]
    assert "Ti" in results["unknown"].errors[0]
    assert results["unknown"].evaluation is None


def test_a_result_survives_its_file_to_the_last_bit(labelled):
    folder, _, results = labelled
    for result in results:
        assert LabelResult.from_dict(result.to_dict()).to_dict() == result.to_dict()
        read = LabelResult.read(folder / "results" / f"{result.label_id}.json")
        assert read.to_dict() == result.to_dict()


def test_a_damaged_result_is_named(finished):
    (finished / "results" / "au.json").write_text('{"label_id": "au"')
    with pytest.raises(IntegrityError) as caught:
        label(finished)
    assert caught.value.values["file"].endswith("au.json")


def test_stop_interrupts(make_folder):
    with pytest.raises(Interrupted):
        label(make_folder({"a": rattled("Au", 1)}, EmtSettings()), stop=lambda: True)


@pytest.mark.parametrize("ids", [("a", "a"), ("", "b"), ("../a", "b")])
def test_label_ids_that_cannot_be_files_are_refused(make_folder, ids):
    folder = make_folder({"x": rattled("Au", 1), "y": rattled("Au", 2)}, EmtSettings())
    path = folder / "structures.extxyz"
    text = path.read_text()
    for old, new in zip(("label_id=x", "label_id=y"), ids, strict=True):
        text = text.replace(old, f'label_id="{new}"')
    path.write_text(text)
    with pytest.raises(InputError, match="label_id"):
        label(folder)


@pytest.mark.parametrize("content", ["", "3\n\nAu 0 0 0\n", "not a file of atoms"])
def test_unreadable_structures_are_refused(make_folder, content):
    folder = make_folder({"x": rattled("Au", 1)}, EmtSettings())
    (folder / "structures.extxyz").write_text(content)
    with pytest.raises(InputError):
        label(folder)


@pytest.mark.parametrize("content", ["", "{}", '{"calculator": "vasp"}', '{"calculator": "emt", "h": 1}'])
def test_unknown_settings_are_refused_before_anything_starts(make_folder, content):
    folder = make_folder({"x": rattled("Au", 1)}, EmtSettings())
    (folder / "settings.json").write_text(content)
    with pytest.raises(InputError, match="settings"):
        label(folder)
    assert not (folder / "logs" / "program.txt").exists()
