"""NequIP's loss of energies and forces, without what is not a number: cut-outs' shells and energies.

Loaded by nequip-train alone, by name: no other module of the package imports PyTorch when it is imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from nequip.data import AtomicDataDict, PerAtomModifier
from nequip.train import MeanAbsoluteError, MeanSquaredError, MetricsManager, RootMeanSquaredError


class MeanSquaredErrorOrNothing(MeanSquaredError):
    """Zero, and no NaN, for a batch in which nothing is left: one of cut-outs alone has no energies."""

    def compute(self) -> torch.Tensor:
        """Return the mean so far."""
        return self.sum.div(self.count.clamp(min=1))


def masked_energy_force_loss(
    coeffs: Mapping[str, float], per_atom_energy: bool, type_names: Sequence[str] | None = None
) -> MetricsManager:
    """Build what `nequip.train.EnergyForceLoss` builds, but for targets that are not numbers.

    Parameters
    ----------
    coeffs : mapping of str to float
        Weights of ``total_energy`` and ``forces``.
    per_atom_energy : bool
        Whether energies count by atom.
    type_names : sequence of str, optional
        Given by nequip-train; nothing here is by type.
    """
    energy = "per_atom_energy_mse" if per_atom_energy else "total_energy_mse"
    weights = {energy: coeffs["total_energy"], "forces_mse": coeffs["forces"]}
    return _metrics(weights, {"mse": MeanSquaredErrorOrNothing})


def masked_energy_force_metrics(
    coeffs: Mapping[str, float | None], type_names: Sequence[str] | None = None
) -> MetricsManager:
    """Build what `nequip.train.EnergyForceMetrics` builds, but for targets that are not numbers.

    Parameters
    ----------
    coeffs : mapping of str to float or None
        Weights of ``forces_mae``, ``per_atom_energy_rmse`` and so on in their sum; None: not in it.
    type_names : sequence of str, optional
        Given by nequip-train; nothing here is by type.
    """
    return _metrics(coeffs, {"mae": MeanAbsoluteError, "rmse": RootMeanSquaredError})


def _metrics(
    weights: Mapping[str, float | None], kinds: Mapping[str, type[torch.nn.Module]]
) -> MetricsManager:
    fields = {
        "forces": AtomicDataDict.FORCE_KEY,
        "total_energy": AtomicDataDict.TOTAL_ENERGY_KEY,
        "per_atom_energy": PerAtomModifier(AtomicDataDict.TOTAL_ENERGY_KEY),
    }
    entries = []
    for name, weight in weights.items():
        field, _, kind = name.rpartition("_")
        entry = {"name": name, "field": fields[field], "metric": kinds[kind](), "ignore_nan": True}
        entries.append({**entry, "coeff": weight})
    return MetricsManager(entries)
