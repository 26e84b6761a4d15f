"""The firetask that analyses a campaign's low-loss spectrum."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from beamheat_fw.campaign import EelsStage
from beamheat_fw.errors import InputError
from beamheat_fw.firetasks.context import Context, Site
from beamheat_fw.firetasks.job import JobTask
from beamheat_fw.identity import content_hash
from beamheat_fw.store.artifacts import fetch_artifact, put_artifact
from beamheat_fw.store.database import Store
from beamheat_fw.store.documents import Spectrum
from beamheat_fw.store.documents.base import Analysis
from beamheat_fw.store.positions import part_positions
from beamheat_fw.store.provenance import Source

RESULT_FILE, STAGE_FILE = "result.json", "eels.json"


class AnalyseSpectrum(JobTask):
    """Find t/lambda, the mean free path and the energy lost per length from a line scan."""

    _fw_name = "{{beamheat_fw.firetasks.AnalyseSpectrum}}"

    def inputs(self, context: Context, staged: dict[str, Any] | None) -> dict[str, Any]:
        """Return the settings, which name the file by its hash."""
        return context.campaign.eels.model_dump(mode="json")

    def stage(self, context: Context, folder: Path, inputs: dict[str, Any]) -> None:
        """Fetch the spectrum."""
        stage = context.campaign.eels
        fetch_artifact(context.store, stage.sha256 or "", folder / Path(stage.file).name)
        (folder / STAGE_FILE).write_text(stage.model_dump_json())

    def run(self, folder: Path, site: Site) -> Iterable[Any]:
        """Read the spectrum with HyperSpy and analyse it."""
        stage = EelsStage.model_validate_json((folder / STAGE_FILE).read_text())
        (folder / RESULT_FILE).write_text(json.dumps(analyse_file(folder / Path(stage.file).name, stage)))
        return ()

    def ingest(self, context: Context, folder: Path) -> dict[str, Any]:
        """Save the spectrum's document."""
        spectrum = spectrum_document(context.campaign.eels, json.loads((folder / RESULT_FILE).read_text()))
        # A spectrum is the same document for all campaigns that analyse it alike; it stays the first one's.
        known = context.store.db[Spectrum.collection].find_one({"_id": spectrum.id}, {"campaign_id": 1})
        spectrum = spectrum.model_copy(update={"campaign_id": known["campaign_id"] if known else None})
        spectrum = spectrum.model_copy(update=_with_long_series(context.store, spectrum))
        context.save(spectrum, [Source("campaigns", context.campaign_id, "campaign")])
        return {"spectrum_id": spectrum.id, "mean_free_path_nm": spectrum.mean_free_path_nm}


def _with_long_series(store: Store, spectrum: Spectrum) -> dict[str, Any]:
    windows, content = part_positions(spectrum.windows)
    if content is None:
        return {}
    sha256 = put_artifact(store, content, kind="spectrum-positions")
    return {"windows": windows, "positions_sha256": sha256}


def analyse_file(path: Path, stage: EelsStage) -> dict[str, Any]:
    """Analyse one file as a campaign asks for it; return `EelsResult.to_dict` and the thickest spectrum."""
    from beamheat_fw.drivers.spectra import read_low_loss
    from beamheat_fw.physics.eels.analysis import EelsSettings, analyse
    from beamheat_fw.physics.eels.thickest import thickest_spectrum
    from beamheat_fw.physics.eels.thickness import Thickness
    from beamheat_fw.physics.rise.measured import Measured

    if stage.thickness_nm is not None:
        thickness = Thickness(thickest_nm=Measured(stage.thickness_nm, stage.thickness_error_nm))
    else:
        thickness = Thickness(half_width=True)
    settings = EelsSettings(support_positions=stage.support_positions)
    spectra = read_low_loss(path)
    result = analyse(spectra, settings, thickness)
    return {**result.to_dict(), "spectrum": thickest_spectrum(spectra, result)}


def spectrum_id(stage: EelsStage) -> str:
    """Return the id of the document that a campaign's spectrum and settings lead to."""
    return content_hash({"file": stage.sha256, "settings": _settings(stage)})


def _settings(stage: EelsStage) -> dict[str, Any]:
    return stage.model_dump(mode="json", exclude={"file", "sha256"})


def spectrum_document(stage: EelsStage, result: dict[str, Any]) -> Spectrum:
    """Turn the analysis of a spectrum into its document.

    Raises
    ------
    InputError
        No mean free path came out: power cannot be found without it.
    """
    if "mean_free_path_nm" not in result:
        raise InputError(
            "The spectrum gives no mean free path", "Give eels.thickness_nm.", {"file": Path(stage.file).name}
        )
    length, loss = result["mean_free_path_nm"], result["mean_energy_loss_eV"]
    thickest = result["thickness_nm"] / length["value"]
    return Spectrum(
        file_name=Path(stage.file).name,
        file_sha256=stage.sha256 or "",
        settings=_settings(stage),
        beam_energy_keV=stage.beam_energy_keV,
        t_over_lambda=thickest,
        t_over_lambda_error=thickest * length["error"] / length["value"],
        mean_free_path_nm=length["value"],
        mean_free_path_error_nm=length["error"],
        mean_loss_eV=loss["value"],
        mean_loss_error_eV=loss["error"],
        windows=result,
        analysis=Analysis(warnings=tuple(result["warnings"])),
    )
