"""The committee: its members' errors, and what their spread is worth."""

from __future__ import annotations

from typing import Any

from beamheat_fw.report.blocks import Block, Facts, Figure, Row, Section, Table, Warnings
from beamheat_fw.report.documents import CampaignDocuments
from beamheat_fw.report.figures import learning as figures
from beamheat_fw.report.numbers import number, percent
from beamheat_fw.store.documents import Committee, Potential, Round

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
    blocks: list[Block] = [_errors_table(documents)]
    calibrated = _newest_calibrated(documents)
    if calibrated is not None:
        blocks += _calibration(calibrated)
    if warnings := tuple(dict.fromkeys(text for found in members for text in found.analysis.warnings)):
        blocks.append(Warnings(warnings))
    dataset = next((found for found in documents.datasets if found.id == members[0].dataset_id), None)
    trained = f" on {len(dataset.split.get('train', ()))} labels" if dataset else ""
    return Section("Committee", f"{len(members)} members, trained in round {newest}{trained}.", tuple(blocks))


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
                "all, held out",
                *(_milli(_overall(found).get(name)) for name in known),
            )
            for found in documents.committees
            if found.round == round_number and any(name in _overall(found) for name in known)
        ]
    columns = ("round", "member", *(_METRICS[name] for name in known))
    caption = "Errors of the members on their validation frames, and of the committee's mean"
    return Table(caption, columns, tuple(rows), text_columns=(0, 1))


def _error_row(found: Potential, known: list[str]) -> tuple[str, ...]:
    return (f"{found.round}", f"{found.member}", *(_milli(found.metrics.get(name)) for name in known))


def _overall(found: Committee) -> dict[str, Any]:
    """Return the metrics over all atoms: they stand alone or under ``all``, beside those of environments."""
    return found.metrics.get("all", found.metrics)


def _newest_calibrated(documents: CampaignDocuments) -> Round | Committee | None:
    """Return what was judged last on labels of its round before training on them, else on held-out ones."""
    found: list[Round | Committee] = [*documents.committees, *documents.rounds]
    return next((each for each in reversed(found) if each.calibration.get("maps") or each.coverage), None)


def _calibration(found: Round | Committee) -> list[Block]:
    judged = "new labels, before training on them" if isinstance(found, Round) else "labels never trained on"
    on = f"Round {found.round}, {judged}"
    drawn: list[Figure | Facts] = []
    if maps := found.calibration.get("maps"):
        caption = (
            f"{on}: mean true force error against the committee's spread. On the dotted line they are equal."
        )
        drawn.append(Figure(figures.spread_maps(maps), caption))
    groups = found.coverage.get("coverage", {})
    if any("0.68" in group for group in groups.values()):
        caption = f"{on}: share of true errors inside the calibrated bound. The lines are what was promised."
        drawn.append(Figure(figures.coverage(groups), caption))
    if scores := _scores(found.coverage):
        drawn.append(Facts(scores, "What the calibrated spread is worth"))
    return [Row(tuple(drawn))] if drawn else []


def _scores(coverage: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    if "score_eV_A" not in coverage:
        return ()
    names = {
        "score_eV_A": "CRPS, calibrated",
        "constant_score_eV_A": "CRPS, one error for all atoms",
        "uncalibrated_score_eV_A": "CRPS, spread as it is",
    }
    scores = tuple((title, f"{_milli(coverage[name])} meV/Å") for name, title in names.items())
    return (
        *scores,
        ("worst 5 % found among 5 % flagged", percent(coverage["recall_worst"])),
        ("worst 5 % found among 20 % flagged", percent(coverage["recall_worst_of_fifth"])),
    )


def _milli(value: float | None) -> str:
    return "–" if value is None else number(1e3 * value)
