"""In which form the driving potential of a heating run is evaluated: eager, or compiled where that pays.

The form is decided once, before the ranks start, and written into the job folder: a run that goes on there
goes on in the same form, with the same compiled file, and so to the last bit.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from beamheat_fw.drivers.md.compile_policy import COMPILE_S, Compiling, saved_s
from beamheat_fw.drivers.md.inputs import SYSTEM_FILE, read_structures
from beamheat_fw.drivers.md.protocols import COMMITTEE_FILE, PROTOCOL_FILE, CommitteeFile, HeatProtocol
from beamheat_fw.drivers.nequip.compiling import compilation_key, compiled
from beamheat_fw.errors import CalculationError, DiskFull, InputError, IntegrityError
from beamheat_fw.identity import file_sha256
from beamheat_fw.whole_files import write_whole

if TYPE_CHECKING:
    from beamheat_fw.drivers.nequip.committee import Committee
    from beamheat_fw.drivers.nequip.compiled import CompiledMember

DRIVING_FILE = "driving.json"
COMPILED_FILE = "driving.nequip.pt2"


@dataclass(frozen=True)
class Driving:
    """The form in which a run's driving potential is evaluated.

    Attributes
    ----------
    form : {'eager', 'compiled'}
    reason : str
        Why.
    key, sha256 : str, optional
        Of the compiled model: what it was made from, and the file itself.
    compile_s : float, optional
        What compiling took, whichever run it was for.
    """

    form: Literal["eager", "compiled"]
    reason: str
    key: str | None = None
    sha256: str | None = None
    compile_s: float | None = None

    @classmethod
    def of_folder(cls, folder: Path) -> Driving:
        """Return what was decided in a job folder."""
        return cls(**json.loads((folder / DRIVING_FILE).read_text(encoding="utf-8")))


def decide(folder: Path, compiling: Compiling, stop: Callable[[], bool]) -> Driving:
    """Decide in which form a staged run is driven, compile if so, and write both into the job folder.

    What was decided there before holds, as long as a compiled file is whole and made for this processor. No
    failure to compile keeps a run from going on eager.

    Raises
    ------
    Interrupted
        `stop` turned true.
    """
    package = _driving_package(folder)
    try:
        before = Driving.of_folder(folder)
        if before.form == "eager" or _is_at_hand(folder, before, package):
            return before
    except (OSError, ValueError, TypeError):
        pass
    driving = _decided(folder, package, compiling, stop)
    write_whole(folder / DRIVING_FILE, json.dumps(asdict(driving)).encode())
    return driving


def driver_of(folder: Path, committee: Committee) -> tuple[Committee | CompiledMember, Mapping[str, Any]]:
    """Return what drives a rank of a run, and in which form, for its outcome.

    Parameters
    ----------
    folder : Path
    committee : Committee
        Loaded; its driving member does where nothing else was decided, or can be used on this node.
    """
    from beamheat_fw.drivers.nequip.compiled import CompiledMember

    driving = Driving.of_folder(folder)
    if driving.form == "compiled" and driving.key != compilation_key(_driving_package(folder)):
        driving = Driving("eager", "compiled for another kind of processor than this rank's")
    if driving.form == "compiled":
        try:
            return CompiledMember.load(folder / COMPILED_FILE), asdict(driving)
        except IntegrityError as error:
            driving = Driving("eager", f"{error.what}: {error.values.get('reason')}")
    return committee, asdict(driving)


def _decided(folder: Path, package: Path, compiling: Compiling, stop: Callable[[], bool]) -> Driving:
    if compiling.when == "never" or compiling.cache is None:
        return Driving("eager", "this worker never compiles")
    saved = _saved_by(folder)
    if compiling.when == "auto" and saved < COMPILE_S:
        return Driving("eager", f"too short: compiling takes {COMPILE_S:.0f} s and would save {saved:.0f} s")
    try:
        file, found = compiled(package, compiling.cache, stop)
        shutil.copyfile(file, folder / COMPILED_FILE)
    except (CalculationError, InputError, DiskFull, OSError) as failure:
        return Driving("eager", f"compiling failed: {_last_words(failure)}")
    return Driving("compiled", f"saves about {saved:.0f} s a rank", **asdict(found))


def _saved_by(folder: Path) -> float:
    protocol = HeatProtocol.read(folder / PROTOCOL_FILE)
    atoms = len(read_structures(folder / SYSTEM_FILE)[0])
    return saved_s(protocol.steps, atoms * protocol.replicas_per_rank)


def _is_at_hand(folder: Path, driving: Driving, package: Path) -> bool:
    file = folder / COMPILED_FILE
    return file.exists() and file_sha256(file) == driving.sha256 and driving.key == compilation_key(package)


def _driving_package(folder: Path) -> Path:
    committee = CommitteeFile.read(folder / COMMITTEE_FILE)
    return folder / committee.packages[committee.driver or 0]


def _last_words(failure: Exception) -> str:
    values = getattr(failure, "values", {})
    lines = str(values.get("log_tail", "")).strip().splitlines()
    return lines[-1].strip() if lines else str(failure)
