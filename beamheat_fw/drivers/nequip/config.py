"""The configuration that nequip-train reads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from beamheat_fw.campaign import TrainingStage
from beamheat_fw.drivers.nequip.plan import Seeds

TRAINING_SPLIT_FILE = "training_split.extxyz"
VALIDATION_SPLIT_FILE = "validation_split.extxyz"
BEST_CHECKPOINT = "best.ckpt"
LAST_CHECKPOINT = "last.ckpt"
CURVES_FOLDER = "curves"

_MASKED_LOSS = "beamheat_fw.drivers.nequip.masked_loss.masked_energy_force_loss"
_MASKED_METRICS = "beamheat_fw.drivers.nequip.masked_loss.masked_energy_force_metrics"
#: The first part of training in which the learning rate rises to its maximum.
_WARM_UP_SHARE = 0.1
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


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a member learns.

    Attributes
    ----------
    epochs : int
    steps_per_epoch : int
        Batches in one epoch.
    learning_rate : float
        Its maximum, reached after a tenth of the training.
    """

    epochs: int
    steps_per_epoch: int
    learning_rate: float

    @classmethod
    def of(cls, stage: TrainingStage, epochs: int, training_frames: int, slow_down: float = 1.0) -> Schedule:
        """Return the schedule for a number of frames, its learning rate divided by `slow_down`."""
        steps = math.ceil(training_frames / stage.batch_size)
        return cls(epochs, steps, stage.learning_rate / slow_down)


def training_config(
    stage: TrainingStage, model: MemberModel, schedule: Schedule, seeds: Seeds, limit: float
) -> dict[str, Any]:
    """Return nequip-train's configuration; every file in it is relative to the job folder.

    A training whose loss rises above `limit` is ended.
    """
    return {
        "run": ["train"],
        "data": _data(stage, model.species, seeds.data),
        "trainer": _trainer(schedule, limit),
        "training_module": _training_module(stage, model, schedule, seeds.model),
        "hydra": {"output_subdir": None, "run": {"dir": "."}},
    }


def _data(stage: TrainingStage, species: Sequence[str], seed: int) -> dict[str, Any]:
    loader = {"_target_": "torch.utils.data.DataLoader", "batch_size": stage.batch_size, "num_workers": 0}
    return {
        "_target_": "beamheat_fw.drivers.nequip.training_data.ResumedASEData",
        "seed": seed,
        "train_file_path": TRAINING_SPLIT_FILE,
        "val_file_path": VALIDATION_SPLIT_FILE,
        "ase_args": {"format": "extxyz"},
        "transforms": [
            {
                "_target_": "nequip.data.transforms.ChemicalSpeciesToAtomTypeMapper",
                "model_type_names": list(species),
                "chemical_species_to_atom_type_map": {symbol: symbol for symbol in species},
            },
            {
                "_target_": "nequip.data.transforms.NeighborListTransform",
                "r_max": stage.r_max_A,
                "backend": "matscipy",
            },
        ],
        "train_dataloader": {**loader, "shuffle": True},
        "val_dataloader": loader,
        "stats_manager": {
            "_target_": "nequip.data.CommonDataStatisticsManager",
            "type_names": list(species),
            "dataloader_kwargs": {"batch_size": 10},
        },
    }


def _trainer(schedule: Schedule, limit: float) -> dict[str, Any]:
    return {
        "_target_": "lightning.Trainer",
        "accelerator": "auto",
        "devices": 1,
        "max_epochs": schedule.epochs,
        # Inside a Slurm or MPI job Lightning would take itself for one of its ranks.
        "plugins": [{"_target_": "lightning.pytorch.plugins.environments.LightningEnvironment"}],
        "num_sanity_val_steps": 0,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "log_every_n_steps": schedule.steps_per_epoch,
        "logger": {
            "_target_": "lightning.pytorch.loggers.CSVLogger",
            "save_dir": ".",
            "name": CURVES_FOLDER,
            "flush_logs_every_n_steps": 1,
        },
        "callbacks": [
            _checkpoint(BEST_CHECKPOINT, monitor="val0_epoch/weighted_sum"),
            # Lightning's save_last writes only when the best one is written; to resume, every epoch counts.
            _checkpoint(LAST_CHECKPOINT, monitor=None),
            # Ends the training when the loss is not a number or beyond all bounds.
            {
                "_target_": "lightning.pytorch.callbacks.EarlyStopping",
                "monitor": "train_loss_epoch/weighted_sum",
                "patience": schedule.epochs + 1,
                "check_finite": True,
                "divergence_threshold": limit,
                "check_on_train_epoch_end": True,
            },
        ],
    }


def _checkpoint(file: str, monitor: str | None) -> dict[str, Any]:
    return {
        "_target_": "lightning.pytorch.callbacks.ModelCheckpoint",
        "dirpath": ".",
        "filename": file.removesuffix(".ckpt"),
        "monitor": monitor,
        "save_on_train_epoch_end": True,
        "enable_version_counter": False,
    }


def _training_module(
    stage: TrainingStage, model: MemberModel, schedule: Schedule, seed: int
) -> dict[str, Any]:
    return {
        "_target_": "nequip.train.EMALightningModule",
        "ema_decay": 0.99,
        "loss": {
            "_target_": _MASKED_LOSS if model.masked else "nequip.train.EnergyForceLoss",
            "per_atom_energy": True,
            "coeffs": {"total_energy": stage.energy_weight, "forces": stage.force_weight},
        },
        "val_metrics": {
            "_target_": _MASKED_METRICS if model.masked else "nequip.train.EnergyForceMetrics",
            "coeffs": {
                "per_atom_energy_mae": None,
                "forces_mae": None,
                "forces_rmse": 1.0,
                "per_atom_energy_rmse": 1.0,
            },
        },
        "optimizer": {"_target_": "torch.optim.Adam", "lr": schedule.learning_rate},
        "lr_scheduler": {
            "scheduler": {
                "_target_": "torch.optim.lr_scheduler.OneCycleLR",
                "max_lr": schedule.learning_rate,
                "total_steps": schedule.epochs * schedule.steps_per_epoch + 1,
                "pct_start": _WARM_UP_SHARE,
                "cycle_momentum": False,
            },
            "interval": "step",
            "frequency": 1,
        },
        "model": _warm_model(model) if model.warm_start else _fresh_model(stage, model, seed),
    }


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
