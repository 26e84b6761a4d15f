"""The options of `beamheat predict` that say what an electron loses in the particle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from beamheat_fw.cli.measured_option import optional, quantity
from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.measured import Measured

if TYPE_CHECKING:
    from beamheat_fw.physics.rise.energy_loss import EnergyLoss
    from beamheat_fw.physics.rise.materials import Material


@dataclass(frozen=True)
class LossOptions:
    """The options that say what an electron loses."""

    mean_free_path_nm: Annotated[
        str | None, quantity("Inelastic mean free path; else the table for gold.")
    ] = None
    mean_energy_loss_ev: Annotated[str | None, quantity("Mean energy loss; else the table for gold.")] = None
    loss_correlation: Annotated[
        float | None, typer.Option(help="Between the errors of these two, -1 to 1.", show_default=False)
    ] = None
    de_dx_ev_nm: Annotated[str | None, quantity("Their quotient, if measured as one.")] = None

    def build(self, beam_energy_keV: Measured, material: Material) -> EnergyLoss:
        """Return the energy loss, from the table for gold where it is not given.

        Raises
        ------
        InputError
            The particle is not gold, and something is missing; or the energy is outside the table.
        """
        from beamheat_fw.physics.rise import energy_loss

        loss = self._at(beam_energy_keV.value, material)
        # A loss that was measured was measured at the beam's energy, whatever that is.
        from_table = loss.source == energy_loss.PAPER and beam_energy_keV.error > 0.0
        return loss.with_energy_error(material, beam_energy_keV) if from_table else loss

    def _at(self, beam_energy_keV: float, material: Material) -> EnergyLoss:
        from beamheat_fw.physics.rise import energy_loss

        length = optional("--mean-free-path-nm", self.mean_free_path_nm)
        mean = optional("--mean-energy-loss-ev", self.mean_energy_loss_ev)
        product = optional("--de-dx-ev-nm", self.de_dx_ev_nm)
        if product is not None:
            return self._from_product(product, length, mean)
        if length is not None and mean is not None:
            return energy_loss.from_pair(mean, length, self.loss_correlation)
        if material.name != "Au":
            raise InputError(
                "There is no measured energy loss for this material",
                "Give --mean-free-path-nm and --mean-energy-loss-ev, or --de-dx-ev-nm.",
                {"material": material.name},
            )
        table = energy_loss.from_paper(beam_energy_keV)
        return table if length is None and mean is None else self._completed(table, length, mean)

    @staticmethod
    def _completed(table: EnergyLoss, length: Measured | None, mean: Measured | None) -> EnergyLoss:
        from beamheat_fw.physics.rise import energy_loss

        pair = energy_loss.from_pair(
            mean or Measured(table.mean_energy_loss_eV), length or Measured(table.mean_free_path_nm)
        )
        notes = (*table.notes, "one of mean free path and mean loss is given, the other from the table")
        return replace(pair, source="given and " + table.source, notes=notes)

    @staticmethod
    def _from_product(product: Measured, length: Measured | None, mean: Measured | None) -> EnergyLoss:
        if length is not None and mean is not None:
            raise InputError(
                "The energy loss is given twice",
                "Give --de-dx-ev-nm, or --mean-free-path-nm with --mean-energy-loss-ev.",
            )
        from beamheat_fw.physics.rise.energy_loss import EnergyLoss
        from beamheat_fw.physics.rise.mean_free_path import PAPER_MEAN_ENERGY_LOSS_EV

        loss_eV = mean.value if mean else PAPER_MEAN_ENERGY_LOSS_EV
        if mean is None and length is not None:
            loss_eV = product.value * length.value
        return EnergyLoss(product, loss_eV, loss_eV / product.value, "given as dE/dx")
