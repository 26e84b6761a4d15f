"""The options of `beamheat predict` that say what the particle stands on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from beamheat_fw.cli.measured_option import optional, quantity
from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.measured import Measured

if TYPE_CHECKING:
    from beamheat_fw.physics.rise.support_heating import Support


@dataclass(frozen=True)
class SupportOptions:
    """The options that say what the particle stands on."""

    support: Annotated[
        str | None, typer.Option(help="The support's material: TiO2, hBN, MgO, 'amorphous C' or an element.")
    ] = None
    support_conductivity_w_mk: Annotated[str | None, quantity("In the plane; else the material's.")] = None
    support_conductivity_across_w_mk: Annotated[str | None, quantity("Normal to it, where it differs.")] = (
        None
    )
    support_thickness_nm: Annotated[float | None, typer.Option(help="Without it, a half-space.")] = None
    hole_radius_nm: Annotated[float | None, typer.Option(help="Of the hole that a film spans.")] = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know about a conductivity that was taken from the table."""
        if self.support is None or self.support_conductivity_w_mk is not None:
            return ()
        layered = self.support.lower() in ("hbn", "bn") and self.support_conductivity_across_w_mk is None
        thin = "; across its layers a thin flake conducts up to forty times less" if layered else ""
        return (f"the support's conductivity is a tabulated one of the bulk and counts as exact{thin}",)

    def build(self) -> Support | None:
        """Return the support, or None where no option speaks of one.

        Raises
        ------
        InputError
            Its conductivity is missing.
        """
        from beamheat_fw.physics.rise.materials import material as find_material
        from beamheat_fw.physics.rise.support_heating import Support

        if not any(value is not None for value in asdict(self).values()):
            return None
        bulk = find_material(self.support) if self.support else None
        along = optional("--support-conductivity-w-mk", self.support_conductivity_w_mk)
        across = optional("--support-conductivity-across-w-mk", self.support_conductivity_across_w_mk)
        if along is None and (bulk is None or bulk.conductivity_W_mK is None):
            raise InputError(
                "The support's thermal conductivity is not known",
                "Give --support-conductivity-w-mk, or a material that is tabulated by --support.",
                {"support": self.support},
            )
        if along is None and bulk is not None:
            along = Measured(bulk.conductivity_W_mK or 0.0)
            if across is None and bulk.conductivity_across_W_mK is not None:
                across = Measured(bulk.conductivity_across_W_mK)
        assert along is not None
        return Support(along, across, self.support_thickness_nm, self.hole_radius_nm, bulk)
