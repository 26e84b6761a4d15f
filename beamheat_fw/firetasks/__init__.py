"""Firetasks: thin, idempotent, found by FireWorks under ``beamheat_fw.firetasks.NAME``."""

from beamheat_fw.firetasks.campaigns import Advance, SaveCampaign
from beamheat_fw.firetasks.labels import LabelStructures, ProposeStructures

__all__ = ["Advance", "LabelStructures", "ProposeStructures", "SaveCampaign"]
