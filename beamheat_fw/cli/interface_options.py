"""The options of `beamheat predict` that say what the heat has to cross between particle and support."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from beamheat_fw.cli.measured_option import measured, optional, quantity
from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from beamheat_fw.physics.rise.electron_phonon import ElectronPhonon
    from beamheat_fw.physics.rise.heat_flow import Interface
    from beamheat_fw.physics.rise.materials import Material


@dataclass(frozen=True)
class InterfaceOptions:
    """The conductance, how it changes with temperature, and the electrons' resistance."""

    conductance_mw_m2k: Annotated[str, quantity("Interface conductance; also VALUE+UP-DOWN.")]
    conductance_slope_per_k: Annotated[
        float, typer.Option(help="Relative change of the conductance per kelvin.")
    ] = 0.0
    conductance_reference_k: Annotated[
        float, typer.Option(help="Interface temperature that it was found at.")
    ] = 300.0
    electron_phonon: Annotated[
        str | None,
        typer.Option(
            help="The metal's electron-phonon resistance: bound (only the upper end holds it; the default), "
            "counted (the default with a coupling) or none.",
            show_default=False,
        ),
    ] = None
    electron_phonon_w_m3k: Annotated[
        str | None, quantity("Electron-phonon coupling of the metal; else known for gold.")
    ] = None

    def build(self, metal: Material) -> Interface:
        """Return the interface to a metal.

        Raises
        ------
        InputError
            The conductance is not above zero, or the electron-phonon options are unclear.
        """
        from beamheat_fw.physics.rise.heat_flow import Interface

        return Interface(
            measured("--conductance-mw-m2k", self.conductance_mw_m2k),
            slope_per_K=self.conductance_slope_per_k,
            reference_K=self.conductance_reference_k,
            electron_phonon=self._electron_phonon(metal),
        )

    def _electron_phonon(self, metal: Material) -> ElectronPhonon | None:
        from beamheat_fw.physics.rise import electron_phonon

        coupling = optional("--electron-phonon-w-m3k", self.electron_phonon_w_m3k)
        treatment = self.electron_phonon or ("bound" if coupling is None else "counted")
        if treatment not in ("bound", "counted", "none") or (treatment == "none" and coupling is not None):
            raise InputError(
                "What to do with the electron-phonon resistance is not clear",
                "Choose bound, counted or none for --electron-phonon; none without a coupling.",
                asdict(self),
            )
        if treatment == "counted":
            return electron_phonon.counted(metal, coupling)
        return electron_phonon.bound(metal, coupling) if treatment == "bound" else None
