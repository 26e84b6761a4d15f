"""Load packaged NequIP models, and refuse what cannot be evaluated here."""

from __future__ import annotations

import functools
import importlib.metadata
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import InputError, IntegrityError

if TYPE_CHECKING:
    import torch

Precision = Literal["float32", "float64"]

_installed: Final = functools.cache(importlib.metadata.packages_distributions)


@dataclass(frozen=True, eq=False)
class EnergyModel:
    """A packaged model without its derivatives, which the committee takes once for all frames.

    Attributes
    ----------
    module : torch.nn.Module
        Maps edge vectors, edge indices and atom types to atomic energies.
    species : tuple of str
        The chemical symbol of each atom type.
    r_max_A : float
        The cutoff.
    """

    module: torch.nn.Module
    species: tuple[str, ...]
    r_max_A: float


def load_model(
    package: Path, device: str = "cpu", precision: Precision | None = None, ghosts: bool = False
) -> EnergyModel:
    """Load one package made by nequip-package.

    Parameters
    ----------
    package : Path
        A ``.nequip.zip`` file.
    device : str
        As PyTorch names it.
    precision : {'float32', 'float64'}, optional
        The precision of the network; that of its training by default. Geometry and the sum of energies
        are in double precision in any case.
    ghosts : bool
        Whether the model evaluates a part of a system and exchanges the features of ghost atoms with other
        ranks, as LAMMPS' ML-IAP interface has it do. Such a model needs the exchange among its inputs.

    Raises
    ------
    InputError
        There is no such file, or another version of NequIP made it.
    IntegrityError
        The file is cut short or is not a package.
    """
    _require_same_nequip(package)
    with _installed_listed_once():
        from nequip.model.modify_utils import modify
        from nequip.model.saved_models.package import ModelFromPackage
        from nequip.utils.global_state import set_global_state

        set_global_state()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph_model = ModelFromPackage(str(package))["sole_model"]
    modifiers = ["disable_ForceStressOutput", *(["enable_LAMMPSMLIAPGhostExchange"] if ghosts else [])]
    modify(graph_model, [{"modifier": modifier} for modifier in modifiers])
    metadata = graph_model.metadata
    if precision is not None:
        _set_precision(graph_model, precision)
    graph_model.eval().to(device).requires_grad_(False)
    return EnergyModel(graph_model, tuple(metadata["type_names"].split()), float(metadata["r_max"]))


@contextmanager
def _installed_listed_once() -> Iterator[None]:
    """Have NequIP, and the copy of it in each package, list what is installed here once and not each anew."""
    listed = importlib.metadata.packages_distributions
    importlib.metadata.packages_distributions = _installed
    try:
        yield
    finally:
        importlib.metadata.packages_distributions = listed


def require_agreement(models: Sequence[EnergyModel], packages: Sequence[Path]) -> None:
    """Refuse members that were not trained as one committee.

    Raises
    ------
    InputError
        Two members differ in their species or in their cutoff.
    """
    for model, package in zip(models, packages, strict=True):
        if (model.species, model.r_max_A) != (models[0].species, models[0].r_max_A):
            raise InputError(
                "The members of the committee do not belong together",
                "Give members that were trained with the same species and cutoff.",
                {
                    "member": str(package),
                    "species": " ".join(model.species),
                    "r_max_A": model.r_max_A,
                    "first_species": " ".join(models[0].species),
                    "first_r_max_A": models[0].r_max_A,
                },
            )


def atom_types(numbers: NDArray[np.int64], species: Sequence[str]) -> NDArray[np.int64]:
    """Return the models' type of each atomic number.

    Raises
    ------
    InputError
        An element the models were not trained on.
    """
    from ase.data import atomic_numbers, chemical_symbols

    type_of_number = np.full(len(chemical_symbols), -1, dtype=np.int64)
    type_of_number[[atomic_numbers[symbol] for symbol in species]] = np.arange(len(species))
    types = type_of_number[numbers]
    if (types < 0).any():
        unknown = sorted({chemical_symbols[number] for number in numbers[types < 0]})
        raise InputError(
            "The committee was not trained on an element",
            "Label and train on structures that contain it.",
            {"elements": " ".join(unknown), "trained_on": " ".join(species)},
        )
    return types


def package_metadata(package: Path) -> dict[str, Any]:
    """Return what a package says of itself: ``versions``, ``atom_types``, ``available_models``.

    Needs no PyTorch.

    Raises
    ------
    InputError
        There is no such file.
    IntegrityError
        The file is cut short or is not a package.
    """
    import yaml

    if not package.is_file():
        raise InputError(
            "There is no such package", "Fetch the potential's artifact again.", {"file": str(package)}
        )
    try:
        with zipfile.ZipFile(package) as archive:
            broken = archive.testzip()
            name = next((n for n in archive.namelist() if n.endswith("model/package_metadata.txt")), None)
            metadata = None if broken or not name else yaml.safe_load(archive.read(name))
    except (zipfile.BadZipFile, EOFError):
        metadata = None
    if metadata is None:
        raise IntegrityError(
            "The package is cut short or is not a NequIP package",
            "Fetch the potential's artifact again, or train the member anew.",
            {"file": str(package), "bytes": package.stat().st_size},
        )
    return dict(metadata)


def _require_same_nequip(package: Path) -> None:
    made_by = str(package_metadata(package)["versions"]["nequip"])
    here = importlib.metadata.version("nequip")
    if made_by.split(".")[:2] != here.split(".")[:2]:
        raise InputError(
            "The package was made by another version of NequIP",
            f"Install nequip {made_by}, or train the committee anew with nequip {here}.",
            {"file": str(package), "made_by": made_by, "installed": here},
        )


def _set_precision(graph_model: Any, precision: Precision) -> None:
    import torch

    dtype = {"float32": torch.float32, "float64": torch.float64}[precision]
    trained = graph_model.model_dtype
    if dtype == trained:
        return
    # Modules remember the precision of the network apart from that of their weights; geometry and the
    # energies' scale and shift are double in NequIP and stay so.
    for module in graph_model.modules():
        for name in ("model_dtype", "_output_dtype"):
            if getattr(module, name, None) == trained:
                setattr(module, name, dtype)
    for tensor in (*graph_model.parameters(), *graph_model.buffers()):
        if tensor.dtype == trained:
            tensor.data = tensor.data.to(dtype)
