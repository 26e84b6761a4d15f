"""Whether the workers of one campaign ran the same codes: results of several may not compare."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from beamheat_fw.store.database import Store


def mixed_versions(store: Store, campaign_id: str) -> list[dict[str, Any]]:
    """Return the codes of which a campaign's launches ran more than one version.

    Labels reused from other campaigns do not count: their launches were not this campaign's.

    Returns
    -------
    list of dict
        ``code``, and ``versions``: the hosts by version.
    """
    fireworks = store.db["fireworks"].find(
        {"spec.campaign_id": campaign_id}, {"launches": 1, "archived_launches": 1}
    )
    launches = [
        launch for fw in fireworks for launch in (*fw["launches"], *(fw.get("archived_launches") or ()))
    ]
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for made_by in (*_of_edges(store, launches), *_of_labels(store, campaign_id, launches)):
        for code, version in made_by["versions"].items():
            found[code][version].add(made_by["host"])
    return [
        {"code": code, "versions": {version: sorted(hosts) for version, hosts in sorted(versions.items())}}
        for code, versions in sorted(found.items())
        if len(versions) > 1
    ]


def mixed_versions_text(mixed: dict[str, Any]) -> str:
    """Return one of `mixed_versions` in words."""
    versions = "; ".join(f"{version} on {', '.join(hosts)}" for version, hosts in mixed["versions"].items())
    return f"workers of this campaign ran different versions of {mixed['code']}: {versions}"


def _of_edges(store: Store, launches: list[int]) -> list[dict[str, Any]]:
    match = {"launch_id": {"$in": launches}}
    group = {"_id": {"versions": "$versions", "host": "$host"}}
    return [
        found["_id"] for found in store.db["provenance"].aggregate([{"$match": match}, {"$group": group}])
    ]


def _of_labels(store: Store, campaign_id: str, launches: list[int]) -> list[dict[str, Any]]:
    match = {"requests.campaign_id": campaign_id, "made_by.launch_id": {"$in": launches}}
    group = {"_id": {"versions": "$made_by.versions", "host": "$made_by.host"}}
    return [found["_id"] for found in store.db["labels"].aggregate([{"$match": match}, {"$group": group}])]
