"""Turns the options of `beamheat predict` into particle, energy loss and support."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from beamheat_fw.cli.measured_option import measured, optional
from beamheat_fw.cli.particle_file import parse_axis, read_particle
from beamheat_fw.errors import InputError
from beamheat_fw.physics import electron_phonon, energy_loss
from beamheat_fw.physics.beam import Beam, illuminated_fraction, sphere_points_nm
from beamheat_fw.physics.electron_phonon import ElectronPhonon
from beamheat_fw.physics.energy_loss import EnergyLoss
from beamheat_fw.physics.heat_flow import HeatFlow, Particle
from beamheat_fw.physics.materials import Material, alloy
from beamheat_fw.physics.materials import material as find_material
from beamheat_fw.physics.mean_free_path import PAPER_MEAN_ENERGY_LOSS_EV, paper_nm
from beamheat_fw.physics.measured import Measured
from beamheat_fw.physics.particle_shape import ParticleShape, measure_shape, project
from beamheat_fw.physics.support_heating import Support


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

    file: Path | None
    beam_axis: str
    volume_nm3: str | None
    contact_area_nm2: str | None
    material: str
    method: str

    def build(self, beam: Beam) -> Body:
        """Return the particle under the beam.

        Raises
        ------
        InputError
            Volume or contact area are missing or given twice, the file is no particle, or the beam misses it.
        """
        if self.method not in ("exact", "paper"):
            raise InputError("The method is not known", "Choose exact or paper.", {"method": self.method})
        return self._from_volume(beam) if self.file is None else self._from_atoms(self.file, beam)

    def _from_atoms(self, file: Path, beam: Beam) -> Body:
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


@dataclass(frozen=True)
class LossOptions:
    """The options that say what an electron loses."""

    mean_free_path_nm: str | None
    mean_energy_loss_eV: str | None
    correlation: float | None
    dE_dx_eV_nm: str | None

    def build(self, beam_energy_keV: Measured, material: Material) -> EnergyLoss:
        """Return the energy loss, from the table for gold where it is not given.

        Raises
        ------
        InputError
            The particle is not gold, and something is missing; or the energy is outside the table.
        """
        loss = self._at(beam_energy_keV.value, material)
        # A loss that was measured was measured at the beam's energy, whatever that is.
        from_table = loss.source == energy_loss.PAPER and beam_energy_keV.error > 0.0
        return loss.with_energy_error(material, beam_energy_keV) if from_table else loss

    def _at(self, beam_energy_keV: float, material: Material) -> EnergyLoss:
        length = optional("--mean-free-path-nm", self.mean_free_path_nm)
        mean = optional("--mean-energy-loss-ev", self.mean_energy_loss_eV)
        product = optional("--de-dx-ev-nm", self.dE_dx_eV_nm)
        if product is not None:
            return self._from_product(product, length, mean)
        if length is not None and mean is not None:
            return energy_loss.from_pair(mean, length, self.correlation)
        if material.name != "Au":
            raise InputError(
                "There is no measured energy loss for this material",
                "Give --mean-free-path-nm and --mean-energy-loss-ev, or --de-dx-ev-nm.",
                {"material": material.name},
            )
        table = energy_loss.from_paper(beam_energy_keV)
        if length is None and mean is None:
            return table
        pair = energy_loss.from_pair(
            mean or Measured(PAPER_MEAN_ENERGY_LOSS_EV), length or Measured(float(paper_nm(beam_energy_keV)))
        )
        notes = (*table.notes, "one of mean free path and mean loss is given, the other from the table")
        return EnergyLoss(
            pair.dE_dx_eV_nm,
            pair.mean_energy_loss_eV,
            pair.mean_free_path_nm,
            "given and " + table.source,
            notes,
        )

    @staticmethod
    def _from_product(product: Measured, length: Measured | None, mean: Measured | None) -> EnergyLoss:
        if length is not None and mean is not None:
            raise InputError(
                "The energy loss is given twice",
                "Give --de-dx-ev-nm, or --mean-free-path-nm with --mean-energy-loss-ev.",
            )
        loss_eV = mean.value if mean else PAPER_MEAN_ENERGY_LOSS_EV
        if mean is None and length is not None:
            loss_eV = product.value * length.value
        return EnergyLoss(product, loss_eV, loss_eV / product.value, "given as dE/dx")


@dataclass(frozen=True)
class ElectronPhononOptions:
    """The options that say whether the metal's electron-phonon resistance counts."""

    treatment: str | None
    coupling_W_m3K: str | None

    def build(self, metal: Material) -> ElectronPhonon | None:
        """Return the resistance as it counts; None where it does not.

        Raises
        ------
        InputError
            The treatment is not known, or the resistance counts but the metal's coupling is not known.
        """
        coupling = optional("--electron-phonon-w-m3k", self.coupling_W_m3K)
        treatment = self.treatment or ("bound" if coupling is None else "counted")
        if treatment not in ("bound", "counted", "none") or (treatment == "none" and coupling is not None):
            raise InputError(
                "What to do with the electron-phonon resistance is not clear",
                "Choose bound, counted or none for --electron-phonon; none without a coupling.",
                asdict(self),
            )
        if treatment == "counted":
            return electron_phonon.counted(metal, coupling)
        return electron_phonon.bound(metal, coupling) if treatment == "bound" else None


