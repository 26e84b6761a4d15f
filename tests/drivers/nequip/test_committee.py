"""A committee says what its members say, in one call, and knows where they differ."""

import importlib.metadata
import itertools
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms

from beamheat_fw.drivers.nequip.calculator import CommitteeCalculator
from beamheat_fw.drivers.nequip.committee import Committee, Evaluation
from beamheat_fw.drivers.nequip.evaluate import FolderEvaluation, evaluate_folder
from beamheat_fw.drivers.nequip.frames import Frames, stacked_positions
from beamheat_fw.drivers.nequip.models import load_model
from beamheat_fw.drivers.nequip.neighbours import NeighbourList
from beamheat_fw.errors import CalculationError, InputError, IntegrityError

pytestmark = pytest.mark.nequip


@pytest.fixture(scope="module")
def committee(tiny_committee_packages: list[Path]) -> Committee:
    return Committee.load(tiny_committee_packages)


@pytest.fixture(scope="module")
def double(tiny_committee_packages: list[Path]) -> Committee:
    return Committee.load(tiny_committee_packages, precision="float64")


def evaluate(committee: Committee, atoms: list[Atoms], members: list[int] | None = None) -> Evaluation:
    frames = Frames.from_atoms(atoms)
    neighbours = NeighbourList(frames, committee.r_max_A)
    return committee.evaluate(frames, stacked_positions(atoms), neighbours, members)


def test_batch_equals_frames_one_by_one(double: Committee, tiny_dataset: list[Atoms]) -> None:
    together = evaluate(double, tiny_dataset[:6])
    alone = [evaluate(double, [frame]) for frame in tiny_dataset[:6]]
    np.testing.assert_allclose(
        together.forces_eV_A, np.concatenate([e.forces_eV_A for e in alone], axis=1), atol=1e-10
    )
    np.testing.assert_allclose(
        together.energies_eV, np.concatenate([e.energies_eV for e in alone], axis=1), atol=1e-10
    )


def test_members_equal_nequip_calculator(
    committee: Committee, tiny_committee_packages: list[Path], tiny_dataset: list[Atoms]
) -> None:
    from nequip.data.transforms import ChemicalSpeciesToAtomTypeMapper, NeighborListTransform
    from nequip.integrations.ase import NequIPCalculator
    from nequip.model.saved_models.package import ModelFromPackage

    evaluation = evaluate(committee, tiny_dataset[:3])
    for member, package in enumerate(tiny_committee_packages):
        species = list(committee.species)
        transforms = [
            ChemicalSpeciesToAtomTypeMapper(species, {symbol: symbol for symbol in species}),
            NeighborListTransform(r_max=committee.r_max_A, backend="matscipy"),
        ]
        model = ModelFromPackage(str(package))["sole_model"].eval()
        calculator = NequIPCalculator(model, "cpu", transforms=transforms)
        forces = [calculator.get_forces(frame) for frame in tiny_dataset[:3]]
        energies = [calculator.get_potential_energy(frame) for frame in tiny_dataset[:3]]
        np.testing.assert_allclose(evaluation.forces_eV_A[member], np.concatenate(forces), atol=2e-5)
        np.testing.assert_allclose(evaluation.energies_eV[member], energies, atol=2e-5)


def test_one_member_alone_equals_its_share_of_all(committee: Committee, tiny_dataset: list[Atoms]) -> None:
    everyone = evaluate(committee, tiny_dataset[:2])
    second = evaluate(committee, tiny_dataset[:2], members=[1])
    np.testing.assert_array_equal(second.forces_eV_A[0], everyone.forces_eV_A[1])
    assert (second.spread_eV_A == 0.0).all()


def test_what_members_compute_alike_is_computed_once(
    tiny_committee_packages: list[Path], tiny_dataset: list[Atoms]
) -> None:
    models = [load_model(package) for package in tiny_committee_packages]
    committee, calls = Committee(models), []
    for model in models:
        model.module.model.func.bessel_encode.register_forward_hook(lambda *_: calls.append("basis"))
        model.module.model.func.layer0_convnet.register_forward_hook(lambda *_: calls.append("network"))
    evaluate(committee, tiny_dataset[:1])
    assert calls == ["basis", *["network"] * len(models)]


