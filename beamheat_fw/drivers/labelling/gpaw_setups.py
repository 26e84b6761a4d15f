"""What GPAW needs before it can start: looked up on disk, without starting it."""

from __future__ import annotations

import re
from collections.abc import Collection
from glob import glob
from importlib.util import find_spec
from pathlib import Path

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.drivers.labelling.dispersion import dispersion_problems

#: Functionals and the setups GPAW takes for them; PBE's for all others.
_SETUPS = {name: name for name in ("LDA", "RPBE", "revPBE", "GLLBSC")} | dict.fromkeys(
    ("vdW-DF", "optPBE-vdW", "C09-vdW"), "revPBE"
)


def check_gpaw(settings: GpawSettings, symbols: Collection[str]) -> list[str]:
    """Return a sentence for each thing missing: packages, PAW setups, basis sets, D3 parameters.

    Parameters
    ----------
    settings : GpawSettings
    symbols : collection of str
    """
    if find_spec("gpaw") is None:
        return ["GPAW is not installed: pip install 'beamheat_fw[dft]'."]
    problems = []
    if find_spec("mpi4py") is None:
        problems.append("mpi4py is not installed: pip install 'beamheat_fw[mpi]'.")
    problems += _missing_files(settings, symbols)
    if settings.adds_d3:
        problems += dispersion_problems(settings)
    return problems


def _missing_files(settings: GpawSettings, symbols: Collection[str]) -> list[str]:
    from gpaw import setup_paths

    functional = _SETUPS.get(settings.xc, "PBE")
    problems = []
    for symbol in sorted(set(symbols)):
        if not _found(f"{symbol}.{functional}", setup_paths):
            problems.append(f"GPAW has no {functional} setup for {symbol} in its setup paths.")
        elif settings.mode == "lcao" and not _found(f"{symbol}.{basis_file(settings.basis)}", setup_paths):
            problems.append(f"GPAW has no basis set {settings.basis} for {symbol} in its setup paths.")
    return problems


def basis_file(basis: str) -> str:
    """Return the end of the file name of a basis set: ``sz(dzp)`` is cut from the file of ``dzp``."""
    cut = re.fullmatch(r"\w+\((.+)\)", basis)
    return f"{cut[1] if cut else basis}.basis"


def _found(name: str, folders: Collection[str | Path]) -> bool:
    return any(glob(str(Path(folder) / f"{name}{end}")) for folder in folders for end in ("", ".gz"))
