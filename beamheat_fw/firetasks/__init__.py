"""Firetasks: thin, idempotent, found by FireWorks under ``beamheat_fw.firetasks.NAME``."""

from beamheat_fw.firetasks.campaigns import Advance, SaveCampaign
from beamheat_fw.firetasks.committees import AssembleCommittee, CalibrateCommittee
from beamheat_fw.firetasks.conductance import AnalyseConductance
from beamheat_fw.firetasks.heating import HeatParticle
from beamheat_fw.firetasks.labels import LabelStructures, ProposeStructures
from beamheat_fw.firetasks.prediction import PredictTemperature
from beamheat_fw.firetasks.rounds import ExploreWithCommittee, SelectStructures
from beamheat_fw.firetasks.spectrum import AnalyseSpectrum
from beamheat_fw.firetasks.training import BuildDataset, TrainMember

__all__ = [
    "Advance",
    "AnalyseConductance",
    "AnalyseSpectrum",
    "AssembleCommittee",
    "BuildDataset",
    "CalibrateCommittee",
    "ExploreWithCommittee",
    "HeatParticle",
    "LabelStructures",
    "PredictTemperature",
    "ProposeStructures",
    "SaveCampaign",
    "SelectStructures",
    "TrainMember",
]
