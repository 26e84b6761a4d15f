"""One member of a committee as nequip-compile made it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.drivers.nequip.committee import Evaluation
from beamheat_fw.drivers.nequip.frames import Frames
from beamheat_fw.drivers.nequip.models import atom_types
from beamheat_fw.drivers.nequip.neighbours import Edges, NeighbourList
from beamheat_fw.errors import IntegrityError

if TYPE_CHECKING:
    import torch


class CompiledMember:
    """Evaluates a compiled model as a `Committee` of one member; `load` makes one from a file.

    A batch of frames is one frame to the model. It adds to an edge's vector its cell shift times the cell:
    with a unit cell the shift is a vector in Å, so that frames need no cell in common.

    Parameters
    ----------
    model : callable
        Takes and gives tensors by name.
    species : sequence of str
        The chemical symbol of each atom type.
    r_max_A : float
        The cutoff.
    """

    def __init__(self, model: Any, species: Sequence[str], r_max_A: float) -> None:
        import torch

        self.model = model
        self.species = tuple(species)
        self.r_max_A = r_max_A
        self._unit_cell = torch.eye(3, dtype=torch.float64)[None]
        self._types_of: tuple[Frames, torch.Tensor] | None = None

    @classmethod
    def load(cls, file: Path) -> CompiledMember:
        """Load a file that nequip-compile made for ASE on this kind of processor.

        Raises
        ------
        IntegrityError
            It is no such file, or was made for another device or version.
        """
        from nequip.model.inference_models import load_compiled_model
        from nequip.scripts._compile_utils import ASE_TARGET
        from torch._inductor import config

        try:
            # PyTorch would build a program in C++, and start it, to see whether the processor can do what it
            # says: seconds of each rank's start.
            with config.patch({"cpp.vec_isa_ok": True}):
                model, metadata = load_compiled_model(
                    str(file), "cpu", ASE_TARGET["input"], ASE_TARGET["output"]
                )
        except (RuntimeError, ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
            raise IntegrityError(
                "A compiled model cannot be loaded",
                "Remove it: it is compiled anew when it is needed.",
                {"file": str(file), "reason": str(error).splitlines()[0]},
            ) from None
        return cls(_called_directly(model), metadata["type_names"], metadata["r_max"])

    def evaluate(
        self,
        frames: Frames,
        positions: NDArray[np.float64],
        neighbours: NeighbourList,
        members: Sequence[int] | None = None,
    ) -> Evaluation:
        """Return energies and forces, as `Committee.evaluate`; there is only one member to ask.

        Raises
        ------
        InputError
            An element the member was not trained on.
        CalculationError
            A position is not a finite number.
        """
        output = self.model(self.inputs(frames, positions, neighbours.edges(positions)))
        atom_energies = output["atomic_energy"].numpy().reshape(1, -1)
        return Evaluation(
            energies_eV=np.add.reduceat(atom_energies, frames.offsets[:-1], axis=1),
            atom_energies_eV=atom_energies,
            forces_eV_A=output["forces"].numpy()[np.newaxis],
        )

    def inputs(self, frames: Frames, positions: NDArray[np.float64], edges: Edges) -> dict[str, torch.Tensor]:
        """Return what the model takes; positions of shape (N, 3) in Å."""
        import torch

        return {
            "pos": torch.from_numpy(np.ascontiguousarray(positions)),
            "edge_index": torch.from_numpy(edges.index),
            "atom_types": self._types(frames),
            "cell": self._unit_cell,
            "edge_cell_shift": torch.from_numpy(edges.shifts_A),
        }

    def _types(self, frames: Frames) -> torch.Tensor:
        import torch

        if self._types_of is None or self._types_of[0] is not frames:
            self._types_of = (frames, torch.from_numpy(atom_types(frames.numbers, self.species)))
        return self._types_of[1]


def _called_directly(model: Any) -> Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]:
    """Pass by PyTorch's own call, which parses the layout of arguments and results anew each time."""
    import torch

    run, takes, gives = model.model.loader.boxed_run, model.input_keys, model.output_keys

    def call(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        with torch.inference_mode():
            return dict(zip(gives, run([inputs[name] for name in takes]), strict=True))

    return call
