"""``beamheat provenance``: the trail behind and ahead of any document, and what falls with it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beamheat_fw.cli.output import JsonOption, LaunchpadOption, emit
from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from beamheat_fw.store.database import Store
    from beamheat_fw.store.documents.records import Reference

#: So many launches are listed for a person; --json has all of them.
_MOST_LAUNCHES = 12


def command(
    identifiers: Annotated[
        list[str], typer.Argument(metavar="ID...", help="Documents' ids, or how they begin.")
    ],
    withdraw: Annotated[
        bool,
        typer.Option("--withdraw", help="List what must be withdrawn if these documents are wrong."),
    ] = False,
    launchpad: LaunchpadOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a document was made from, by whom, and what was made from it.

    Example: beamheat provenance 3f2a9c41 --withdraw
    """
    from beamheat_fw.store.makers import makers
    from beamheat_fw.store.provenance import trail
    from beamheat_fw.store.server.launchpad_file import open_store
    from beamheat_fw.store.withdrawal import withdrawal

    if len(identifiers) > 1 and not withdraw:
        raise InputError(
            "A trail is that of one document", "Give one id, or add --withdraw.", {"ids": len(identifiers)}
        )
    store = open_store(launchpad)
    found = [_located(store, identifier) for identifier in identifiers]
    if withdraw:
        listed = withdrawal(store, [each.id for each in found])
        document = {"documents": [each.model_dump() for each in found]} | listed
        return emit(document, as_json=as_json, readable=_print_withdrawal)
    here, behind = found[0].model_dump(), trail(store, found[0].id, "back")
    document = {
        "document": here,
        "back": behind,
        "ahead": trail(store, found[0].id, "ahead"),
        "made_by": makers(store, here, behind),
    }
    return emit(document, as_json=as_json, readable=_print_trails)


def _located(store: Store, identifier: str) -> Reference:
    from beamheat_fw.store.provenance import locate

    found = locate(store, identifier)
    if len(found) != 1:
        raise InputError(
            "Several documents have ids that begin so" if found else "There is no document with this id",
            "Give more of the id." if found else "Look for it with `beamheat find COLLECTION --json`.",
            {"id": identifier}
            | ({"found": [f"{each.collection} {each.id}" for each in found]} if found else {}),
        )
    return found[0]


def _print_trails(document: dict[str, Any]) -> None:
    here = document["document"]
    print(f"{here['collection']} {here['id']}")
    for direction, title in (("back", "made from"), ("ahead", "used for")):
        trail = document[direction]
        counts = Counter(node["collection"] for node in trail["nodes"])
        print(f"\n{title}: {_counted(counts)}")
        for edge in trail["edges"]:
            # A dataset's labels are counted above and listed by --json.
            if edge["from"]["collection"] != "labels":
                print(f"  {_name(edge['to'])} <- {edge['role']} <- {_name(edge['from'])}")
        if trail["truncated"]:
            print("  ... and more")
    _print_makers(document["made_by"])


def _print_makers(made_by: dict[str, Any]) -> None:
    launches = made_by["launches"]
    print(f"\nmade by: {len(launches)} launches on {', '.join(made_by['hosts']) or 'an unnamed host'}")
    for launch in launches[:_MOST_LAUNCHES]:
        made = _counted(launch["made"])
        print(f"  launch {launch['launch_id']}, firework {launch['fw_id']}, {launch['host']}: {made}")
    if len(launches) > _MOST_LAUNCHES:
        print(f"  ... and {len(launches) - _MOST_LAUNCHES} more, listed by --json")
    for code, versions in made_by["versions"].items():
        print(f"  {code} {', '.join(versions)}")
    if made_by["not_recorded"]:
        print(f"  {made_by['not_recorded']} labels without a launch: imported, or not calculated yet")


def _print_withdrawal(document: dict[str, Any]) -> None:
    titles = {
        "withdraw": "to withdraw, as values in them follow from what is wrong",
        "look_again": "to look at again, as structures in them were chosen with wrong models",
    }
    names = Counter(each["collection"] for each in document["documents"])
    print(f"if wrong: {_counted(names)}")
    for part, title in titles.items():
        print(f"\n{title}: {_counted(document['counts'][part])}")
        for collection, found in document[part].items():
            for each in found:
                details = (f"{name} {_short(value)}" for name, value in each.items() if name != "_id")
                print(f"  {collection} {each['_id'][:12]}  {', '.join(details)}")
    if document["truncated"]:
        print("  ... and more")


def _short(value: Any) -> Any:
    """Return a value, a long hash by how it begins: enough to find it by, and `--json` has it whole."""
    return value[:12] if isinstance(value, str) and len(value) >= 40 else value


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"


def _name(reference: dict[str, str]) -> str:
    return f"{reference['collection']} {reference['id'][:12]}"