@dataclass(frozen=True)
class SupportOptions:
    """The options that say what the particle stands on."""

    material: str | None
    conductivity_W_mK: str | None
    across_W_mK: str | None
    thickness_nm: float | None
    hole_radius_nm: float | None

    def build(self) -> Support | None:
        """Return the support, or None where no option speaks of one.

        Raises
        ------
        InputError
            Its conductivity is missing.
        """
        if not any(value is not None for value in asdict(self).values()):
            return None
        bulk = find_material(self.material) if self.material else None
        along = optional("--support-conductivity-w-mk", self.conductivity_W_mK)
        across = optional("--support-conductivity-across-w-mk", self.across_W_mK)
        if along is None and (bulk is None or bulk.conductivity_W_mK is None):
            raise InputError(
                "The support's thermal conductivity is not known",
                "Give --support-conductivity-w-mk, or a material that is tabulated by --support.",
                {"support": self.material},
            )
        if along is None and bulk is not None:
            along = Measured(bulk.conductivity_W_mK or 0.0)
            if across is None and bulk.conductivity_across_W_mK is not None:
                across = Measured(bulk.conductivity_across_W_mK)
        assert along is not None
        return Support(along, across, self.thickness_nm, self.hole_radius_nm, bulk)


def document(flow: HeatFlow, loss: EnergyLoss, body: Body) -> dict[str, Any]:
    """Return every input as it was used, plain data."""
    particle = flow.particle
    found: dict[str, Any] = {
        "volume_nm3": particle.volume_nm3.to_dict(),
        "contact_area_nm2": particle.contact_area_nm2.to_dict(),
        "conductance_MW_m2K": flow.interface.conductance_MW_m2K.to_dict(),
        "dose_rate_e_A2_s": flow.beam.dose_rate_e_A2_s.to_dict(),
        "illuminated_fraction": particle.illuminated_fraction,
        "beam_energy_keV": flow.beam.energy_keV,
        "dE_dx_eV_nm": loss.dE_dx_eV_nm.to_dict(),
        "mean_free_path_nm": loss.mean_free_path_nm,
        "mean_energy_loss_eV": loss.mean_energy_loss_eV,
        "energy_loss_source": loss.source,
        "material": particle.material.name,
        "atoms": particle.atoms if body.shape is None else body.shape.atoms,
        "ambient_K": flow.ambient_K,
        "support": None if flow.support is None else asdict(flow.support),
    }
    if body.shape is not None:
        found["shape"] = asdict(body.shape) | {"column_volume_nm3": body.shape.column_volume_nm3}
    return found
