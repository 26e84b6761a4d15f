"""The files that FireWorks' commands take: my_launchpad.yaml and my_fworker.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from fireworks import FWorker
from pymongo.errors import PyMongoError

from beamheat_fw.errors import InputError
from beamheat_fw.launch.launchpad import SurvivingLaunchPad
from beamheat_fw.launch.worker import read_worker


def read_launchpad(path: Path) -> SurvivingLaunchPad:
    """Read a launchpad file (my_launchpad.yaml).

    Raises
    ------
    InputError
        The file is missing or is no launchpad file.
    """
    content = _mapping(path, "launchpad file", "host (or uri_mode: true and a URI as host) and name")
    try:
        return SurvivingLaunchPad.from_dict(
            {key: value for key, value in content.items() if value is not None}
        )
    except (PyMongoError, TypeError, ValueError) as error:
        raise InputError(
            "This launchpad file cannot be used",
            "Compare it with my_launchpad.yaml.",
            {"file": str(path), "reason": str(error)},
        ) from None


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
        content = _mapping(path, "worker file", "name, category, query: '{}' and env")
        try:
            fworker = FWorker.from_dict({"category": "", "query": "{}", **content})
            fworker.query  # noqa: B018 - a wrong query shows when it is built
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                "This worker file cannot be used",
                "It needs name, category, query: '{}' and env.",
                {"file": str(path), "reason": f"{type(error).__name__}: {error}"},
            ) from None
    read_worker(fworker.env)
    return fworker


def worker_file(named: Path | None, launchpad_file: Path | None) -> Path | None:
    """Return the named worker file, else the one here, else the one beside the launchpad file."""
    if named is not None:
        return named
    folders = [Path.cwd(), *([launchpad_file.parent] if launchpad_file else [])]
    return next((path for folder in folders if (path := folder / "my_fworker.yaml").is_file()), None)


def _mapping(path: Path, kind: str, needed: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise InputError(f"There is no such {kind}", "Name one that exists.", {"file": str(path)}) from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"This {kind} cannot be read", "Mend it.", {"file": str(path), "reason": reason}
        ) from None
    if not isinstance(content, dict):
        raise InputError(f"This is no {kind}", f"It needs {needed}.", {"file": str(path)})
    return content
