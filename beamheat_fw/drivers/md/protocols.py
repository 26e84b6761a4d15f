"""What a run does, as the files of a job folder say it: `protocol.json` and `committee.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from ase import Atoms

from beamheat_fw.drivers.md.bath_path import BathPath, annealed, equilibration
from beamheat_fw.drivers.md.bath_region import far_support
from beamheat_fw.drivers.md.dynamics import Drive, Motion
from beamheat_fw.drivers.md.engines import engine_of
from beamheat_fw.drivers.md.lammps.settings import PairStyle
from beamheat_fw.errors import InputError
from beamheat_fw.units import NW_PER_EV_PER_PS
from beamheat_fw.whole_files import write_whole

if TYPE_CHECKING:
    from beamheat_fw.campaign import ExplorationStage, HeatingStage

PROTOCOL_FILE = "protocol.json"
COMMITTEE_FILE = "committee.json"


class _JsonFile:
    """A frozen dataclass that is the content of a JSON file."""

    def write(self, path: Path) -> None:
        """Write to a JSON file, whole or not at all."""
        write_whole(path, json.dumps(asdict(self), indent=1).encode())  # type: ignore[call-overload]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read from a JSON file.

        Raises
        ------
        InputError
            The file is missing, no JSON object, or has other keys than this protocol.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(**content)
        except (OSError, ValueError, TypeError) as error:
            known = ", ".join(field.name for field in fields(cls))  # type: ignore[arg-type]
            raise InputError(
                "A file of the job folder cannot be used",
                f"Stage the folder anew; the file holds a JSON object of {known}.",
                {"file": str(path), "reason": str(error)},
            ) from None


@dataclass(frozen=True)
class HeatProtocol(_JsonFile):
    """Equilibration of two bodies at their own temperatures, then relaxation or steady heating.

    Where annealing is asked for, it comes first: all atoms at one temperature, so that an interface that was
    put together comes to rest before it is measured. In relaxation the energy is constant. With powers,
    replica k has the power k modulo their number put into its particle, and a bath at the support's
    temperature holds what of the support is farthest from it.

    Attributes
    ----------
    particle_K, support_K : float
        Bath temperatures at the end of equilibration.
    timestep_fs, friction_per_ps : float
    equilibrate_ps, relax_ps : float
    replicas_per_rank : int
    sample_every, audit_every, checkpoint_every : int
        Steps.
    seed : int
        Together with the replica's number it fixes all random numbers of a replica.
    engine : str
        One of `engines.ENGINES`.
    max_wall_s : float, optional
        Wall time after which a run ends with what it has, restarts included; not part of a run's identity.
    escape_distance_A : float
        A particle atom further than this from all others of the particle's largest piece has escaped.
    drift_tolerance : float
        Share of the heat to be exchanged that the energy may drift by for the ledger to close.
    powers_nW : tuple of float
        None for a relaxation.
    bath_share : float
        Share of the support's atoms that the bath holds while power comes in.
    booking_tolerance : float
        Share of the heat put in by which energy and bookkeeping may part for the ledger to close.
    lammps : mapping, optional
        ``pair_style`` and ``pair_coeff`` of the LAMMPS engine.
    anneal_K : float, optional
        Bath temperature of both bodies before equilibration.
    anneal_ps : float
        Zero for no annealing; then neither is part of a run's identity, as before there was any.
    """

    particle_K: float
    support_K: float
    timestep_fs: float
    friction_per_ps: float
    equilibrate_ps: float
    relax_ps: float
    replicas_per_rank: int
    sample_every: int
    audit_every: int
    checkpoint_every: int
    seed: int
    engine: str = "replicas"
    max_wall_s: float | None = None
    escape_distance_A: float = 5.0
    drift_tolerance: float = 0.01
    powers_nW: tuple[float, ...] = ()
    bath_share: float = 0.3
    booking_tolerance: float = 0.001
    lammps: Mapping[str, Any] | None = None
    anneal_K: float | None = None
    anneal_ps: float = 0.0

    def __post_init__(self) -> None:
        for name in ("particle_K", "support_K", "timestep_fs", "friction_per_ps", "relax_ps"):
            _require_positive(name, getattr(self, name))
        for name in ("replicas_per_rank", "sample_every", "audit_every", "checkpoint_every"):
            _require_positive(name, getattr(self, name))
        engine_of(self.engine)
        if self.engine == "lammps":
            PairStyle.of(self.lammps)
        for power in self.powers_nW:
            _require_positive("powers_nW", power)
        object.__setattr__(self, "powers_nW", tuple(self.powers_nW))
        self._require_annealing_of_use()

    def _require_annealing_of_use(self) -> None:
        if self.anneal_ps == 0 and self.anneal_K is None:
            return
        _require_positive("anneal_ps", self.anneal_ps)
        if self.anneal_K is None:
            raise InputError(
                "An annealing has no temperature", "Give anneal_K too.", {"anneal_ps": self.anneal_ps}
            )
        _require_positive("anneal_K", self.anneal_K)
        _require_positive("equilibrate_ps", self.equilibrate_ps)
        if self.anneal_K < min(self.particle_K, self.support_K):
            raise InputError(
                "An annealing is colder than both bodies",
                "Give an anneal_K above what the interface is to bear, or no annealing.",
                {name: getattr(self, name) for name in ("anneal_K", "particle_K", "support_K")},
            )

    @classmethod
    def from_stage(cls, stage: HeatingStage, *, seed: int, max_wall_s: float | None = None) -> HeatProtocol:
        """Take a campaign's heating stage over; `max_wall_s` replaces the stage's own."""
        shared = _shared(cls, stage)
        shared["lammps"] = stage.lammps.model_dump() if stage.lammps is not None else None
        return cls(**{**shared, "seed": seed, "max_wall_s": max_wall_s or shared.get("max_wall_s")})

    @property
    def motion(self) -> Motion:
        """Time step and friction."""
        return Motion(self.timestep_fs, self.friction_per_ps)

    @property
    def injects(self) -> bool:
        """Whether power comes in after equilibration."""
        return bool(self.powers_nW)

    def power_nW(self, replica: int) -> float:
        """Return the power into the particle of a replica; zero in a relaxation."""
        return self.powers_nW[replica % len(self.powers_nW)] if self.injects else 0.0

    def drive(self, system: Atoms, replicas: Sequence[int]) -> Drive | None:
        """Return what drives these replicas of a system; None in a relaxation."""
        if not self.injects:
            return None
        powers = np.array([self.power_nW(replica) for replica in replicas]) / NW_PER_EV_PER_PS
        return Drive(powers, self.support_K, far_support(system, self.bath_share))

    @property
    def anneal_steps(self) -> int:
        """Steps in baths that anneal; zero where none do."""
        return round(self.anneal_ps * 1000.0 / self.timestep_fs)

    @property
    def equilibrate_steps(self) -> int:
        """Steps in the bodies' own baths, the way to their temperatures included."""
        return round(self.equilibrate_ps * 1000.0 / self.timestep_fs)

    @property
    def bath_steps(self) -> int:
        """Steps in baths, before what is measured."""
        return self.anneal_steps + self.equilibrate_steps

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.bath_steps + max(1, round(self.relax_ps * 1000.0 / self.timestep_fs))

    def phase(self, step: int) -> str:
        """Return what is done at a step, for whoever watches."""
        if step < self.bath_steps:
            return "anneal" if step < self.anneal_steps else "equilibrate"
        return "inject" if self.injects else "relax"

    def time_ps(self, step: int) -> float:
        """Return the time since the baths were taken away."""
        return (step - self.bath_steps) * self.timestep_fs * 1e-3

    def bath_path(self, body_K: float) -> BathPath:
        """Return the path of the bath of a body that ends at `body_K`."""
        if self.anneal_steps == 0 or self.anneal_K is None:
            return equilibration(body_K, self.equilibrate_steps)
        return annealed(body_K, self.equilibrate_steps, self.anneal_K, self.anneal_steps)

    def identity(self) -> dict[str, Any]:
        """Return what makes two runs the same one."""
        content = asdict(self)
        del content["max_wall_s"]
        if not self.anneal_ps:
            del content["anneal_K"], content["anneal_ps"]
        return content


