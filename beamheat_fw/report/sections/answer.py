"""The answer: what the page begins with, and the temperature rise against dose rate and beam energy."""

from __future__ import annotations

from typing import Any

from beamheat_fw.report.blocks import Answer, Block, Facts, Figure, FigureRow, Section, Table, Warnings
from beamheat_fw.report.documents import CampaignDocuments
from beamheat_fw.report.figures import temperature as figures
from beamheat_fw.report.numbers import interval, number, percent, with_error, words
from beamheat_fw.store.documents import Prediction

#: What a caution about the particle leans on most, in the order of the budget's table.
_PARTS = {
    "interface": "the interface",
    "electron_phonon": "electrons and phonons in the metal",
    "support_spreading": "heat spreading in the support",
    "support_beam": "the beam's own heating of the support",
}


def answer(documents: CampaignDocuments) -> Answer:
    """Return the temperature rise and the verdict in words."""
    verdict, tone = _verdict(documents)
    prediction = documents.prediction
    if prediction is None:
        return Answer("Temperature rise", "not known yet", _progress(documents), "", verdict, tone)
    beam = f"{prediction.beam_energy_keV:g} keV at {number(prediction.dose_rate_e_A2_s)} e Å⁻² s⁻¹"
    particle = f"{prediction.formula_pretty or 'particle'}, {prediction.nsites:,} atoms".replace(",", " ")
    return Answer(
        "Temperature rise",
        _value(prediction),
        _interval(prediction),
        f"{particle}, {beam}",
        verdict,
        tone,
        _cautions(documents),
    )


def temperature(documents: CampaignDocuments) -> Section:
    """Return the rise against dose rate and beam energy, its error by cause, and its bounds."""
    prediction = documents.prediction
    if prediction is None:
        return Section(
            "Temperature rise", "There is no prediction yet: it needs a conductance and a spectrum."
        )
    blocks: list[Block] = []
    if prediction.table:
        caption = "Temperature rise against dose rate; bands are 68 % intervals. A band without an upper edge is unbounded."
        blocks += [Figure(figures.temperature_rise(prediction), caption), _rise_table(prediction)]
    blocks += _budget(prediction)
    blocks.append(_facts(prediction))
    if prediction.analysis.warnings:
        blocks.append(Warnings(prediction.analysis.warnings))
    power = with_error(prediction.power_nW, prediction.power_error_nW)
    return Section("Temperature rise", f"The beam leaves {power} nW in the particle.", tuple(blocks))


def _value(prediction: Prediction) -> str:
    if prediction.delta_T_high_K is None:
        return f"at least {number(prediction.delta_T_low_K)} K"
    return f"{number(prediction.delta_T_K)} K"


def _interval(prediction: Prediction) -> str:
    if prediction.delta_T_high_K is None:
        return f"no upper bound; best value {number(prediction.delta_T_K)} K, 84 % confidence for the lower bound"
    return f"68 % interval {interval(prediction.delta_T_low_K, prediction.delta_T_high_K)} K"


def _verdict(documents: CampaignDocuments) -> tuple[str, Any]:
    judged, prediction = documents.judged_round, documents.prediction
    if judged is None:
        return "NOT JUDGED YET: no round has held its committee against the target.", "waiting"
    if judged.verdict == "converged" and (prediction is None or prediction.converged):
        return f"Converged: the committee met its targets in round {judged.round}.", "good"
    text = "" if judged.verdict in ("not converged", "not_converged") else f" ({words(judged.verdict or '')})"
    return (
        f"NOT CONVERGED: the committee had not met its targets after round {judged.round}{text}. "
        "The conductance may be wrong by more than its error says.",
        "bad",
    )


def _cautions(documents: CampaignDocuments) -> tuple[str, ...]:
    conductance = documents.conductance
    if conductance is not None and conductance.compatible_with_zero:
        return (
            "The conductance is compatible with zero: the runs do not rule out that no heat flows at all, so the "
            "rise has no upper bound.",
        )
    return ()


def _progress(documents: CampaignDocuments) -> str:
    done = sum(label["state"] == "completed" for label in documents.labels)
    if not documents.rounds:
        return "The campaign has not begun."
    return f"round {documents.rounds[-1].round}, {done} of {len(documents.labels)} labels"


def _rise_table(prediction: Prediction) -> Table:
    rows = tuple(
        (
            f"{row['beam_energy_keV']:g}",
            number(row["dose_rate_e_A2_s"]),
            number(row["power_nW"]),
            number(row["delta_T_K"]),
            interval(row["delta_T_lower_K"], row["delta_T_upper_K"]),
        )
        for row in prediction.table
    )
    columns = ("beam (keV)", "dose rate (e Å⁻² s⁻¹)", "power (nW)", "rise (K)", "68 % interval (K)")
    return Table("Temperature rise for each beam", columns, rows)


def _budget(prediction: Prediction) -> list[Block]:
    breakdown = prediction.breakdown
    drawn = []
    if breakdown.get("budget"):
        caption = "Error budget: which cause gives which share of the variance of the rise."
        drawn.append(Figure(figures.error_budget(breakdown["budget"]), caption))
    if breakdown.get("bounds_K"):
        caption = (
            "Bounds: the rise from the energy loss measured (a lower bound, core losses missing), from the stopping power "
            "without secondaries that leave, and from the whole stopping power (an upper bound)."
        )
        drawn.append(Figure(figures.bounds(breakdown["bounds_K"], prediction.delta_T_K), caption))
    return [FigureRow(tuple(drawn))] if drawn else []


def _facts(prediction: Prediction) -> Facts:
    breakdown = prediction.breakdown
    pairs = [
        (f"rise in {_PARTS.get(name, words(name))}", f"{number(value)} K")
        for name, value in breakdown.get("parts_K", {}).items()
        if value
    ]
    if "cooling_time_ps" in breakdown:
        pairs += [
            ("cooling time", f"{number(breakdown['cooling_time_ps'])} ps"),
            ("inelastic events in one cooling time", number(breakdown.get("events_per_tau"))),
            ("kick of one mean event", f"{number(breakdown.get('kick_K'))} K"),
        ]
    budget = breakdown.get("budget", {})
    if budget:
        largest = max(budget, key=lambda name: budget[name])
        pairs.append(
            ("largest cause of error", f"{words(largest)}, {percent(budget[largest])} of the variance")
        )
    return Facts(tuple(pairs))
