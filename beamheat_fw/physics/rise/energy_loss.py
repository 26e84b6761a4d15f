"""How much energy an electron loses per length in the particle, and where that figure comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise import mean_free_path
from beamheat_fw.physics.rise.materials import Material
from beamheat_fw.physics.rise.measured import Measured, from_causes

#: The source of the published values.
PAPER = "Nanoscale 16, 5750 (2024)"
#: Relative uncertainty of scaling dE/dx between beam energies, per unit of ln(energy ratio). From 80 to 300
#: keV the paper's mean free paths in gold grow 2.8 times, Iakoubovskii's 2.0 and Bethe's stopping power falls
#: 1.9 times.
ENERGY_SCALING_ERROR = 0.2


@dataclass(frozen=True)
class EnergyLoss:
    """The energy an electron loses in the particle.

    Attributes
    ----------
    dE_dx_eV_nm : Measured
        The product <E>/lambda. It is one quantity: the errors of its factors are strongly correlated.
    mean_energy_loss_eV : float
        <E>, for the size of a single event.
    mean_free_path_nm : float
        lambda, for the number of events.
    source : str
        Where the figures come from.
    notes : tuple of str
        What a reader has to know about them.
    """

    dE_dx_eV_nm: Measured
    mean_energy_loss_eV: float
    mean_free_path_nm: float
    source: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        given = {
            "dE_dx_eV_nm": self.dE_dx_eV_nm.value,
            "mean_energy_loss_eV": self.mean_energy_loss_eV,
            "mean_free_path_nm": self.mean_free_path_nm,
        }
        if min(given.values()) <= 0.0 or not all(map(math.isfinite, given.values())):
            raise InputError(
                "An energy loss or a mean free path is not above zero", "Give finite, positive values.", given
            )

    def at_energy(self, material: Material, from_keV: float, to_keV: float) -> EnergyLoss:
        """Return the loss at another beam energy, the mean free path scaled by Iakoubovskii's formula.

        The uncertainty of the scaling enters the error as its own cause, ``energy_scaling``.

        Raises
        ------
        InputError
            An energy is outside the formula's 20 to 400 keV.
        """
        factor = float(mean_free_path.energy_scaling(material, from_keV, to_keV))
        scaled = self.dE_dx_eV_nm.scaled(factor)
        uncertain = scaled.value * ENERGY_SCALING_ERROR * abs(math.log(to_keV / from_keV))
        causes = dict(scaled.shares("energy_loss")) | {"energy_scaling": uncertain}
        return replace(
            self,
            dE_dx_eV_nm=from_causes(scaled.value, causes),
            mean_free_path_nm=self.mean_free_path_nm / factor,
            notes=(*self.notes, f"scaled from {from_keV:g} to {to_keV:g} keV by Iakoubovskii's formula"),
        )

    def with_energy_error(self, material: Material, beam_energy_keV: Measured) -> EnergyLoss:
        """Return the loss with the beam energy's error carried to it, as the cause ``beam_energy``.

        To first order, by Iakoubovskii's formula.
        """
        value, error = beam_energy_keV.value, beam_energy_keV.error
        step = 1e-3 * value
        slope = (float(mean_free_path.energy_scaling(material, value, value + step)) - 1.0) / step
        causes = dict(self.dE_dx_eV_nm.shares("energy_loss"))
        causes["beam_energy"] = abs(slope) * error * self.dE_dx_eV_nm.value
        return replace(self, dE_dx_eV_nm=from_causes(self.dE_dx_eV_nm.value, causes))


def from_paper(beam_energy_keV: float) -> EnergyLoss:
    """Return the paper's measured values in gold, interpolated between its energies (a note then says so).

    Raises
    ------
    InputError
        The energy is outside the 60 to 300 keV that were measured.
    """
    length = float(mean_free_path.paper_nm(beam_energy_keV))
    loss = mean_free_path.PAPER_MEAN_ENERGY_LOSS_EV
    notes: tuple[str, ...] = (
        "mean free path and mean loss are the published values for gold, without errors: the direct "
        "dE/dx measured "
        "beside them is 17 to 20 % less",
    )
    if not mean_free_path.is_tabulated(beam_energy_keV):
        notes += (f"the mean free path at {beam_energy_keV:g} keV is interpolated between measured energies",)
    return EnergyLoss(Measured(loss / length), loss, length, PAPER, notes)


def from_pair(
    mean_energy_loss_eV: Measured, mean_free_path_nm: Measured, correlation: float | None = None
) -> EnergyLoss:
    """Return the loss from <E> and lambda.

    Parameters
    ----------
    mean_energy_loss_eV, mean_free_path_nm : Measured
    correlation : float, optional
        Of their errors, from -1 to 1. A threshold that takes in more small losses shortens lambda and lowers
        <E> together: positive for values from one spectrum. Without it they count as independent, and a note
        says so.

    Raises
    ------
    InputError
        A value is not above zero, or the correlation is no correlation.
    """
    loss, length = mean_energy_loss_eV, mean_free_path_nm
    rho = correlation or 0.0
    if not -1.0 <= rho <= 1.0 or loss.value <= 0.0 or length.value <= 0.0:
        raise InputError(
            "The mean energy loss, the mean free path or their correlation is out of range",
            "Give a loss and a length above zero and a correlation from -1 to 1.",
            {"mean_energy_loss_eV": loss.value, "mean_free_path_nm": length.value, "correlation": rho},
        )
    of_loss, of_length = loss.error / loss.value, length.error / length.value
    relative = math.sqrt(max(of_loss**2 + of_length**2 - 2.0 * rho * of_loss * of_length, 0.0))
    product = loss.value / length.value
    notes: tuple[str, ...] = ()
    if correlation is None and of_loss > 0.0 and of_length > 0.0:
        notes = (
            "the errors of mean loss and mean free path count as independent: from one spectrum they "
            "are correlated, "
            "give their correlation or the product dE/dx",
        )
    return EnergyLoss(Measured(product, product * relative), loss.value, length.value, "given", notes)