@dataclass(frozen=True)
class ExplorationProtocol(_JsonFile):
    """Langevin dynamics on many start structures, looked at by the gate.

    Attributes
    ----------
    steps : int
    timestep_fs, friction_per_ps : float
    frame_every : int
        Steps between frames.
    checkpoint_every : int
        Steps between checkpoints.
    max_batch_atoms : int
        Atoms that one rank advances side by side; it bounds the memory.
    bias_width_eV : float, optional
        Disagreement about a frame's energy, per root of its atoms, at which a bias towards it levels off.
    max_wall_s : float, optional
        Wall time after which exploration ends with what it has; not part of a run's identity.
    """

    steps: int
    timestep_fs: float
    friction_per_ps: float
    frame_every: int
    checkpoint_every: int = 500
    max_batch_atoms: int = 2000
    bias_width_eV: float | None = None
    max_wall_s: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "max_wall_s" and value is not None:
                _require_positive(field.name, value)

    @classmethod
    def from_stage(cls, stage: ExplorationStage, **fields: Any) -> ExplorationProtocol:
        """Take a campaign's exploration stage over; `fields` come on top."""
        return cls(**{**_shared(cls, stage), **fields})

    @property
    def motion(self) -> Motion:
        """Time step and friction."""
        return Motion(self.timestep_fs, self.friction_per_ps)

    def identity(self) -> dict[str, Any]:
        """Return what makes two runs the same one."""
        content = asdict(self)
        del content["max_wall_s"]
        return content


@dataclass(frozen=True)
class CommitteeFile(_JsonFile):
    """The potentials of a run and how far they are trusted.

    Attributes
    ----------
    packages : tuple of str
        The members' packages, relative to the job folder.
    driver : int, optional
        The member that drives a heating run; exploration is driven by the mean.
    calibration, gate : mapping, optional
        As `beamheat_fw.physics` writes them; without them spreads are recorded, but nothing is judged by
        them.
    skin_A : float
        How far beyond the cutoff neighbours are listed, so that lists last for several steps.
    """

    packages: tuple[str, ...]
    driver: int | None = None
    calibration: Mapping[str, Any] | None = None
    gate: Mapping[str, Any] | None = None
    skin_A: float = 0.5


def _shared(cls: type, stage: Any) -> dict[str, Any]:
    return {field.name: getattr(stage, field.name) for field in fields(cls) if hasattr(stage, field.name)}


def _require_positive(name: str, value: float) -> None:
    if not value > 0:
        raise InputError(f"{name} is not positive", "Give a value above zero.", {name: value})
