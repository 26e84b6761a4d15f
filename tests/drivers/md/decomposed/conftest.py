"""The systems that are shared out over ranks."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from ase import Atoms


@pytest.fixture(scope="session")
def shared_systems() -> dict[str, Atoms]:
    """Systems that are hard to share out, by name."""
    spec = importlib.util.spec_from_file_location("systems", Path(__file__).with_name("systems.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.systems()
