"""Reading a campaign file: one readable message for the first thing that is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from beamheat_fw.campaign.model import Campaign
from beamheat_fw.campaign.results import EelsStage
from beamheat_fw.errors import InputError
from beamheat_fw.identity import file_sha256
from beamheat_fw.yaml_files import read_mapping


def load_campaign(path: Path) -> Campaign:
    """Read and validate a campaign file.

    Parameters
    ----------
    path : Path
        A YAML file; file names in it are relative to its folder.

    Raises
    ------
    InputError
        The file is missing, is not YAML, or does not describe a campaign.
    """
    document = read_mapping(path, "campaign file", "Start from workflows/quickstart.yaml.")
    campaign = parse_campaign(document, source=str(path))
    return campaign.model_copy(update={"eels": _with_content_hash(campaign.eels, path)})


def spectrum_path(campaign_file: Path, eels: EelsStage) -> Path:
    """Return where the spectrum of a campaign file lies on this machine."""
    return (campaign_file.parent / eels.file).resolve()


def _with_content_hash(eels: EelsStage, campaign_file: Path) -> EelsStage:
    spectrum = spectrum_path(campaign_file, eels)
    if not spectrum.is_file():
        raise InputError(
            "The campaign's spectrum is not there",
            "Give eels.file as a path relative to the campaign file.",
            {"campaign": str(campaign_file), "eels.file": eels.file, "looked_for": str(spectrum)},
        )
    found = file_sha256(spectrum)
    if eels.sha256 not in (None, found):
        raise InputError(
            "The campaign's spectrum is not the one it names",
            "Restore the file, or remove eels.sha256 for a new campaign with this one.",
            {"eels.file": str(spectrum), "eels.sha256": eels.sha256, "found": found},
        )
    return eels.model_copy(update={"sha256": found})


def parse_campaign(document: Mapping[str, Any], source: str = "campaign") -> Campaign:
    """Validate a campaign given as plain data.

    Raises
    ------
    InputError
        Names the first wrong field, its value, and for an unknown key the nearest known one.
    """
    try:
        return Campaign.model_validate(document)
    except ValidationError as error:
        raise _readable(error, source) from None


def _readable(error: ValidationError, source: str) -> InputError:
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    more = len(error.errors()) - 1
    values: dict[str, Any] = {"file": source, "field": where}
    if problem["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        key = str(problem["loc"][-1])
        nearest = difflib.get_close_matches(key, sorted(_known_keys()), n=1, cutoff=0.5)
        fix = f"Did you mean {nearest[0]!r}?" if nearest else "Remove it."
        return InputError("The campaign file has an unknown key", fix, values)
    if problem["type"] != "missing":
        values["value"] = repr(problem.get("input"))[:200]
    fix = f"{problem['msg']}{f' ({more} more problems after this one)' if more else ''}."
    return InputError(
        "The campaign file has a wrong value"
        if problem["type"] != "missing"
        else "The campaign file lacks a field",
        fix,
        values,
    )


def _known_keys() -> set[str]:
    keys: set[str] = set()
    waiting: list[Any] = [Campaign]
    seen: set[Any] = set()
    while waiting:
        kind = waiting.pop()
        if kind in seen:
            continue
        seen.add(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys.update(kind.model_fields)
            waiting.extend(field.annotation for field in kind.model_fields.values())
        elif is_dataclass(kind):
            keys.update(field.name for field in fields(kind))
        else:
            waiting.extend(getattr(kind, "__args__", ()))
    return keys
