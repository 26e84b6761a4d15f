"""The answer: what the page begins with, and the temperature rise against dose rate and beam energy."""

from __future__ import annotations

import math
from typing import Any

from beamheat_fw.report.blocks import Answer, Block, Dial, Facts, Figure, Row, Section, Table, Warnings
from beamheat_fw.report.documents import CampaignDocuments
from beamheat_fw.report.figures import temperature as figures
from beamheat_fw.report.figures.canvas import finite
from beamheat_fw.report.numbers import interval, number, with_error, words
from beamheat_fw.store.documents import Conductance, Prediction

#: Causes with a smaller share of the variance are not drawn.
_VISIBLE = 5e-4
#: Longer tables are folded below the figure that shows the same.
_FEW_ROWS = 4
_CAUSES = {
    "energy_loss": "energy loss (EELS)",
    "energy_scaling": "beam-energy scaling",
    "conductance": "conductance",
    "conductance_statistical": "G: thermal noise",
    "conductance_potential": "G: potentials",
    "conductance_heat_capacity": "G: heat capacity",
    "electron_phonon": "electron-phonon resistance",
}
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
        return Answer("Temperature rise", "not known yet", _progress(documents), (), verdict, tone)
    return Answer(
        "Temperature rise",
        _value(prediction),
        _interval(prediction),
        tuple(_conditions(prediction, documents.conductance)),
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
        blocks += [Row(tuple(_rise_and_bounds(prediction))), _dial(prediction), _rise_table(prediction)]
    blocks.append(Row(tuple(_budget(prediction))))
    if prediction.analysis.warnings:
        blocks.append(Warnings(prediction.analysis.warnings))
    power = with_error(prediction.power_nW, prediction.power_error_nW)
    return Section("Temperature rise", f"The beam leaves {power} nW in the particle.", tuple(blocks))


def _conditions(prediction: Prediction, conductance: Conductance | None) -> list[str]:
    atoms = f" of {prediction.nsites:,} atoms".replace(",", "\u202f") if prediction.nsites else ""
    beam = f"{prediction.beam_energy_keV:g} keV and {number(prediction.dose_rate_e_A2_s)} e Å⁻² s⁻¹"
    power = f"{with_error(prediction.power_nW, prediction.power_error_nW)} nW"
    said = [f"{prediction.formula_pretty or ''} particle{atoms} at {beam}".strip()]
    if conductance is None:
        return [*said, f"{power} deposited"]
    said.append(f"{power} deposited, through an interface of {_conductance(conductance)} MW m⁻² K⁻¹")
    if bounds := prediction.breakdown.get("bounds_K"):
        ends = f"{number(min(bounds.values()))} to {number(max(bounds.values()))} K"
        said.append(f"{ends} if EELS bounds the energy loss from below and the stopping power from above")
    return said


def _value(prediction: Prediction) -> str:
    if prediction.delta_T_high_K is None:
        return f"at least {number(prediction.delta_T_low_K)} K"
    return f"{number(prediction.delta_T_K)} K"


def _conductance(conductance: Conductance) -> str:
    high = conductance.conductance_high_MW_m2K
    if conductance.conductance_low_MW_m2K <= 0.0 and high is not None:
        return f"G at most {number(high)}"
    return f"G = {number(conductance.conductance_MW_m2K)}"


def _interval(prediction: Prediction) -> str:
    if prediction.delta_T_high_K is None:
        return "no upper bound; lower bound at 84 %"
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
            "The conductance is compatible with zero: within two standard errors the runs do not rule out "
            "that no heat flows at all. Only the lower bound of the rise means something.",
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
    return Table("Temperature rise for each beam", columns, rows, folded=len(rows) > _FEW_ROWS)


def _dial(prediction: Prediction) -> Dial:
    names = {
        "energy_keV": "beam_energy_keV",
        "dose_rate": "dose_rate_e_A2_s",
        "rise_K": "delta_T_K",
        "low_K": "delta_T_lower_K",
        "high_K": "delta_T_upper_K",
    }
    points = tuple({short: _known(row[name]) for short, name in names.items()} for row in prediction.table)
    return Dial(points, figures.RISE_TITLE)


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _rise_and_bounds(prediction: Prediction) -> list[Figure]:
    caption = "Temperature rise against dose rate; bands are 68 % intervals."
    if any(not math.isfinite(finite(row["delta_T_upper_K"], math.inf)) for row in prediction.table):
        caption += " A band without an upper edge is unbounded."
    drawn = [Figure(figures.temperature_rise(prediction), caption)]
    if bounds := prediction.breakdown.get("bounds_K"):
        caption = (
            "How much the energy loss assumed matters, for the beam quoted: as measured (a lower bound: core "
            "losses are missing), without secondaries that leave the particle, and the whole stopping power "
            "(an upper bound)."
        )
        drawn.append(Figure(figures.bounds(bounds, prediction.delta_T_K), caption))
    return drawn


def _budget(prediction: Prediction) -> list[Figure | Facts]:
    shares = prediction.breakdown.get("budget") or {}
    found: list[Figure | Facts] = []
    if named := {
        _CAUSES.get(name, words(name)): share for name, share in shares.items() if share >= _VISIBLE
    }:
        caption = "Error budget: which cause gives which share of the variance of the rise."
        if exact := [_CAUSES.get(name, words(name)) for name, share in shares.items() if share == 0.0]:
            caption += f" Taken as exact: {', '.join(exact)}."
        found.append(Figure(figures.error_budget(named), caption))
    return [*found, _facts(prediction)]


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
    return Facts(tuple(pairs))
