"""``beamheat export``: labels or a dataset as files that ASE, NequIP and MACE read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit
from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from beamheat_fw.store.database import Store


def command(
    what: Annotated[str, typer.Argument(help="labels, or dataset.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    dataset: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The dataset's id, or how it begins.")
    ] = None,
    file_format: Annotated[str, typer.Option("--format", help="extxyz, or ase-db.")] = "extxyz",
    formula: Annotated[str | None, typer.Option(help="Labels of this composition.")] = None,
    tag: Annotated[str | None, typer.Option(help="Labels with this tag.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Labels a campaign asked for.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    launchpad: LaunchpadOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write completed labels, or the members of a dataset, with energies (eV) and forces (eV/Å).

    Example: beamheat export labels --campaign quickstart --format extxyz -o labels.extxyz
    """
    from beamheat_fw.store.exports import FORMATS, dataset_frames, label_frames, write_frames
    from beamheat_fw.store.filters import Filters
    from beamheat_fw.store.launchpad_file import open_store

    chosen = next((known for known in FORMATS if known == file_format), None)
    if chosen is None or what not in ("labels", "dataset") or (what == "dataset") != (dataset is not None):
        raise InputError(
            "This cannot be exported",
            f"Write `export labels` or `export dataset ID`, with --format {' or '.join(FORMATS)}.",
            {"what": what, "id": dataset, "format": file_format},
        )
    if output.exists() and not force:
        raise InputError("The file is there already", "Give --force to replace it.", {"file": str(output)})
    store = open_store(launchpad)
    if dataset is not None:
        frames = dataset_frames(store, _dataset_id(store, dataset))
    else:
        filters = Filters(formula=formula, tag=tag, campaign=campaign, state="completed")
        frames = label_frames(_labels(store, filters))
    write_frames(frames, output, chosen)
    emit({"file": str(output), "frames": len(frames)}, as_json=as_json, readable=_print_result)


def _labels(store: Store, filters: Any) -> list[Any]:
    from beamheat_fw.store.documents import Label
    from beamheat_fw.store.filters import build_query

    return list(store.find(Label, build_query(store, Label, filters)))


def _dataset_id(store: Store, wanted: str) -> str:
    from beamheat_fw.store.provenance import locate

    found = [each.id for each in locate(store, wanted) if each.collection == "datasets"]
    if len(found) != 1:
        raise InputError(
            "There is no one dataset with this id",
            "See `beamheat find datasets --json`.",
            {"id": wanted, "found": found},
        )
    return found[0]


def _print_result(result: dict[str, Any]) -> None:
    print(f"{result['frames']} frames in {result['file']}")
