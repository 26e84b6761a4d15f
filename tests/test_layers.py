import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "gpaw", "nequip", "hyperspy", "exspy", "matplotlib"}


def test_each_layer_imports_only_what_stands_below_it():
    from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

    assert lint_imports(config_filename=str(ROOT / "setup.cfg"), no_cache=True) == EXIT_STATUS_SUCCESS


def imported_packages(source):
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def test_nothing_in_the_package_imports_from_outside_it():
    for source in (ROOT / "beamheat_fw").rglob("*.py"):
        assert not {"workflows", "launchers", "tests"} & set(imported_packages(source)), source


def loaded_after(code):
    program = f"{code}\nimport sys; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_help_loads_nothing_heavy():
    loaded = loaded_after("from beamheat_fw.cli.main import run; run(['--help'])")
    assert not loaded & (HEAVY | {"ase", "pymatgen", "pymongo", "fireworks", "numpy"})


def test_submitting_loads_nothing_heavy(tmp_path):
    arguments = ["submit", "workflows/quickstart.yaml", "--to-file", str(tmp_path / "wf.yaml")]
    loaded = loaded_after(f"from beamheat_fw.cli.main import run; assert run({arguments!r}) == 0")
    assert not loaded & HEAVY


def test_rocket_and_doctor_load_neither_scipy_nor_anything_heavy():
    loaded = loaded_after("import beamheat_fw.launch.rockets, beamheat_fw.doctor")
    assert not loaded & (HEAVY | {"scipy", "pymatgen"})
