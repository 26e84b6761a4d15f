"""The committee, what its spread is worth, and the gate over the rounds."""

from __future__ import annotations

from typing import Any

from beamheat_fw.report.blocks import Block, Figure, Section, Table, Warnings
from beamheat_fw.report.documents import CampaignDocuments
from beamheat_fw.report.figures import learning as figures
from beamheat_fw.report.numbers import number, words
from beamheat_fw.store.documents import Potential, Round

_METRICS = {
    "force_mae_eV_A": ("force MAE (meV/Å)", 1e3),
    "force_rmse_eV_A": ("force RMSE (meV/Å)", 1e3),
    "energy_mae_eV_atom": ("energy MAE (meV/atom)", 1e3),
    "energy_rmse_eV_atom": ("energy RMSE (meV/atom)", 1e3),
}


def committee(documents: CampaignDocuments) -> Section:
    """Return the members' errors and the calibration of their spread."""
    if not documents.potentials:
        return Section("Committee", "No potential has been trained yet.")
    newest = documents.potentials[-1].round
    members = [found for found in documents.potentials if found.round == newest]
    blocks: list[Block] = [_metrics_table(documents.potentials)]
    blocks += [_scalars(f"Calibration before training, round {found.round}", found.calibration | found.coverage)
               for found in documents.rounds if found.calibration or found.coverage]  # fmt: skip
    if warnings := tuple(dict.fromkeys(text for found in members for text in found.analysis.warnings)):
        blocks.append(Warnings(warnings))
    dataset = next((found for found in documents.datasets if found.id == members[0].dataset_id), None)
    trained = f" on {len(dataset.split.get('train', ()))} labels" if dataset else ""
    return Section("Committee", f"{len(members)} members trained in round {newest}{trained}.", tuple(blocks))


def gate(documents: CampaignDocuments) -> Section:
    """Return how the gate judged the frames of every round, and the verdicts."""
    explored = [found for found in documents.rounds if found.counts]
    if not explored:
        return Section("Gate", "No frame has been judged yet.")
    last = explored[-1]
    caption = "How the gate judged the frames that the committee explored."
    blocks: list[Block] = [Figure(figures.gate_counts(explored), caption), _rounds_table(explored)]
    if last.thresholds:
        blocks.append(_scalars(f"Thresholds, round {last.round}", last.thresholds))
    details = [found for found in explored if found.verdict_details]
    blocks += [_scalars(f"Verdict, round {found.round}", found.verdict_details) for found in details]
    verdict = words(last.verdict) if last.verdict else "not judged yet"
    return Section("Gate", f"Verdict of round {last.round}: {verdict}.", tuple(blocks))


def _metrics_table(potentials: tuple[Potential, ...]) -> Table:
    known = [name for name in _METRICS if any(name in found.metrics for found in potentials)]
    others = sorted(
        {name for found in potentials for name, value in found.metrics.items() if _is_number(value)}
        - {*_METRICS}
    )
    rows = tuple(
        (
            f"{found.round}",
            f"{found.member}",
            *(_scaled(found.metrics.get(name), _METRICS[name][1]) for name in known),
            *(number(found.metrics.get(name)) for name in others),
        )
        for found in potentials
    )
    columns = ("round", "member", *(_METRICS[name][0] for name in known), *map(words, others))
    return Table("Errors of the members on their validation frames", columns, rows)


def _rounds_table(explored: list[Round]) -> Table:
    rows = tuple(
        (
            f"{found.round}",
            *(f"{found.counts.get(name, 0)}" for name in figures.BINS),
            f"{len(found.label_ids)}",
            words(found.verdict) if found.verdict else "–",
        )
        for found in explored
    )
    return Table("Rounds", ("round", *figures.BINS, "labels chosen", "verdict"), rows, text_columns=(0, 5))


def _scalars(caption: str, values: dict[str, Any]) -> Table:
    """Return the numbers and words of a nested document as a table, names joined by spaces."""
    return Table(caption, ("quantity", "value"), tuple(_flat(values)))


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        title = f"{prefix}{words(name)}"
        if isinstance(value, dict):
            found += _flat(value, f"{title}, ")
        elif _is_number(value):
            found.append((title, number(value)))
        elif isinstance(value, (str, bool)):
            found.append((title, words(str(value))))
    return found


def _scaled(value: float | None, factor: float) -> str:
    return "–" if value is None else number(factor * value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
