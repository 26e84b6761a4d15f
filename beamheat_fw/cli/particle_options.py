"""The options of `beamheat predict` that say what the particle is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beamheat_fw.cli.measured_option import measured, optional, quantity
from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.measured import Measured

if TYPE_CHECKING:
    from beamheat_fw.physics.rise.beam import Beam
    from beamheat_fw.physics.rise.heat_flow import Particle
    from beamheat_fw.physics.rise.particle_shape import ParticleShape


@dataclass(frozen=True)
class Body:
    """The particle, and its shape where its atoms are known."""

    particle: Particle
    shape: ParticleShape | None

    @property
    def projected_area_nm2(self) -> float:
        """Area that the beam sees; without atoms, that of the sphere of the same volume."""
        return math.pi * self.particle.size_nm**2 / 4.0 if self.shape is None else self.shape.side_area_nm2


@dataclass(frozen=True)
class ParticleOptions:
    """The options that say what the particle is."""

    volume_nm3: Annotated[str | None, quantity("The particle's volume.")] = None
    particle: Annotated[Path | None, typer.Option(help="The particle's atoms, in a file that ASE reads.")] = (
        None
    )
    beam_axis: Annotated[str, typer.Option(help="Beam direction in that file: x, y, z or three numbers.")] = (
        "y"
    )
    contact_area_nm2: Annotated[
        str | None, quantity("Contact area; of the file's bottom layer if not given.")
    ] = None
    material: Annotated[str, typer.Option(help="The particle's element, without a file.")] = "Au"
    method: Annotated[
        str, typer.Option(help="exact: from the volume; paper: side area times mean column.")
    ] = "exact"

    def of_file(self, file: Path) -> ParticleOptions:
        """Return the options that say the same of another file's particle."""
        return replace(self, particle=file, volume_nm3=None, contact_area_nm2=None)

    def build(self, beam: Beam) -> Body:
        """Return the particle under the beam.

        Raises
        ------
        InputError
            Volume or contact area are missing or given twice, the file is no particle, or the beam misses it.
        """
        if self.method not in ("exact", "paper"):
            raise InputError("The method is not known", "Choose exact or paper.", {"method": self.method})
        return self._from_volume(beam) if self.particle is None else self._from_atoms(self.particle, beam)

    def _from_atoms(self, file: Path, beam: Beam) -> Body:
        from beamheat_fw.cli.particle_file import parse_axis, read_particle
        from beamheat_fw.physics.rise.beam import illuminated_fraction
        from beamheat_fw.physics.rise.heat_flow import Particle
        from beamheat_fw.physics.rise.materials import alloy
        from beamheat_fw.physics.rise.particle_shape import measure_shape, project

        if self.volume_nm3 is not None:
            raise InputError("The volume is given twice", "Give --particle or --volume-nm3, not both.")
        atoms = read_particle(file)
        axis = parse_axis(self.beam_axis)
        shape = measure_shape(atoms, axis)
        fraction = illuminated_fraction(beam, project(atoms.positions, axis) / 10.0)
        volume = shape.column_volume_nm3 if self.method == "paper" else shape.volume_nm3
        area = optional("--contact-area-nm2", self.contact_area_nm2) or Measured(shape.contact_area_nm2)
        bulk = alloy(dict(atoms.symbols.formula.count()))
        return Body(Particle(Measured(volume), area, bulk, fraction), shape)

    def _from_volume(self, beam: Beam) -> Body:
        from beamheat_fw.physics.rise.beam import illuminated_fraction, sphere_points_nm
        from beamheat_fw.physics.rise.heat_flow import Particle
        from beamheat_fw.physics.rise.materials import material as find_material

        if self.volume_nm3 is None or self.contact_area_nm2 is None:
            raise InputError(
                "The particle's volume or contact area is missing",
                "Give --volume-nm3 and --contact-area-nm2, or the atoms by --particle.",
            )
        if self.method == "paper":
            raise InputError(
                "The paper's recipe counts atoms in columns, but there are none",
                "Give the atoms by --particle, or use --method exact.",
            )
        volume = measured("--volume-nm3", self.volume_nm3)
        area = measured("--contact-area-nm2", self.contact_area_nm2)
        if volume.value <= 0.0:
            raise InputError(
                "The particle has no volume", "Give a volume above zero.", {"--volume-nm3": self.volume_nm3}
            )
        fraction = illuminated_fraction(beam, sphere_points_nm(volume.value))
        return Body(Particle(volume, area, find_material(self.material), fraction), None)
