"""``beamheat provenance``: the trail behind and ahead of any document."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit
from beamheat_fw.errors import InputError


def command(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="A document's id, or how it begins.")],
    launchpad: LaunchpadOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a document was made from, and what was made from it.

    Example: beamheat provenance 3f2a9c41
    """
    from beamheat_fw.store.launchpad_file import open_store
    from beamheat_fw.store.provenance import locate, trail

    store = open_store(launchpad)
    found = locate(store, identifier)
    if len(found) != 1:
        raise InputError(
            "Several documents have ids that begin so" if found else "There is no document with this id",
            "Give more of the id." if found else "Look for it with `beamheat find COLLECTION --json`.",
            {"id": identifier}
            | ({"found": [f"{each.collection} {each.id}" for each in found]} if found else {}),
        )
    document = {
        "document": found[0].model_dump(),
        "back": trail(store, found[0].id, "back"),
        "ahead": trail(store, found[0].id, "ahead"),
    }
    emit(document, as_json=as_json, readable=_print_trails)


def _print_trails(document: dict[str, Any]) -> None:
    here = document["document"]
    print(f"{here['collection']} {here['id']}")
    for direction, title in (("back", "made from"), ("ahead", "used for")):
        trail = document[direction]
        counts = Counter(node["collection"] for node in trail["nodes"])
        print(f"\n{title}: {', '.join(f'{count} {name}' for name, count in counts.items()) or 'nothing'}")
        for edge in trail["edges"]:
            # A dataset's labels are counted above and listed by --json.
            if edge["from"]["collection"] != "labels":
                print(f"  {_name(edge['to'])} <- {edge['role']} <- {_name(edge['from'])}{_maker(edge)}")
        if trail["truncated"]:
            print("  ... and more")


def _name(reference: dict[str, str]) -> str:
    return f"{reference['collection']} {reference['id'][:12]}"


def _maker(edge: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in (edge.get("versions") or {}).items())
    parts = [f"firework {edge['fw_id']}" if edge.get("fw_id") else "", edge.get("host") or "", versions]
    return "".join(f"; {part}" for part in parts if part)
