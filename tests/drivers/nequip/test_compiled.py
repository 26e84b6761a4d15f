"""A compiled member says what the eager one says, and is compiled once for a worker."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from beamheat_fw.drivers.nequip.committee import Committee
from beamheat_fw.drivers.nequip.compiled import CompiledMember
from beamheat_fw.drivers.nequip.compiling import compiled
from beamheat_fw.drivers.nequip.frames import Frames, stacked_positions
from beamheat_fw.drivers.nequip.neighbours import NeighbourList
from beamheat_fw.errors import CalculationError, IntegrityError, Interrupted

#: Makes a Python program stand in for nequip-compile.
CompileBy = Callable[[str], None]

pytestmark = [pytest.mark.nequip, pytest.mark.slow]


def never() -> bool:
    return False


def test_compiled_member_equals_the_eager_one_on_frames_of_different_cells(
    compiled_models: Path, tiny_committee_packages: list[Path], tiny_dataset: list[Atoms]
) -> None:
    wider = tiny_dataset[1].copy()
    wider.set_cell(wider.cell * 1.03, scale_atoms=True)
    atoms = [tiny_dataset[0], wider, tiny_dataset[2].repeat((2, 1, 1))]
    frames, positions = Frames.from_atoms(atoms), stacked_positions(atoms)
    committee = Committee.load(tiny_committee_packages)
    file, _ = compiled(tiny_committee_packages[0], compiled_models, never)
    member = CompiledMember.load(file)
    assert (member.species, member.r_max_A) == (committee.species, committee.r_max_A)
    eager, found = (
        model.evaluate(frames, positions, NeighbourList(frames, model.r_max_A), [0])
        for model in (committee, member)
    )
    # The network is in single precision; the order of its sums is another.
    np.testing.assert_allclose(found.forces_eV_A, eager.forces_eV_A, atol=1e-5)
    np.testing.assert_allclose(found.atom_energies_eV, eager.atom_energies_eV, atol=1e-5)
    np.testing.assert_allclose(found.energies_eV, eager.energies_eV, rtol=1e-6)


def test_what_is_in_the_cache_is_not_compiled_again(
    compiled_models: Path, tiny_committee_packages: list[Path], compile_by: CompileBy
) -> None:
    compile_by("sys.exit('compiled again')")
    file, found = compiled(tiny_committee_packages[0], compiled_models, never)
    assert found.compile_s > 1.0
    assert file.name == f"{found.key}.nequip.pt2"


@pytest.mark.parametrize("harm", ["cut short", "foreign", "note cut short"])
def test_what_is_damaged_in_the_cache_is_compiled_anew(
    harm: str,
    compiled_models: Path,
    tiny_committee_packages: list[Path],
    tmp_path: Path,
    compile_by: CompileBy,
) -> None:
    whole, _ = compiled(tiny_committee_packages[0], compiled_models, never)
    cache = tmp_path / "cache"
    shutil.copytree(compiled_models, cache)
    compile_by(f"import shutil; shutil.copy({str(whole)!r}, sys.argv[2])")
    file, note = cache / whole.name, next(cache.glob("*.json"))
    if harm == "note cut short":
        note.write_text(note.read_text()[:20])
    else:
        file.write_bytes(whole.read_bytes()[:5000] if harm == "cut short" else b"something else")
        if harm == "cut short":
            with pytest.raises(IntegrityError, match="cannot be loaded"):
                CompiledMember.load(file)
    file, found = compiled(tiny_committee_packages[0], cache, never)
    assert file.read_bytes() == whole.read_bytes()
    assert found.compile_s < 10.0


def test_of_two_that_want_the_same_model_one_compiles(
    tiny_committee_packages: list[Path], tmp_path: Path, compile_by: CompileBy
) -> None:
    log = tmp_path / "log"
    compile_by(
        f"import time; open({str(log)!r}, 'a').write('x'); time.sleep(0.5); open(sys.argv[2], 'w')",
    )
    with ThreadPoolExecutor() as pool:
        found = list(
            pool.map(lambda _: compiled(tiny_committee_packages[0], tmp_path / "cache", never), range(2))
        )
    assert found[0] == found[1]
    assert log.read_text() == "x"


def test_what_a_failed_compilation_leaves_is_not_used(
    tiny_committee_packages: list[Path], tmp_path: Path, compile_by: CompileBy
) -> None:
    compile_by("open(sys.argv[2], 'w').write('x'); sys.exit('outputs differ')")
    with pytest.raises(CalculationError, match="outputs differ"):
        compiled(tiny_committee_packages[0], tmp_path, never)
    assert {path.suffix for path in tmp_path.iterdir()} == {".lock"}


def test_compiling_stops_when_asked(
    tiny_committee_packages: list[Path], tmp_path: Path, compile_by: CompileBy
) -> None:
    compile_by("import time; time.sleep(60)")
    with pytest.raises(Interrupted):
        compiled(tiny_committee_packages[0], tmp_path, lambda: True)
    assert {path.suffix for path in tmp_path.iterdir()} == {".lock"}