def test_what_is_installed_is_listed_once_for_all_members(
    tiny_committee_packages: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    load_model(tiny_committee_packages[0])
    monkeypatch.delattr(importlib.metadata, "distributions")
    load_model(tiny_committee_packages[1])


def test_members_with_other_edges_share_nothing(
    tiny_committee_packages: list[Path], tiny_dataset: list[Atoms]
) -> None:
    models = [load_model(package, precision="float64") for package in tiny_committee_packages]
    models[1].module.model.func.bessel_encode.bessel_weights *= 1.01
    together = evaluate(Committee(models), tiny_dataset[:2])
    for member, model in enumerate(models):
        alone = evaluate(Committee([model]), tiny_dataset[:2])
        np.testing.assert_allclose(together.forces_eV_A[member], alone.forces_eV_A[0], atol=1e-12)
        np.testing.assert_allclose(together.energies_eV[member], alone.energies_eV[0], atol=1e-10)


def test_atom_energies_sum_to_the_frames_energies(committee: Committee, tiny_dataset: list[Atoms]) -> None:
    evaluation = evaluate(committee, tiny_dataset[:3])
    offsets = Frames.from_atoms(tiny_dataset[:3]).offsets
    sums = [evaluation.atom_energies_eV[:, a:b].sum(axis=1) for a, b in itertools.pairwise(offsets)]
    np.testing.assert_allclose(evaluation.energies_eV, np.stack(sums, axis=1))


def test_forces_are_the_energys_slope(double: Committee, tiny_dataset: list[Atoms]) -> None:
    atoms = tiny_dataset[:2]
    frames, positions = Frames.from_atoms(atoms), stacked_positions(atoms)
    neighbours = NeighbourList(frames, double.r_max_A)
    forces = double.evaluate(frames, positions, neighbours).forces_eV_A
    step = 1e-4
    for atom, axis in [(0, 0), (12, 2), (len(positions) - 1, 1)]:
        ends = []
        for sign in (1.0, -1.0):
            moved = positions.copy()
            moved[atom, axis] += sign * step
            ends.append(double.evaluate(frames, moved, neighbours).energies_eV.sum(axis=1))
        np.testing.assert_allclose(forces[:, atom, axis], -(ends[0] - ends[1]) / (2 * step), atol=1e-7)


def test_forces_of_a_frame_sum_to_zero(double: Committee, tiny_dataset: list[Atoms]) -> None:
    forces = evaluate(double, tiny_dataset[:1]).forces_eV_A
    np.testing.assert_allclose(forces.sum(axis=1), 0.0, atol=1e-10)


def test_members_differ(committee: Committee, tiny_dataset: list[Atoms]) -> None:
    assert evaluate(committee, tiny_dataset[:1]).spread_eV_A.min() > 0.0


def test_spread_is_the_norm_of_the_deviation_without_degrees_of_freedom_taken_off() -> None:
    forces = np.array([[[3.0, 4.0, 0.0]], [[-3.0, -4.0, 0.0]]])
    evaluation = Evaluation(np.zeros((2, 1)), np.zeros((2, 1)), forces)
    np.testing.assert_allclose(evaluation.spread_eV_A, [5.0])
    np.testing.assert_allclose(evaluation.mean_forces_eV_A, [[0.0, 0.0, 0.0]])


def test_descriptors_do_not_change_when_the_frame_is_turned(
    double: Committee, tiny_dataset: list[Atoms]
) -> None:
    turned = tiny_dataset[0].copy()
    turned.rotate(37.0, (1.0, 2.0, 3.0), rotate_cell=True)
    found = []
    for frame in (tiny_dataset[0], turned):
        frames = Frames.from_atoms([frame])
        neighbours = NeighbourList(frames, double.r_max_A)
        found.append(double.descriptors(frames, frame.positions, neighbours))
    np.testing.assert_allclose(found[0], found[1], atol=1e-10)
    assert found[0].shape == (len(turned), 4)


def test_ase_calculator_gives_mean_and_spread(committee: Committee, tiny_dataset: list[Atoms]) -> None:
    frame = tiny_dataset[0].copy()
    frame.calc = CommitteeCalculator(committee)
    expected = evaluate(committee, [frame])
    assert frame.get_potential_energy() == pytest.approx(expected.mean_energies_eV[0], abs=1e-6)
    np.testing.assert_allclose(frame.get_forces(), expected.mean_forces_eV_A, atol=1e-6)
    np.testing.assert_allclose(frame.calc.results["spread_eV_A"], expected.spread_eV_A, atol=1e-6)
    frame.positions[-1, 2] += 0.6
    moved = evaluate(committee, [frame])
    np.testing.assert_allclose(frame.get_forces(), moved.mean_forces_eV_A, atol=1e-5)


def test_unknown_element_is_refused_by_name(committee: Committee) -> None:
    with pytest.raises(InputError, match="Pt"):
        evaluate(committee, [Atoms("PtCu", [[0, 0, 0], [2.5, 0, 0]], cell=[9, 9, 9])])


def test_position_that_is_not_a_number_is_refused(committee: Committee, tiny_dataset: list[Atoms]) -> None:
    blown_up = tiny_dataset[0].copy()
    blown_up.positions[3, 1] = np.nan
    with pytest.raises(CalculationError, match="atom=3"):
        evaluate(committee, [blown_up])


def test_truncated_package_is_refused(tiny_committee_packages: list[Path], tmp_path: Path) -> None:
    content = tiny_committee_packages[0].read_bytes()
    cut = tmp_path / "cut.nequip.zip"
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(IntegrityError, match=r"cut\.nequip\.zip"):
        Committee.load([cut])


def test_package_of_another_nequip_is_refused(
    tiny_committee_packages: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.metadata

    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.42.0")
    with pytest.raises(InputError, match=r"0\.19.*0\.42|0\.42.*0\.19"):
        Committee.load(tiny_committee_packages)


def test_folder_is_evaluated_by_a_child(
    committee: Committee, tiny_committee_packages: list[Path], tiny_dataset: list[Atoms], tmp_path: Path
) -> None:
    ase.io.write(tmp_path / "frames.extxyz", tiny_dataset[:5])
    names = ", ".join(f'"{package}"' for package in tiny_committee_packages)
    (tmp_path / "committee.json").write_text(f'{{"packages": [{names}]}}')
    found = evaluate_folder(tmp_path, stop=lambda: False)
    frames = list(ase.io.iread(tmp_path / "frames.extxyz"))
    expected = evaluate(committee, frames)
    np.testing.assert_allclose(found.forces_eV_A, expected.mean_forces_eV_A, atol=1e-5)
    np.testing.assert_allclose(found.spread_eV_A, expected.spread_eV_A, atol=1e-5)
    np.testing.assert_allclose(found.energies_eV, expected.energies_eV, atol=1e-4)
    assert found.descriptors.shape == (len(found.forces_eV_A), 4)
    np.testing.assert_array_equal(FolderEvaluation.load(tmp_path / "evaluation.npz").offsets, found.offsets)


def test_folder_with_an_unknown_element_is_refused_before_anything_starts(
    tiny_committee_packages: list[Path], tmp_path: Path
) -> None:
    ase.io.write(tmp_path / "frames.extxyz", Atoms("Pt2", [[0, 0, 0], [2.5, 0, 0]], cell=[9, 9, 9]))
    (tmp_path / "committee.json").write_text(f'{{"packages": ["{tiny_committee_packages[0]}"]}}')
    with pytest.raises(InputError, match="Pt"):
        evaluate_folder(tmp_path, stop=lambda: False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["committee.json", "frames.extxyz"]
