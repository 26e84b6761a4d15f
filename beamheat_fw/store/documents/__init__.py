"""One model per collection: what a document may hold, checked before it is written."""

from beamheat_fw.store.documents.base import SCHEMA_VERSION, Document
from beamheat_fw.store.documents.heat import Conductance, MDRun, Prediction, Spectrum
from beamheat_fw.store.documents.labels import Label, LabelRequest, LabelResult, MadeBy
from beamheat_fw.store.documents.learning import Committee, Dataset, Potential, Round
from beamheat_fw.store.documents.records import CampaignRecord, Edge

#: Every collection of beamheat_fw and the model of its documents.
MODELS: dict[str, type[Document]] = {
    model.collection: model
    for model in (
        CampaignRecord,
        Label,
        Dataset,
        Potential,
        Committee,
        Round,
        MDRun,
        Conductance,
        Spectrum,
        Prediction,
        Edge,
    )
}

__all__ = [
    "MODELS",
    "SCHEMA_VERSION",
    "CampaignRecord",
    "Committee",
    "Conductance",
    "Dataset",
    "Document",
    "Edge",
    "Label",
    "LabelRequest",
    "LabelResult",
    "MDRun",
    "MadeBy",
    "Potential",
    "Prediction",
    "Round",
    "Spectrum",
]
