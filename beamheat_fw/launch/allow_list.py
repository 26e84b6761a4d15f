"""Which firetasks a worker runs, judged on the raw document before anything of it is imported.

FireWorks imports whatever module a spec names, so whoever can write to the database could run any code. A
worker of beamheat therefore looks at the names first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from beamheat_fw.errors import InputError

OWN_TASKS = "beamheat_fw.firetasks"


class RefusedTask(InputError):
    """A firework names code that this worker does not run."""


def judge(firework: Mapping[str, Any], allowed: Sequence[str] = ()) -> None:
    """Refuse a firework that would import anything beside the allowed firetasks.

    Parameters
    ----------
    firework : mapping
        The raw document of the database.
    allowed : sequence of str
        Names of firetasks, or packages and modules that hold them, beside `OWN_TASKS`.

    Raises
    ------
    RefusedTask
        Names the first task that is not allowed, or any ``@module``.
    """
    for name in _named_code(firework):
        plain = name.strip("{} ")
        if not any(plain == entry or plain.startswith(f"{entry}.") for entry in (OWN_TASKS, *allowed)):
            raise RefusedTask(
                "This worker does not run what the firework names",
                "If you trust it, add it to env.allowed_tasks in my_fworker.yaml.",
                {"fw_id": firework.get("fw_id"), "name": plain},
            )


def _named_code(value: Any) -> Iterator[str]:
    """Yield every name through which FireWorks or monty would import a module."""
    if isinstance(value, Mapping):
        if "_fw_name" in value:
            yield str(value["_fw_name"])
        if "@module" in value:
            yield f"@module {value['@module']}"
        for item in value.values():
            yield from _named_code(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _named_code(item)
