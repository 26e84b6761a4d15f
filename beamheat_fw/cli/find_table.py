"""The tables of ``beamheat find``: a few telling fields of each collection, units under their names."""

from __future__ import annotations

from typing import Any, Final

#: What the table shows of each collection beside id and date.
COLUMNS: Final = {
    "campaigns": ("name", "state", "current_round"),
    "labels": ("formula_pretty", "nsites", "state", "level", "energy_eV"),
    "datasets": ("nlabels", "level", "elements"),
    "potentials": ("round", "member", "state", "metrics"),
    "committees": ("round", "elements", "metrics"),
    "rounds": ("round", "state", "counts", "verdict"),
    "md_runs": ("run_key", "kind", "state", "formula_pretty"),
    "conductances": (
        "formula_pretty",
        "conductance_MW_m2K",
        "conductance_low_MW_m2K",
        "conductance_high_MW_m2K",
    ),
    "spectra": ("file_name", "beam_energy_keV", "t_over_lambda", "mean_free_path_nm", "mean_loss_eV"),
    "predictions": ("formula_pretty", "delta_T_K", "delta_T_low_K", "delta_T_high_K", "converged"),
    "provenance": ("from", "role", "to", "host"),
}
#: Names of columns that say more than the field's.
_HEADERS: Final = {
    "formula_pretty": "formula",
    "nsites": "atoms",
    "nlabels": "labels",
    "current_round": "round",
    "run_key": "run",
    "file_name": "file",
    "conductance_MW_m2K": "G\nMW/m²/K",
    "conductance_low_MW_m2K": "low\nMW/m²/K",
    "conductance_high_MW_m2K": "high\nMW/m²/K",
    "t_over_lambda": "t/λ",
    "beam_energy_keV": "beam\nkeV",
    "mean_free_path_nm": "path\nnm",
    "mean_loss_eV": "loss\neV",
    "delta_T_K": "rise\nK",
    "delta_T_low_K": "low\nK",
    "delta_T_high_K": "high\nK",
}
_ONE: Final = {"rounds": "round", "spectra": "spectrum", "provenance": "edge"}


def print_table(collection: str, documents: list[dict[str, Any]]) -> None:
    """Print documents of one collection; eighty columns hold most tables, and a pipe gets whole lines."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    columns = COLUMNS[collection]
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.caption, table.caption_justify = _caption(collection, len(documents)), "left"
    table.add_column("id", no_wrap=True)
    for column in columns:
        numeric = any(_is_number(document.get(column)) for document in documents)
        table.add_column(_header(column), justify="right" if numeric else "left")
    table.add_column("created (UTC)", no_wrap=True)
    for document in documents:
        created = document.get("created_at")
        cells = (_cell(document.get(column)) for column in columns)
        table.add_row(str(document["_id"])[:12], *cells, f"{created:%Y-%m-%d %H:%M}" if created else "")
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, console.measure(table).maximum)
    console.print(table)


def _caption(collection: str, count: int) -> str:
    several = "edges" if collection == "provenance" else collection
    return f"{count} {_ONE.get(collection, collection.removesuffix('s')) if count == 1 else several}"


def _header(column: str) -> str:
    from beamheat_fw.report.numbers import titled

    return _HEADERS.get(column) or titled(column).replace(" (", "\n").removesuffix(")")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    from beamheat_fw.report.numbers import titled

    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict) and set(value) == {"collection", "id"}:
        return f"{value['collection']}\n{value['id'][:12]}"
    if isinstance(value, dict):
        return "\n".join(f"{titled(key)} {_cell(item)}" for key, item in list(value.items())[:3])
    if isinstance(value, list):
        return " ".join(_cell(item) for item in value[:6])
    return str(value)[:40]
