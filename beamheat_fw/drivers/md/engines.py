"""The MD engines that a campaign chooses from, by the programs they are."""

from __future__ import annotations

from typing import Final

from beamheat_fw.errors import InputError

#: Programs to be started under MPI with the job folder as their argument.
ENGINES: Final = {
    "replicas": "beamheat_fw.drivers.md.heat_program",
    "decomposed": "beamheat_fw.drivers.md.decomposed.program",
}


def program_of(engine: str) -> str:
    """Return the program of an engine.

    Raises
    ------
    InputError
        There is no such engine.
    """
    if engine not in ENGINES:
        raise InputError(
            "There is no such MD engine", f"Choose one of {', '.join(ENGINES)}.", {"engine": engine}
        )
    return ENGINES[engine]
