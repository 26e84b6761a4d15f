"""The interface conductance and its parts."""

from __future__ import annotations

from typing import Any

from beamheat_fw.report.blocks import Block, Facts, Figure, Row, Section, Table, Warnings
from beamheat_fw.report.documents import CampaignDocuments
from beamheat_fw.report.figures import conductance as figures
from beamheat_fw.report.numbers import interval, number, with_error, words
from beamheat_fw.store.documents import Conductance, MDRun

_TITLE = "Interface conductance"


def conductance(documents: CampaignDocuments) -> Section:
    """Return G with its parts, the runs behind it and the fit."""
    found, runs = documents.conductance, documents.heating_runs
    if found is None:
        return _without_result(runs)
    numbers = _member_numbers(found, documents)
    blocks: list[Block] = [_drawn(found, runs, numbers)]
    if numbers:
        blocks.append(_runs_table(found, numbers))
    blocks.append(_parts(found))
    if found.analysis.warnings:
        blocks.append(Warnings(found.analysis.warnings))
    return Section(_TITLE, _summary(found), tuple(blocks))


def _without_result(runs: tuple[MDRun, ...]) -> Section:
    drawn = [run for run in runs if run.temperatures]
    if not drawn:
        return Section(_TITLE, "No heated particle has been simulated yet.")
    figure = Figure(figures.temperatures(drawn), "Temperatures of particle and support.")
    return Section(_TITLE, f"{len(runs)} heating runs; their conductance is not analysed yet.", (figure,))


def _summary(found: Conductance) -> str:
    if found.compatible_with_zero:
        high = found.conductance_high_MW_m2K
        limit = "no upper limit" if high is None else f"at most {number(high)} MW m⁻² K⁻¹ (84 %)"
        return f"G is COMPATIBLE WITH ZERO: {limit}."
    if found.conductance_high_MW_m2K is None:
        low = number(found.conductance_low_MW_m2K)
        return f"G is at least {low} MW m⁻² K⁻¹ (84 %); the runs give no upper limit."
    g = number(found.conductance_MW_m2K)
    ends = interval(found.conductance_low_MW_m2K, found.conductance_high_MW_m2K)
    return f"G = {g} MW m⁻² K⁻¹, 68 % interval {ends}."


def _headline(found: Conductance) -> Facts:
    fit = found.fit
    pairs = [("contact area", f"{number(found.area_nm2)} nm² ({words(found.area_definition)})")]
    if found.temperature_K is not None:
        pairs.append(("interface temperature", f"{number(found.temperature_K)} K"))
    if "tau_ps" in fit:
        tau = fit["tau_ps"]
        pairs.append(("relaxation time", f"{number(tau['value'])} ps ({interval(*tau['interval'])})"))
    if "n_runs" in fit:
        pairs.append(("runs", f"{fit['n_runs']}, by {fit['n_members']} members, {fit['direction']} start"))
    for body in ("particle", "support"):
        capacity = fit.get(f"heat_capacity_{body}")
        if capacity:
            pairs.append((f"heat capacity, {body}", _capacity(capacity)))
    return Facts(tuple(pairs))


def _capacity(capacity: dict[str, Any]) -> str:
    value = with_error(1e3 * capacity["value_eV_per_K"], 1e3 * capacity["error_eV_per_K"])
    return f"{value} meV/K{'' if capacity['measured'] else ', ' + capacity['source']}"


def _drawn(found: Conductance, runs: tuple[MDRun, ...], numbers: dict[str, int]) -> Row:
    drawn: list[Figure | Facts] = []
    series = [run for run in runs if run.temperatures]
    if series:
        caption = "Temperatures of the two bodies; a pair of lines is the mean over one member's runs."
        drawn.append(Figure(figures.temperatures(series), caption))
    if found.fit.get("curve"):
        caption = (
            "Mean temperature difference of all runs, the fitted decay, and where 68 % of such means lie."
        )
        drawn.append(Figure(figures.relaxation(found.fit["curve"]), caption))
    if numbers:
        caption = (
            "G from each run alone with its statistical 68 % interval; line and band are the joint value."
        )
        drawn.append(Figure(figures.by_run(found, numbers), caption))
    return Row((*drawn, _headline(found)))


def _runs_table(found: Conductance, numbers: dict[str, int]) -> Table:
    rows = tuple(
        (
            str(numbers[run["member"]]),
            "–" if run["seed"] is None else str(run["seed"]),
            number(run["tau_ps"]["value"]),
            number(run["conductance_MW_m2K"]["value"]),
            interval(*run["conductance_MW_m2K"]["interval"]),
        )
        for run in found.fit["runs"]
    )
    columns = ("member", "seed", "τ (ps)", "G (MW m⁻² K⁻¹)", "68 % interval")
    return Table("What each run says alone", columns, rows, folded=True)


def _parts(found: Conductance) -> Table:
    rows = tuple(
        (words(cause), number(error, 2), "–" if error is None else _relative(error, found.conductance_MW_m2K))
        for cause, error in found.breakdown.items()
    )
    return Table("Error of G by cause", ("cause", "error (MW m⁻² K⁻¹)", "of G"), rows)


def _relative(error: float, value: float) -> str:
    return f"{number(100.0 * error / value, 2)} %" if value else "–"


def _member_numbers(found: Conductance, documents: CampaignDocuments) -> dict[str, int]:
    """Return each member's number in the committee: runs name members by their potentials' ids."""
    known = {potential.id: potential.member for potential in documents.potentials}
    names = dict.fromkeys(run["member"] for run in found.fit.get("runs", ()))
    return {name: known.get(name, position) for position, name in enumerate(names)}
