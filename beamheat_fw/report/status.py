"""Where one campaign stands, gathered from its documents and its fireworks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from beamheat_fw.report.code_versions import mixed_versions
from beamheat_fw.report.time_left import left_at_pace
from beamheat_fw.report.work_left import work_left
from beamheat_fw.store.costs import core_hours_of
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import CampaignRecord, Conductance, Prediction, Round


def campaign_status(store: Store, record: CampaignRecord) -> dict[str, Any]:
    """Return a campaign's status.

    Returns
    -------
    dict
        ``campaign``, ``campaign_id``, ``state``, ``state_reason``, ``core_hours`` (spent) and
        ``max_core_hours`` (None where there is no bound), ``rounds`` (counts of labels and gate, verdict, and
        ``labels_left``: the interval of their time left), ``work`` (see `work_left`), ``fireworks`` (count by
        FireWorks state), ``running`` (their names), ``failures`` (with reasons), ``mixed_versions`` (codes of
        which its workers ran several), ``delta_T_K`` and ``delta_T_text`` (None before there is a
        prediction).
    """
    fireworks = list(
        store.db["fireworks"].find(
            {"spec.campaign_id": record.id},
            {"fw_id": 1, "name": 1, "state": 1, "launches": {"$slice": -1}, "spec._exception_details": 1},
        )
    )
    prediction = next(
        iter(store.find(Prediction, {"campaign_id": record.id}, newest_first=True, limit=1)), None
    )
    return {
        "campaign": record.name,
        "campaign_id": record.id,
        "state": record.state,
        "state_reason": record.state_reason,
        "core_hours": round(core_hours_of(store, record), 3),
        "max_core_hours": record.max_core_hours,
        "rounds": [_round(store, document) for document in _rounds(store, record)],
        "work": work_left(store, record),
        "fireworks": dict(Counter(firework["state"] for firework in fireworks)),
        "running": [firework["name"] for firework in fireworks if firework["state"] == "RUNNING"],
        "failures": [_failure(store, firework) for firework in fireworks if firework["state"] == "FIZZLED"],
        "mixed_versions": mixed_versions(store, record.id),
        "delta_T_K": prediction.delta_T_K if prediction else None,
        "delta_T_text": temperature_text(prediction, _conductance(store, prediction)) if prediction else None,
    }


def temperature_text(prediction: Prediction, conductance: Conductance | None = None) -> str:
    """Return a prediction in words: the rise, its 68 % interval and the beam it holds for.

    Parameters
    ----------
    prediction : Prediction
    conductance : Conductance, optional
        The one behind it: where it is compatible with zero, the interval's upper end says little.
    """
    beam = f"at {prediction.beam_energy_keV:g} keV and {prediction.dose_rate_e_A2_s:.3g} e/Å²/s"
    if prediction.delta_T_high_K is None:
        return f"at least {prediction.delta_T_low_K:.3g} K {beam} (no upper bound: G is compatible with zero)"
    up = prediction.delta_T_high_K - prediction.delta_T_K
    down = prediction.delta_T_K - prediction.delta_T_low_K
    text = f"{prediction.delta_T_K:.3g} K (+{up:.2g} -{down:.2g} K) {beam}"
    if conductance is not None and conductance.compatible_with_zero:
        text += (
            " (G is compatible with zero within two standard errors: the upper end holds at 68 %, none does "
            "at 95 %)"
        )
    if conductance is not None and not conductance.heat_balances:
        text += " (not to be relied on: structures released heat of their own, see the report)"
    return text


def _conductance(store: Store, prediction: Prediction) -> Conductance | None:
    query = {"_id": prediction.conductance_id}
    return next(iter(store.find(Conductance, query, limit=1)), None)


def _rounds(store: Store, record: CampaignRecord) -> list[Round]:
    return sorted(store.find(Round, {"campaign_id": record.id}), key=lambda document: document.round)


def _round(store: Store, document: Round) -> dict[str, Any]:
    found = list(
        store.db["labels"].find({"_id": {"$in": list(document.label_ids)}}, {"state": 1, "last_updated": 1})
    )
    states = Counter(label["state"] for label in found)
    done = [label for label in found if label["state"] in ("completed", "failed")]
    # Labels that an earlier campaign left say nothing of this one's pace.
    own = [label["last_updated"] for label in done if label["last_updated"] >= document.created_at]
    left = left_at_pace(own, len(document.label_ids) - len(done))
    return {
        "round": document.round,
        "labels": len(document.label_ids),
        "completed": states["completed"],
        "failed": states["failed"],
        "labels_left": asdict(left) if left else None,
        "counts": document.counts,
        "verdict": document.verdict,
        "warnings": list(document.analysis.warnings),
        "holding_back": list(document.verdict_details.get("holding_back", ())),
    }


def verdict_text(entry: Mapping[str, Any]) -> str:
    """Return a round's verdict in words, with the environments that hold it back, the worst first."""
    verdict = entry["verdict"] or "not judged"
    held = entry["holding_back"]
    return f"{verdict}, held back by {', '.join(held)}" if held else verdict


def _failure(store: Store, firework: dict[str, Any]) -> dict[str, Any]:
    launch = store.db["launches"].find_one(
        {"launch_id": (firework.get("launches") or [None])[-1]}, {"action": 1}
    )
    exception = ((launch or {}).get("action") or {}).get("stored_data", {}).get("_exception", {})
    # A firework that was refused before its launch tells why in its own spec.
    refusal = firework.get("spec", {}).get("_exception_details")
    details = refusal or exception.get("_details") or {}
    reason = f"{details['what']}. {details['fix']}" if "what" in details else _last_line(exception)
    return {
        "fw_id": firework["fw_id"],
        "name": firework["name"],
        "kind": details.get("kind"),
        "reason": reason,
    }


def _last_line(exception: dict[str, Any]) -> str:
    lines = (exception.get("_stacktrace") or "unknown reason").strip().splitlines()
    return lines[-1]
