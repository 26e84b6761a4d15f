"""Firetasks: thin, idempotent, found by FireWorks under ``beamheat_fw.firetasks.NAME``.

Each is imported when it is asked for: a rocket that labels starts without what spectra and committees need.
"""

from importlib import import_module
from typing import Any

#: Name of each firetask and the module that holds it, which may change; the name may not.
_MODULES = {
    "Advance": "campaigns",
    "AnalyseConductance": "conductance",
    "AnalyseSpectrum": "spectrum",
    "AssembleCommittee": "committees",
    "BuildDataset": "training",
    "CalibrateCommittee": "committees",
    "ExploreWithCommittee": "rounds",
    "HeatParticle": "heating",
    "LabelStructures": "labels",
    "PredictTemperature": "prediction",
    "ProposeStructures": "labels",
    "SaveCampaign": "campaigns",
    "SelectStructures": "rounds",
    "TrainMember": "training",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
