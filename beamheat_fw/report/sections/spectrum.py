"""The energy-loss measurement."""

from __future__ import annotations

from typing import Any

from beamheat_fw.report.blocks import Block, Facts, Figure, Row, Section, Warnings
from beamheat_fw.report.documents import CampaignDocuments
from beamheat_fw.report.figures import spectrum as figures
from beamheat_fw.report.numbers import interval, number, with_error
from beamheat_fw.store.documents import Spectrum

_TITLE = "Electron energy loss"


def spectrum(documents: CampaignDocuments) -> Section:
    """Return the profile along the scan, what follows from it, and the windows it was found in."""
    found = documents.spectrum
    if found is None:
        return Section(_TITLE, "No spectrum has been analysed yet.")
    blocks: list[Block] = [Row((*_drawn(found.windows), Facts(tuple(_facts(found)))))]
    if found.analysis.warnings:
        blocks.append(Warnings(found.analysis.warnings))
    return Section(_TITLE, f"{found.file_name}, at {found.beam_energy_keV:g} keV.", tuple(blocks))


def _drawn(windows: dict[str, Any]) -> list[Figure]:
    drawn = []
    if "spectrum" in windows:
        caption = (
            f"The spectrum at position {windows['spectrum']['position']}, the thickest: where the zero-loss "
            "peak ends, the window of the mean loss, and the mean loss per inelastic event."
        )
        drawn.append(Figure(figures.windows(windows), caption))
    if len(_numbers(windows.get("t_over_lambda"))) > 1:
        caption = (
            "t/λ and the energy lost per electron along the scan; where only the support counts is shaded."
        )
        drawn.append(Figure(figures.profile(windows), caption))
    return drawn


def _facts(found: Spectrum) -> list[tuple[str, str]]:
    pairs = [
        ("thickness, t/λ", with_error(found.t_over_lambda, found.t_over_lambda_error)),
        ("mean energy loss", f"{with_error(found.mean_loss_eV, found.mean_loss_error_eV)} eV"),
    ]
    if found.mean_free_path_nm is not None:
        path = with_error(found.mean_free_path_nm, found.mean_free_path_error_nm)
        pairs.append(("inelastic mean free path", f"{path} nm"))
    analysed = found.windows
    if "dE_dx_eV_nm" in analysed:
        pairs.append(
            (
                "loss per length",
                f"{with_error(analysed['dE_dx_eV_nm'], analysed['dE_dx_error_eV_nm'])} eV/nm",
            )
        )
    if "thickness_nm" in analysed:
        pairs.append(("thickness assumed", f"{number(analysed['thickness_nm'])} nm at most"))
    if "intercept_t_over_lambda" in analysed:
        pairs.append(("t/λ fitted at no thickness", number(analysed["intercept_t_over_lambda"], 2)))
    if isinstance(loss := analysed.get("mean_energy_loss_eV"), dict):
        pairs.append(("window of the mean loss", f"{interval(*loss['window_eV'])} eV, {loss['method']}"))
    return [*pairs, ("file, sha256", found.file_sha256[:16])]


def _numbers(values: Any) -> list[float]:
    """Return a line scan's values; nothing for a map or a single spectrum."""
    flat = isinstance(values, (list, tuple)) and not any(isinstance(value, (list, tuple)) for value in values)
    return [value for value in values if value is not None] if flat else []
