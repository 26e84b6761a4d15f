"""Compile packages by nequip-compile, once for each kind of processor.

A compiled file is bound to the processor's instructions and to the versions of torch and nequip. So packages
are stored and sent; what is compiled stays in a cache on the worker, which may be removed at any time::

    <cache>/
        KEY.nequip.pt2    what nequip-compile made
        KEY.json          its sha256, and the seconds that it took; written last
        KEY.lock          held while somebody compiles it
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from beamheat_fw.drivers.process import Command, run_to_end
from beamheat_fw.errors import Interrupted
from beamheat_fw.identity import bytes_sha256, content_hash, file_sha256
from beamheat_fw.whole_files import write_whole

#: For ASE, so that the same file serves NequIP's own calculator.
_OPTIONS: Final = ("--mode", "aotinductor", "--device", "cpu", "--target", "ase")
_PROGRAM: Final = (sys.executable, "-m", "nequip.scripts.compile")
_POLL_S = 0.2


@dataclass(frozen=True)
class Compilation:
    """What is known of a compiled model.

    Attributes
    ----------
    key : str
        As `compilation_key` makes it.
    sha256 : str
        Of the compiled file.
    compile_s : float
        Wall time that compiling took, whoever did it.
    """

    key: str
    sha256: str
    compile_s: float


def compilation_key(package: Path) -> str:
    """Return the hash of all that a compiled model depends on: package, processor, versions and options."""
    return content_hash(
        {
            "package": file_sha256(package),
            "processor": _processor(),
            "versions": {name: version(name) for name in ("torch", "nequip", "e3nn")},
            "options": list(_OPTIONS),
        }
    )


def compiled(package: Path, cache: Path, stop: Callable[[], bool]) -> tuple[Path, Compilation]:
    """Return the compiled form of a package, from the cache if it is there and whole.

    Of several that want the same at once, one compiles and the others wait.

    Parameters
    ----------
    package : Path
        A ``.nequip.zip`` file.
    cache : Path
    stop : callable
        Turns true when the work should end early.

    Raises
    ------
    Interrupted
        `stop` turned true.
    CalculationError, InputError, DiskFull
        nequip-compile failed, or cannot be started.
    OSError
        The cache cannot be written.
    """
    key = compilation_key(package)
    file, note = cache / f"{key}.nequip.pt2", cache / f"{key}.json"
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / f"{key}.lock", stop):
        found = _read(file, note)
        if found is None:
            note.unlink(missing_ok=True)
            started = time.monotonic()
            _compile(package, file, stop)
            found = Compilation(key, file_sha256(file), time.monotonic() - started)
            write_whole(note, json.dumps(asdict(found)).encode())
    return file, found


def _read(file: Path, note: Path) -> Compilation | None:
    try:
        found = Compilation(**json.loads(note.read_text(encoding="utf-8")))
        return found if file_sha256(file) == found.sha256 else None
    except (OSError, ValueError, TypeError):
        return None


def _compile(package: Path, file: Path, stop: Callable[[], bool]) -> None:
    # A check that fails after compiling leaves the file behind: only the exit status tells that it is good.
    with tempfile.TemporaryDirectory(prefix=f"{file.name[:12]}.", suffix=".tmp", dir=file.parent) as name:
        folder = Path(name)
        draft = folder / "draft.nequip.pt2"
        command = Command(
            [*_PROGRAM, str(package.resolve()), str(draft), *_OPTIONS],
            folder,
            folder / "log.txt",
            {
                **os.environ,
                # As many threads as now are written into the code.
                "OMP_NUM_THREADS": "1",
                "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
                "PYTHONWARNINGS": "ignore",
            },
        )
        run_to_end(command, stop)
        shutil.move(draft, file)


@contextmanager
def _locked(path: Path, stop: Callable[[], bool]) -> Iterator[None]:
    with path.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if stop():
                    raise Interrupted(
                        "The work was asked to stop while another compiled its model",
                        "Run it again.",
                        {"lock": str(path)},
                    ) from None
                time.sleep(_POLL_S)
        yield


def _processor() -> str:
    """Return what tells one kind of processor from another: its name and its instructions."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    telling = ("vendor_id", "model name", "flags", "Features", "CPU implementer", "CPU part", "cpu\t")
    lines = [line for line in text.splitlines() if line.startswith(telling)]
    return f"{platform.machine()} {bytes_sha256(chr(10).join(lines).encode())}"
