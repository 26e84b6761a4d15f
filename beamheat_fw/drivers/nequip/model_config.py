"""The part of nequip-train's configuration that is the model: NequIP, Allegro, or one to go on from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beamheat_fw.campaign import TrainingStage

#: NequIP's default radial network, 128 wide, costs a third of a small model's time on a CPU.
_RADIAL_WIDTH_PER_FEATURE = 2
#: Allegro's own default: 64 scalar beside 16 tensor features.
_SCALARS_PER_FEATURE = 4


@dataclass(frozen=True)
class MemberModel:
    """What the data decide about a member's model.

    Attributes
    ----------
    species : tuple of str
        Chemical symbols; the atom types.
    shifts_eV : mapping of str to float
        Energy per atom of each element.
    forces_rms_eV_A : float
        Root mean square of the force components.
    warm_start : str, optional
        A package to go on from; the other settings of the model are then that package's.
    other_level : bool
        Whether that package knows other energies per atom of each element, which `shifts_eV` replace.
    masked : bool
        Whether some forces and energies are not numbers, since they are not to be learnt.
    """

    species: tuple[str, ...]
    shifts_eV: Mapping[str, float]
    forces_rms_eV_A: float
    warm_start: str | None = None
    other_level: bool = False
    masked: bool = False


def model_config(stage: TrainingStage, model: MemberModel, seed: int) -> dict[str, Any]:
    """Return the configuration of a model with random weights, or of the package to go on from."""
    return _warm_model(model) if model.warm_start else _fresh_model(stage, model, seed)


def _warm_model(model: MemberModel) -> dict[str, Any]:
    package = {"_target_": "nequip.model.ModelFromPackage", "package_path": model.warm_start}
    if not model.other_level:
        return package
    shifts = {"modifier": "modify_PerTypeScaleShift", "shifts": dict(model.shifts_eV)}
    return {"_target_": "nequip.model.modify", "modifiers": [shifts], "model": package}


def _fresh_model(stage: TrainingStage, model: MemberModel, seed: int) -> dict[str, Any]:
    config: dict[str, Any] = {
        **(_allegro(stage) if stage.architecture == "allegro" else _nequip(stage)),
        "seed": seed,
        "model_dtype": "float32",
        "type_names": list(model.species),
        "r_max": stage.r_max_A,
        "num_layers": stage.num_layers,
        "l_max": stage.l_max,
        "parity": stage.parity,
        "avg_num_neighbors": "${training_data_stats:num_neighbors_mean}",
        "per_type_energy_scales": model.forces_rms_eV_A,
        "per_type_energy_shifts": dict(model.shifts_eV),
    }
    if stage.zbl:
        config["pair_potential"] = {
            "_target_": "beamheat_fw.drivers.nequip.short_range.short_range_zbl",
        }
    return config


def _nequip(stage: TrainingStage) -> dict[str, Any]:
    return {
        "_target_": "nequip.model.NequIPGNNModel",
        "num_features": stage.num_features,
        "radial_mlp_width": _RADIAL_WIDTH_PER_FEATURE * stage.num_features,
    }


def _allegro(stage: TrainingStage) -> dict[str, Any]:
    scalars = _SCALARS_PER_FEATURE * stage.num_features
    return {
        "_target_": "allegro.model.AllegroModel",
        "radial_chemical_embed": {"_target_": "allegro.nn.TwoBodyBesselScalarEmbed", "num_bessels": 8},
        "num_tensor_features": stage.num_features,
        "num_scalar_features": scalars,
        "scalar_embed_mlp_hidden_layers_width": scalars,
        "allegro_mlp_hidden_layers_width": scalars,
        "readout_mlp_hidden_layers_width": scalars,
    }
