"""The campaign file: one frozen model per stage, checked before anything is submitted.

Units stand in the field names, or are ASE's (eV, Å). Every model refuses unknown keys.
"""

from beamheat_fw.campaign.committee import (
    SIZES,
    ConvergenceStage,
    ExplorationStage,
    GateStage,
    SelectionStage,
    TrainingStage,
)
from beamheat_fw.campaign.labelling import (
    PRESETS,
    EmtSettings,
    GpawSettings,
    LabellingStage,
    ReferenceSettings,
    SevennSettings,
)
from beamheat_fw.campaign.model import Campaign, Category
from beamheat_fw.campaign.reading import load_campaign, parse_campaign, spectrum_path
from beamheat_fw.campaign.results import EelsStage, HeatingStage, LammpsStage, PredictionStage
from beamheat_fw.campaign.stage import Stage

__all__ = [
    "PRESETS",
    "SIZES",
    "Campaign",
    "Category",
    "ConvergenceStage",
    "EelsStage",
    "EmtSettings",
    "ExplorationStage",
    "GateStage",
    "GpawSettings",
    "HeatingStage",
    "LabellingStage",
    "LammpsStage",
    "PredictionStage",
    "ReferenceSettings",
    "SelectionStage",
    "SevennSettings",
    "Stage",
    "TrainingStage",
    "load_campaign",
    "parse_campaign",
    "spectrum_path",
]
