"""The configuration that nequip-train reads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from beamheat_fw.campaign import TrainingStage
from beamheat_fw.drivers.nequip.model_config import MemberModel, model_config
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
        "model": model_config(stage, model, seed),
    }
