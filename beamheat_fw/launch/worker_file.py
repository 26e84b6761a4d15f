"""The worker file (my_fworker.yaml): which work a machine takes, and what it offers to it."""

from __future__ import annotations

from pathlib import Path

from fireworks import FWorker

from beamheat_fw.errors import InputError
from beamheat_fw.launch.worker import read_worker
from beamheat_fw.yaml_files import read_mapping


def read_fworker(path: Path | None) -> FWorker:
    """Read a worker file (my_fworker.yaml) and check its `env`.

    Parameters
    ----------
    path : Path or None
        None for what FireWorks finds by itself, or a worker that takes everything.

    Raises
    ------
    InputError
        The file is missing, is no worker file, or its `env` is wrong.
    """
    if path is None:
        fworker = FWorker.auto_load()
    else:
        content = read_mapping(path, "worker file", "Name one with -w: name, category, query: '{}' and env.")
        for key, kind in (("name", str), ("query", str), ("env", dict)):
            if not isinstance(content.get(key, kind()), kind):
                raise InputError(
                    "The worker file has a wrong value",
                    f"Give {key} as a {'mapping' if kind is dict else 'text'}.",
                    {"file": str(path), key: repr(content[key])[:200]},
                )
        try:
            fworker = FWorker.from_dict({"category": "", "query": "{}", **content})
            fworker.query  # noqa: B018 - a wrong query shows when it is built
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise InputError(
                "This worker file cannot be used",
                "It needs name, category, query: '{}' and env.",
                {"file": str(path), "reason": f"{type(error).__name__}: {error}"},
            ) from None
    read_worker(fworker.env)
    return fworker


def find_worker_file(named: Path | None, launchpad_file: Path) -> Path | None:
    """Return the named worker file, else the one here, else the one beside the launchpad file."""
    if named is not None:
        return named
    folders = (Path.cwd(), launchpad_file.parent)
    return next((path for folder in folders if (path := folder / "my_fworker.yaml").is_file()), None)
