"""Reads temperature series from CSV files."""

from __future__ import annotations

import csv
from pathlib import Path

from beamheat_fw.errors import InputError
from beamheat_fw.physics.interface.series import TemperatureSeries


def read_series(file: Path) -> TemperatureSeries:
    """Read a temperature series.

    Parameters
    ----------
    file : Path
        Comma-separated, a header with at least ``time_ps``, ``T_particle_K`` and ``T_support_K``; also
        ``E_particle_eV`` and ``E_support_eV``. Lines that start with # are left out.

    Raises
    ------
    InputError
        The file cannot be read, lacks a column, or holds what `TemperatureSeries` refuses.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "The series cannot be read", "Give a CSV file.", {"file": str(file), "reason": str(error)}
        ) from None
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and line[0] != "#"]
    rows = list(csv.reader(line for _, line in numbered))
    names = [name.strip() for name in rows[0]] if rows else []
    missing = [name for name in ("time_ps", "T_particle_K", "T_support_K") if name not in names]
    if missing:
        raise InputError(
            f"The series lacks the column {missing[0]}",
            "Name the columns time_ps, T_particle_K, T_support_K in the first line, in those units.",
            {"file": str(file), "columns": ", ".join(names) or "none"},
        )
    wanted = [
        name
        for name in names
        if name in TemperatureSeries.__dataclass_fields__ and name not in ("member", "seed")
    ]
    values: dict[str, list[float]] = {name: [] for name in wanted}
    for (number, _), row in zip(numbered[1:], rows[1:], strict=True):
        for name in wanted:
            values[name].append(_number(row, names.index(name), file, number))
    try:
        return TemperatureSeries(**values)  # type: ignore[arg-type]
    except InputError as error:
        raise InputError(error.what, error.fix, {"file": str(file), **error.values}) from None


def _number(row: list[str], column: int, file: Path, line: int) -> float:
    try:
        return float(row[column])
    except (IndexError, ValueError):
        found = row[column] if column < len(row) else ""
        raise InputError(
            "The series holds a value that is not a number",
            "Fill the gap, or give the parts before and after it as files of their own.",
            {"file": str(file), "line": line, "found": found},
        ) from None
