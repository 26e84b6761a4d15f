"""Which firetasks a worker runs, judged on the raw document before anything of it is imported.

FireWorks imports whatever module a spec names, and copies and reads whatever files it names, so whoever can
write to the database could run any code and read any file. A worker of beamheat therefore looks at the names
first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from beamheat_fw.errors import InputError
from beamheat_fw.queue_resources import is_resource

OWN_TASKS = "beamheat_fw.firetasks"

#: Keys of a spec by which a rocket copies files, enters any folder or sends files to the database.
_FILE_KEYS = ("_files_in", "_launch_dir", "_trackers")


class RefusedTask(InputError):
    """A firework names code or files that this worker does not touch."""


def judge(document: Mapping[str, Any], allowed: Sequence[str] = ()) -> None:
    """Refuse a document that would make FireWorks import or open anything beside what is allowed.

    Parameters
    ----------
    document : mapping
        The raw firework or launch of the database, or an action that is to be loaded.
    allowed : sequence of str
        Names of firetasks, or packages and modules that hold them, beside the firetasks of `OWN_TASKS`; and
        the keys of a spec that act on files or on a job's script.

    Raises
    ------
    RefusedTask
        Names the first task or key that is not allowed, or any ``@module``.
    """
    for name in (*_named_files(document), *_named_code(document)):
        plain = name.strip("{} ")
        is_own = plain.rpartition(".")[0] == OWN_TASKS
        if not is_own and not any(plain == entry or plain.startswith(f"{entry}.") for entry in allowed):
            raise RefusedTask(
                "This worker does not run what the firework names",
                "If you trust it, add it to env.allowed_tasks in my_fworker.yaml.",
                {"fw_id": document.get("fw_id"), "name": plain},
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


def _named_files(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield every key through which a rocket would touch files, or a job run commands, that it names."""
    if document.get("trackers"):  # of a launch
        yield "_trackers"
    spec = document.get("spec")
    if not isinstance(spec, Mapping):
        return
    yield from (key for key in _FILE_KEYS if key in spec)
    recovery = spec.get("_recovery")
    if isinstance(recovery, Mapping) and recovery.get("_mode"):  # without a mode no folder is copied
        yield "_recovery"
    yield from _queue_commands(spec.get("_queueadapter"))


def _queue_commands(asked: Any) -> Iterator[str]:
    """Yield what is no resource in what a firework asks of the queue: it would go into the job's script."""
    if not asked:
        return
    if not isinstance(asked, Mapping):
        yield "_queueadapter"
        return
    yield from (f"_queueadapter.{key}" for key, value in asked.items() if not is_resource(key, value))
