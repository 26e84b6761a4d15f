"""A heating run is driven by a compiled model where that pays, and goes on eager where it cannot be."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from beamheat_fw.drivers.md.compile_policy import Compiling
from beamheat_fw.drivers.md.driving import COMPILED_FILE, decide, driver_of
from beamheat_fw.drivers.md.heating.job import heat, stage_heat
from beamheat_fw.drivers.md.progress import read_progress
from beamheat_fw.drivers.md.protocols import PROTOCOL_FILE, CommitteeFile, HeatProtocol
from beamheat_fw.drivers.mpi import MpiLauncher
from beamheat_fw.drivers.nequip import compiling
from beamheat_fw.drivers.nequip.committee import Committee
from beamheat_fw.errors import Interrupted

pytestmark = [pytest.mark.nequip, pytest.mark.mpi, pytest.mark.slow]

HEAT = HeatProtocol(
    particle_K=300.0,
    support_K=100.0,
    timestep_fs=0.5,
    friction_per_ps=5.0,
    equilibrate_ps=0.5,
    relax_ps=1.5,
    replicas_per_rank=2,
    sample_every=10,
    audit_every=500,
    checkpoint_every=10**6,
    seed=3,
)
#: Steps of 1 fs that save more than a minute.
LONG = replace(HEAT, timestep_fs=1.0, relax_ps=20.0)


def never() -> bool:
    return False


@pytest.fixture
def staged(tmp_path: Path, tiny_dataset: list[Atoms], tiny_committee_packages: list[Path]):
    """Stages a run driven by the member that `compiled_models` holds: a name and a protocol."""
    atoms = next(frame.copy() for frame in tiny_dataset if {29, 79} == set(frame.numbers))
    atoms.calc, atoms.info = None, {}
    atoms.set_array("body", (atoms.numbers == 79).astype(int))

    def stage(name: str, protocol: HeatProtocol) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        names = tuple(f"member-{number}.nequip.zip" for number in range(2))
        for package, file in zip(tiny_committee_packages, names, strict=True):
            shutil.copy(package, folder / file)
        stage_heat(folder, atoms, protocol, CommitteeFile(names, driver=0))
        return folder

    return stage


def test_compiled_run_that_was_stopped_goes_on_bit_for_bit(
    staged, compiled_models, compile_by, tmp_path, monkeypatch
):
    compile_by("sys.exit('compiled again')")
    built = tmp_path / "built by ranks"
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(built))
    start = {"ranks": 1, "launcher": MpiLauncher(), "compiling": Compiling("always", compiled_models)}
    undisturbed, stopped = staged("undisturbed", HEAT), staged("stopped", HEAT)
    with ThreadPoolExecutor() as pool:
        whole = pool.submit(heat, undisturbed, stop=never, **start)
        with pytest.raises(Interrupted):
            heat(stopped, stop=lambda: read_progress(stopped) is not None, **start)
        outcome = whole.result()
    assert list(stopped.glob("state-*.ckpt"))
    # The worker has lost its cache meanwhile: what the folder holds is enough.
    continued = heat(stopped, stop=never, **{**start, "compiling": Compiling("never")})
    for ended in (outcome, continued):
        (rank,) = ended.ranks
        assert rank["driving"]["form"] == "compiled"
        assert rank["driving"]["compile_s"] > 1.0
    assert outcome.ranks[0]["driving"] == continued.ranks[0]["driving"]
    assert not [path for path in built.rglob("*") if path.is_file()]
    with np.load(undisturbed / "series-0.npz") as one, np.load(stopped / "series-0.npz") as other:
        assert np.ptp(one["T_support_K"]) > 1.0
        for column in one.files:
            assert np.array_equal(one[column], other[column], equal_nan=True), column


def test_only_a_run_that_repays_it_is_compiled_for(staged, tmp_path, compile_by):
    compile_by("open(sys.argv[2], 'w').write('compiled')")
    short, long = staged("short", HEAT), staged("long", LONG)
    auto = Compiling("auto", tmp_path / "cache")
    driving = decide(short, auto, never)
    assert driving.form == "eager"
    assert driving.reason.startswith("too short")
    assert decide(long, auto, never).form == "compiled"
    assert (long / COMPILED_FILE).read_text() == "compiled"
    assert decide(staged("forced", HEAT), Compiling("always", tmp_path / "cache"), never).form == "compiled"
    assert decide(staged("refused", LONG), Compiling("never", tmp_path / "cache"), never).form == "eager"


def test_run_goes_on_eager_where_compiling_fails_and_says_why(staged, tmp_path, compile_by):
    compile_by("sys.exit('InvalidCxxCompiler: No working C++ compiler found')")
    folder = staged("run", replace(HEAT, equilibrate_ps=0.01, relax_ps=0.02))
    outcome = heat(
        folder, ranks=1, launcher=MpiLauncher(), stop=never, compiling=Compiling("always", tmp_path / "cache")
    )
    assert outcome.ended == "finished"
    (rank,) = outcome.ranks
    assert rank["driving"]["form"] == "eager"
    assert "No working C++ compiler found" in rank["driving"]["reason"]


def test_what_was_decided_holds_while_the_compiled_file_serves(staged, tmp_path, compile_by, monkeypatch):
    compile_by("open(sys.argv[2], 'w').write('compiled')")
    folder, always = staged("run", HEAT), Compiling("always", tmp_path / "cache")
    first = decide(folder, always, never)
    replace(LONG, max_wall_s=1.0).write(folder / PROTOCOL_FILE)
    assert decide(folder, Compiling("never"), never) == first
    (folder / COMPILED_FILE).write_text("cut")
    assert decide(folder, always, never).sha256 == first.sha256
    assert (folder / COMPILED_FILE).read_text() == "compiled"
    monkeypatch.setattr(compiling, "_processor", lambda: "another")
    elsewhere = decide(folder, always, never)
    assert elsewhere.form == "compiled"
    assert elsewhere.key != first.key


def test_rank_that_cannot_use_the_compiled_file_goes_on_eager_and_says_why(
    staged, tiny_committee_packages, tmp_path, compile_by, monkeypatch
):
    compile_by("open(sys.argv[2], 'w').write('not a model')")
    folder = staged("run", LONG)
    assert decide(folder, Compiling("auto", tmp_path / "cache"), never).form == "compiled"
    committee = Committee.load(tiny_committee_packages)
    driver, unreadable = driver_of(folder, committee)
    assert driver is committee
    assert unreadable["form"] == "eager"
    assert unreadable["reason"].startswith("A compiled model cannot be loaded")
    # The batch system may give a job's ranks to another kind of node than the one that decided.
    monkeypatch.setattr(compiling, "_processor", lambda: "another")
    driver, elsewhere = driver_of(folder, committee)
    assert driver is committee
    assert elsewhere["form"] == "eager"
    assert elsewhere["reason"] == "compiled for another kind of processor than this rank's"
