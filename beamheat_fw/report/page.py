"""The report: one self-contained HTML page of a campaign, however far it has come."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from beamheat_fw.errors import InputError
from beamheat_fw.report.blocks import Section
from beamheat_fw.report.documents import CampaignDocuments, gather
from beamheat_fw.report.numbers import typeset
from beamheat_fw.report.sections import (
    answer,
    committee,
    conductance,
    costs,
    gate,
    labels,
    provenance,
    spectrum,
)
from beamheat_fw.report.status import campaign_status
from beamheat_fw.store.costs import costs_of
from beamheat_fw.store.database import Store
from beamheat_fw.store.provenance import trail


def write_report(store: Store, campaign_id: str, path: Path) -> Path:
    """Write a campaign's report; an earlier one of the same path is replaced whole or stays.

    Parameters
    ----------
    store : Store
    campaign_id : str
    path : Path
        The HTML file.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        The file cannot be written there.
    StoreError
        There is no such campaign, or one of its documents cannot be read.
    """
    page = render(store, campaign_id)
    waiting = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        waiting.write_text(page, encoding="utf-8")
        waiting.replace(path)
    except OSError as error:
        waiting.unlink(missing_ok=True)
        raise InputError(
            "The report cannot be written",
            "Give a file in a folder that exists and is yours.",
            {"file": str(path), "reason": error.strerror},
        ) from None
    return path


def render(store: Store, campaign_id: str) -> str:
    """Return a campaign's report as HTML."""
    from jinja2 import Environment, PackageLoader

    documents = gather(store, campaign_id)
    environment = Environment(
        loader=PackageLoader("beamheat_fw", "report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["typeset"] = typeset
    return environment.get_template("page.html").render(
        record=documents.record,
        answer=answer.answer(documents),
        sections=list(_sections(store, documents)),
        made_at=datetime.now(UTC),
        version=version("beamheat_fw"),
    )


def _sections(store: Store, documents: CampaignDocuments) -> Iterable[Section]:
    start = _newest_result(documents)
    behind = trail(store, start[1]) if start else {"nodes": [], "edges": []}
    yield answer.temperature(documents)
    yield conductance.conductance(documents)
    yield committee.committee(documents)
    yield gate.gate(documents)
    yield labels.labels(documents)
    yield spectrum.spectrum(documents)
    yield provenance.provenance(documents, start, behind)
    yield costs.costs(costs_of(store, documents.record))
    yield costs.failures(campaign_status(store, documents.record)["failures"])
    yield provenance.versions(behind)


def _newest_result(documents: CampaignDocuments) -> tuple[str, str] | None:
    """Return the document furthest along the chain, whose trail reaches most."""
    chain: tuple[Any, ...] = (
        documents.prediction,
        documents.conductance,
        *documents.committees[::-1],
        *documents.potentials[::-1],
    )
    return next(((found.collection, found.id) for found in chain if found is not None), None)
