"""The energy-loss measurement."""

from __future__ import annotations

from typing import Any

from beamheat_fw.report.blocks import Block, Facts, Figure, Section, Warnings
from beamheat_fw.report.documents import CampaignDocuments
from beamheat_fw.report.figures import spectrum as figures
from beamheat_fw.report.numbers import number, with_error, words
from beamheat_fw.store.documents import Spectrum

_TITLE = "Electron energy loss"


def spectrum(documents: CampaignDocuments) -> Section:
    """Return the profile along the scan, what follows from it, and the windows it was found in."""
    found = documents.spectrum
    if found is None:
        return Section(_TITLE, "No spectrum has been analysed yet.")
    blocks: list[Block] = []
    if len(_numbers(found.windows.get("t_over_lambda"))) > 1:
        caption = "t/λ and the energy lost per electron along the scan; positions taken for the bare support are shaded."
        blocks.append(Figure(figures.profile(found.windows), caption))
    blocks.append(Facts(tuple(_facts(found))))
    if found.analysis.warnings:
        blocks.append(Warnings(found.analysis.warnings))
    return Section(_TITLE, f"{found.file_name}, at {found.beam_energy_keV:g} keV.", tuple(blocks))


def _facts(found: Spectrum) -> list[tuple[str, str]]:
    pairs = [
        ("thickness, t/λ", with_error(found.t_over_lambda, found.t_over_lambda_error)),
        ("mean energy lost in one event", f"{with_error(found.mean_loss_eV, found.mean_loss_error_eV)} eV"),
    ]
    if found.mean_free_path_nm is not None:
        path = with_error(found.mean_free_path_nm, found.mean_free_path_error_nm)
        pairs.append(("inelastic mean free path", f"{path} nm"))
    pairs += [(words(name), _value(value)) for name, value in found.windows.items() if _is_short(value)]
    return pairs + [("file, sha256", found.file_sha256[:16])]


def _is_short(value: Any) -> bool:
    return isinstance(value, (str, int, float)) or (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(isinstance(end, (int, float)) for end in value)
    )


def _value(value: Any) -> str:
    if isinstance(value, str):
        return words(value)
    return " to ".join(number(end) for end in value) if isinstance(value, (list, tuple)) else number(value)


def _numbers(values: Any) -> list[float]:
    """Return a line scan's values; nothing for a map or a single spectrum."""
    flat = isinstance(values, (list, tuple)) and not any(isinstance(value, (list, tuple)) for value in values)
    return [value for value in values if value is not None] if flat else []
