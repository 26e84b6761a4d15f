"""Labelling folders with the EMT reference: results, restarts, bad input."""

import numpy as np
import pytest
from ase.build import bulk, fcc111
from ase.calculators.emt import EMT

from beamheat_fw.campaign import EmtSettings
from beamheat_fw.drivers.labelling.driver import label_structures
from beamheat_fw.drivers.labelling.results import LabelResult
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.errors import InputError, IntegrityError, Interrupted


def never():
    return False


def label(folder, stop=never):
    return list(label_structures(folder, ranks=2, launcher=MpiLauncher(), stop=stop))


def rattled(symbol, seed):
    atoms = bulk(symbol, cubic=True)
    atoms.rattle(0.1, seed=seed)
    return atoms


def test_chunk_equals_ase_exactly(make_folder):
    slab = fcc111("Cu", (2, 2, 2), vacuum=8.0)
    slab.rattle(0.05, seed=3)
    structures = {"au": rattled("Au", 1), "cu": rattled("Cu", 2), "slab": slab}
    results = label(make_folder(structures, EmtSettings()))
    assert [result.label_id for result in results] == ["au", "cu", "slab"]
    for result in results:
        atoms = structures[result.label_id]
        # What the program reads is what the file holds.
        atoms.positions = atoms.positions.round(8)
        atoms.calc = EMT()
        assert result.state == "completed"
        assert result.evaluation.energy_eV == pytest.approx(atoms.get_potential_energy(), abs=1e-7)
        np.testing.assert_allclose(result.evaluation.forces_eV_A, atoms.get_forces(), atol=1e-6)
        assert (result.evaluation.stress_eV_A3 is None) == (result.label_id == "slab")


def test_finished_labels_come_first_and_are_not_made_again(make_folder):
    structures = {name: rattled("Au", seed) for seed, name in enumerate(("a", "b", "c"))}
    folder = make_folder(structures, EmtSettings())
    first = label(folder)
    (folder / "results" / "a.json").unlink()
    kept = {name: (folder / "results" / f"{name}.json").stat().st_mtime_ns for name in "bc"}
    second = label(folder)
    assert [result.label_id for result in second] == ["b", "c", "a"]
    assert kept == {name: (folder / "results" / f"{name}.json").stat().st_mtime_ns for name in "bc"}
    assert second[2].evaluation.energy_eV == first[0].evaluation.energy_eV


def test_failures_are_results_with_their_reason(make_folder):
    overlapping = bulk("Au", cubic=True)
    overlapping.positions[1] = overlapping.positions[0] + [0.3, 0.0, 0.0]
    nowhere = bulk("Au", cubic=True)
    nowhere.positions[2, 1] = np.nan
    cramped = bulk("Au")
    cramped.set_cell(0.4 * cramped.cell, scale_atoms=True)
    structures = {
        "overlap": overlapping,
        "nowhere": nowhere,
        "cramped": cramped,
        "unknown": bulk("Ti"),
        "good": rattled("Cu", 1),
    }
    results = {result.label_id: result for result in label(make_folder(structures, EmtSettings()))}
    assert results["good"].state == "completed"
    assert results["overlap"].state == results["unknown"].state == "failed"
    assert "overlap" in results["overlap"].errors[0]
    assert "0.3" in results["overlap"].errors[0]
    assert "not a finite number (atoms=[2])" in results["nowhere"].errors[0]
    assert "cell is too small" in results["cramped"].errors[0]
    assert "Ti" in results["unknown"].errors[0]
    assert results["unknown"].evaluation is None


def test_a_result_survives_its_file_to_the_last_bit(make_folder):
    folder = make_folder({"a": rattled("Au", 1)}, EmtSettings())
    (result,) = label(folder)
    assert LabelResult.from_dict(result.to_dict()).to_dict() == result.to_dict()
    assert LabelResult.read(folder / "results" / "a.json").to_dict() == result.to_dict()


def test_a_damaged_result_is_named(make_folder):
    folder = make_folder({"a": rattled("Au", 1)}, EmtSettings())
    label(folder)
    (folder / "results" / "a.json").write_text('{"label_id": "a"')
    with pytest.raises(IntegrityError) as caught:
        label(folder)
    assert caught.value.values["file"].endswith("a.json")


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
