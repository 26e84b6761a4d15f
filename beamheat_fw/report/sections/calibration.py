"""What the committee's forces and their spread are worth, on labels it was not trained on."""

from __future__ import annotations

from typing import Any

from beamheat_fw.report.blocks import Facts, Figure
from beamheat_fw.report.documents import CampaignDocuments
from beamheat_fw.report.figures import calibration as figures
from beamheat_fw.report.numbers import number, percent
from beamheat_fw.store.documents import Committee, Round


def calibration(documents: CampaignDocuments) -> tuple[Figure | Facts, ...]:
    """Return parity, spread against error, the calibration by environment and its coverage."""
    found = _newest_judged(documents)
    if found is None:
        return ()
    drawn: list[Figure | Facts] = [*_forces(found), *_bounds(found)]
    if scores := _scores(_examined(found)):
        drawn.append(Facts(scores, "What the calibrated spread is worth"))
    return tuple(drawn)


def _newest_judged(documents: CampaignDocuments) -> Round | Committee | None:
    """Return what was judged last on labels of its round before training on them, else on held-out ones."""
    found: list[Round | Committee] = [*documents.committees, *documents.rounds]
    return next((each for each in reversed(found) if each.calibration.get("maps") or each.coverage), None)


def _on(found: Round | Committee) -> str:
    judged = "new labels, before training on them" if isinstance(found, Round) else "labels never trained on"
    return f"Round {found.round}, {judged}"


def _forces(found: Round | Committee) -> list[Figure]:
    drawn = []
    if places := found.coverage.get("parity"):
        caption = f"{_on(found)}: force components of the committee's mean against the reference."
        drawn.append(Figure(figures.parity(places), caption))
    # The calibration that was in force when the labels were chosen has not seen them: the honest one.
    known = found.coverage.get("binned_earlier") or found.coverage.get("binned")
    if known:
        which = (
            "the calibration then in force" if "binned_earlier" in found.coverage else "one on these labels"
        )
        caption = (
            f"{_on(found)}: true force error, averaged over atoms of like spread, against the error said, "
            f"before and after {which}. Points above the dotted line are worse than said."
        )
        drawn.append(Figure(figures.spread_against_error(known), caption))
    return drawn


def _bounds(found: Round | Committee) -> list[Figure]:
    drawn = []
    if maps := found.calibration.get("maps"):
        caption = f"{_on(found)}: the force error expected at each spread, in each environment."
        drawn.append(Figure(figures.spread_maps(maps), caption))
    groups = _examined(found).get("coverage", {})
    if any("0.68" in group for group in groups.values()):
        caption = (
            f"{_on(found)}: share of true errors inside the calibrated bound, with its 68 % interval. The "
            "vertical lines are what was promised."
        )
        drawn.append(Figure(figures.coverage(groups), caption))
    return drawn


def _examined(found: Round | Committee) -> dict[str, Any]:
    """Return the examination on frames that the calibration had not seen."""
    examined: dict[str, Any] = found.coverage.get("earlier") or found.coverage.get("cross_validated") or {}
    return examined


def _scores(coverage: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    if "score_eV_A" not in coverage:
        return ()
    names = {
        "score_eV_A": "CRPS, calibrated",
        "constant_score_eV_A": "CRPS, one error for all atoms",
        "uncalibrated_score_eV_A": "CRPS, spread as it is",
    }
    scores = tuple((title, f"{number(1e3 * coverage[name])} meV/Å") for name, title in names.items())
    return (
        *scores,
        ("worst 5 % found among 5 % flagged", percent(coverage["recall_worst"])),
        ("worst 5 % found among 20 % flagged", percent(coverage["recall_worst_of_fifth"])),
    )
