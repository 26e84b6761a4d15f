"""Writes what LAMMPS reads: the system, and an input script that follows the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms, units

from beamheat_fw.drivers.md.bath_path import BathPath
from beamheat_fw.drivers.md.bath_region import far_support
from beamheat_fw.drivers.md.protocols import HeatProtocol
from beamheat_fw.units import NW_PER_EV_PER_PS
from beamheat_fw.whole_files import write_whole

DATA_FILE = "system.data"
#: Empty space around the system in directions without periods, Å; an atom that leaves it ends the run.
_MARGIN_A = 30.0
#: What is printed of each sample.
COLUMNS = ("step", "T_particle_K", "T_support_K", "E_particle_eV", "E_support_eV", "bath_took_eV")


@dataclass(frozen=True)
class Segment:
    """A stretch of a replica's run that one start of LAMMPS does.

    Attributes
    ----------
    replica : int
    first_step : int
        Zero, or that of the restart file.
    """

    replica: int
    first_step: int

    @property
    def script(self) -> str:
        """The input script's name."""
        return f"in-{self.replica}-{self.first_step}.lammps"

    @property
    def samples(self) -> str:
        """The file of its samples."""
        return f"samples-{self.replica}-{self.first_step}.txt"

    @property
    def restart(self) -> str:
        """The file it goes on from."""
        return f"state-{self.replica}.{self.first_step}.restart"


def species_of(system: Atoms) -> list[str]:
    """Return the elements in the order of their LAMMPS types."""
    return sorted(set(system.symbols))


def write_data(folder: Path, system: Atoms) -> None:
    """Write the system for LAMMPS' ``read_data``."""
    import io

    from ase.io.lammpsdata import write_lammps_data

    boxed = Atoms(system.numbers, system.positions, cell=system.cell.complete(), pbc=system.pbc)
    for axis in np.flatnonzero(~system.pbc):
        low, high = boxed.positions[:, axis].min(), boxed.positions[:, axis].max()
        boxed.cell[axis] = np.eye(3)[axis] * (high - low + 2.0 * _MARGIN_A)
        boxed.positions[:, axis] += _MARGIN_A - low
    text = io.StringIO()
    write_lammps_data(text, boxed, specorder=species_of(system), masses=True, units="metal")
    write_whole(folder / DATA_FILE, text.getvalue().encode())


def script(system: Atoms, protocol: HeatProtocol, pair_lines: list[str], segment: Segment) -> str:
    """Return the input script of a segment."""
    seed = 1 + (7919 * protocol.seed + 104729 * segment.replica + segment.first_step) % 800_000_000
    lines = [
        *_system(system, segment),
        *pair_lines,
        *_measures(system, protocol.timestep_fs),
        *(_begin(protocol, seed) if segment.first_step == 0 else []),
        f"timestep {protocol.timestep_fs * 1e-3:.10g}",
        "fix move all nve",
        "fix balance all balance 1000 1.05 rcb",
        f"restart {checkpoint_steps(protocol)} state-{segment.replica}.*.restart",
        *_baths(protocol, segment, seed),
        *_main(system, protocol, segment, seed),
        f"write_dump all custom final-{segment.replica}.txt id xu yu zu modify sort id format float %.10g",
    ]
    return "\n".join(lines) + "\n"


def checkpoint_steps(protocol: HeatProtocol) -> int:
    """Return the steps between restart files: a multiple of those between samples."""
    return protocol.sample_every * max(1, round(protocol.checkpoint_every / protocol.sample_every))


def _system(system: Atoms, segment: Segment) -> list[str]:
    boundary = " ".join("p" if periodic else "f" for periodic in system.pbc)
    head = ["units metal", "atom_style atomic", f"boundary {boundary}", "comm_style tiled"]
    body = system.arrays["body"]
    begin = (
        [
            f"read_data {DATA_FILE}",
            f"group particle id {_ids(body == 1)}",
            f"group support id {_ids(body == 0)}",
        ]
        if segment.first_step == 0
        else [f"read_restart {segment.restart}"]
    )
    return [*head, *begin, "neighbor 1.0 bin", "neigh_modify delay 0 every 1 check yes"]


def _ids(chosen: np.ndarray) -> str:
    """Return LAMMPS' numbers of atoms, runs of them as first:last."""
    ids = np.flatnonzero(chosen) + 1
    runs = np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1)
    return " ".join(f"{run[0]}:{run[-1]}" for run in runs)


