"""The committee: its members' errors, and what their spread is worth."""

from __future__ import annotations

from typing import Any

from beamheat_fw.report.blocks import Block, Figure, Row, Section, Table, Warnings
from beamheat_fw.report.documents import CampaignDocuments
from beamheat_fw.report.figures import calibration as figures
from beamheat_fw.report.numbers import number
from beamheat_fw.report.sections.calibration import calibration
from beamheat_fw.store.documents import Committee, Potential

_METRICS = {
    "force_mae_eV_A": "force MAE (meV/Å)",
    "force_rmse_eV_A": "force RMSE (meV/Å)",
    "energy_mae_eV_atom": "energy MAE (meV/atom)",
    "energy_rmse_eV_atom": "energy RMSE (meV/atom)",
}


def committee(documents: CampaignDocuments) -> Section:
    """Return the members' errors over the rounds, and the calibration of their spread."""
    if not documents.potentials:
        return Section("Committee", "No potential has been trained yet.")
    newest = documents.potentials[-1].round
    members = [found for found in documents.potentials if found.round == newest]
    drawn = (*_errors(documents), *calibration(documents))
    blocks: list[Block] = [*([Row(drawn)] if drawn else []), _errors_table(documents)]
    if warnings := tuple(dict.fromkeys(text for found in members for text in found.analysis.warnings)):
        blocks.append(Warnings(warnings))
    dataset = next((found for found in documents.datasets if found.id == members[0].dataset_id), None)
    trained = f" on {len(dataset.split.get('train', ()))} labels" if dataset else ""
    return Section("Committee", f"{len(members)} members, trained in round {newest}{trained}.", tuple(blocks))


def _errors(documents: CampaignDocuments) -> list[Figure]:
    if not any("force_rmse_eV_A" in each.metrics for each in documents.potentials):
        return []
    caption = (
        "Force errors over the rounds: of each member on its own validation frames, and of the committee's "
        "mean on labels that no round trains on."
    )
    return [Figure(figures.errors_by_round(documents.potentials, documents.committees), caption)]


def _errors_table(documents: CampaignDocuments) -> Table:
    """Return members' errors on their validation frames, and the committee's on labels never trained on."""
    metrics = [potential.metrics for potential in documents.potentials]
    metrics += [_overall(found) for found in documents.committees]
    known = [name for name in _METRICS if any(name in each for each in metrics)]
    rows = []
    for round_number in sorted({found.round for found in documents.potentials}):
        rows += [_error_row(found, known) for found in documents.potentials if found.round == round_number]
        rows += [
            (
                f"{round_number}",
                "all",
                *(_milli(_overall(found).get(name)) for name in known),
            )
            for found in documents.committees
            if found.round == round_number and any(name in _overall(found) for name in known)
        ]
    columns = ("round", "member", *(_METRICS[name] for name in known))
    caption = "Errors of the members on their validation frames, and of all together on held-out labels"
    return Table(caption, columns, tuple(rows), text_columns=(0, 1), folded=True)


def _error_row(found: Potential, known: list[str]) -> tuple[str, ...]:
    return (f"{found.round}", f"{found.member}", *(_milli(found.metrics.get(name)) for name in known))


def _overall(found: Committee) -> dict[str, Any]:
    """Return the metrics over all atoms: they stand alone or under ``all``, beside those of environments."""
    return found.metrics.get("all", found.metrics)


def _milli(value: float | None) -> str:
    return "–" if value is None else number(1e3 * value)