def _measures(system: Atoms, timestep_fs: float) -> list[str]:
    """Return what is measured of each body.

    Its temperature is the kinetic one and what the time step takes from it (`drivers.md.observables`), from
    the forces of the potential alone: a bath's are stored out of them by the fix ``own``.
    """
    share = (timestep_fs * units.fs) ** 2 / 6.0
    squares = "+".join(f"f_own[{axis}]*f_own[{axis}]" for axis in (1, 2, 3))
    lines = [
        "compute pe all pe/atom",
        "compute ke all ke/atom",
        "fix own all store/force",
        f"variable driving atom ({squares})/mass",
    ]
    for body, number in (("particle", 1), ("support", 0)):
        of_body = system.arrays["body"] == number
        degrees = max(3 * int(of_body.sum()) - 3, 1)
        lines += [
            f"compute pe_{body} {body} reduce sum c_pe",
            f"compute ke_{body} {body} reduce sum c_ke",
            f"compute T_kinetic_{body} {body} temp/com",
            f"compute driving_{body} {body} reduce sum v_driving",
            f"compute pull_{body} {body} reduce sum f_own[1] f_own[2] f_own[3]",
            f"variable drift_{body} equal ({_square_of_pull(body)})/mass({body})",
            f"variable T_{body} equal "
            f"c_T_kinetic_{body}+{share / (degrees * units.kB):.10g}*(c_driving_{body}-v_drift_{body})",
            f"variable E_{body} equal c_pe_{body}+c_ke_{body}",
        ]
    return lines


def _square_of_pull(body: str) -> str:
    return "+".join(f"c_pull_{body}[{axis}]*c_pull_{body}[{axis}]" for axis in (1, 2, 3))


def _begin(protocol: HeatProtocol, seed: int) -> list[str]:
    particle, support = _bath_paths(protocol)
    return [
        "minimize 0.0 0.05 200 2000",
        "reset_timestep 0",
        f"velocity particle create {particle.kelvin[0]:.10g} {seed} mom yes rot yes",
        f"velocity support create {support.kelvin[0]:.10g} {seed + 1} mom yes",
        "velocity all zero linear",
    ]


def _bath_paths(protocol: HeatProtocol) -> list[BathPath]:
    """Return the paths of particle and support: without annealing, LAMMPS' baths do not warm up."""
    own_K = (protocol.particle_K, protocol.support_K)
    if protocol.anneal_steps:
        return [protocol.bath_path(body_K) for body_K in own_K]
    return [BathPath((0.0, protocol.equilibrate_steps), (body_K, body_K)) for body_K in own_K]


def _baths(protocol: HeatProtocol, segment: Segment, seed: int) -> list[str]:
    """Return a run for each line of the baths' paths that is not behind the segment yet."""
    damp_ps = 1.0 / protocol.friction_per_ps
    lines = []
    for number, pair in enumerate(zip(*(path.lines() for path in _bath_paths(protocol)), strict=True)):
        begin, end = (round(step) for step in pair[0][:2])
        if end <= max(begin, segment.first_step):
            continue
        for body, (_, _, from_K, to_K) in zip(("particle", "support"), pair, strict=True):
            noise = seed + 10 * number + (2 if body == "particle" else 3)
            lines.append(
                f"fix bath_{body} {body} langevin {from_K:.10g} {to_K:.10g} {damp_ps:.10g} {noise} zero yes"
            )
        lines += [f"run {end} upto start {begin} stop {end}", "unfix bath_particle", "unfix bath_support"]
    return lines


def _main(system: Atoms, protocol: HeatProtocol, segment: Segment, seed: int) -> list[str]:
    lines = _injection(system, protocol, segment, seed) if protocol.injects else ["variable took equal 0.0"]
    printed = "$(step) $(v_T_particle) $(v_T_support) $(v_E_particle) $(v_E_support) $(v_took)"
    return [
        *lines,
        "thermo_style custom step v_T_particle v_T_support v_E_particle v_E_support v_took",
        f"thermo {max(protocol.sample_every, 1000)}",
        f'fix samples all print {protocol.sample_every} "{printed}" file {segment.samples} '
        'title "" screen no',
        f"run {protocol.steps} upto",
    ]


def _injection(system: Atoms, protocol: HeatProtocol, segment: Segment, seed: int) -> list[str]:
    """Return the source and the bath far from it, and what the bath took.

    LAMMPS counts the work of a bath's force f over a step as f v dt, with the velocity in the middle of
    the kick. A sample lies there too, and in the kick's first half the force has done ``ahead`` less than
    f v dt/2: dt² f F/(8 m) with the total force F. The second half makes up for it, unless a restart
    draws another force for it.
    """
    power = protocol.power_nW(segment.replica) / NW_PER_EV_PER_PS
    kelvin, damp_ps = protocol.support_K, 1.0 / protocol.friction_per_ps
    forces = "+".join(f"(f{axis}-f_own[{number}])*f{axis}" for number, axis in enumerate("xyz", start=1))
    half_kick = (protocol.timestep_fs * units.fs) ** 2 / 8.0
    return [
        f"group far id {_ids(far_support(system, protocol.bath_share))}",
        # Wirnsberger, Frenkel, Dellago, J. Chem. Phys. 143, 124104 (2015); it keeps linear momentum.
        f"fix source particle ehex 1 {power:.10g}",
        f"fix far far langevin {kelvin:.10g} {kelvin:.10g} {damp_ps:.10g} {seed + 4} zero yes tally yes",
        f"variable ahead atom {half_kick:.10g}*({forces})/mass",
        "compute ahead far reduce sum v_ahead",
        "variable took equal f_far+c_ahead",
    ]
