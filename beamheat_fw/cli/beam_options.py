"""Turns the options of `beamheat predict` into the beam, and when it is on the particle."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from beamheat_fw.cli.measured_option import measured, optional, quantity
from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.measured import Measured

if TYPE_CHECKING:
    from beamheat_fw.physics.rise.beam import Beam, Profile
    from beamheat_fw.physics.rise.scanning import Visits


@dataclass(frozen=True)
class BeamOptions:
    """The options that say how the beam is."""

    beam_energy_kev: Annotated[str, quantity("Beam energy.")]
    dose_rate: Annotated[str | None, quantity("Electrons per square angstrom and second.")] = None
    current_na: Annotated[str | None, quantity("Beam current, with a beam diameter or a scan area.")] = None
    beam_diameter_nm: Annotated[str | None, quantity("Of a uniform disc; 1/e diameter of a Gaussian.")] = None
    beam_profile: Annotated[str, typer.Option(help="uniform or gaussian.")] = "uniform"
    beam_position_nm: Annotated[
        tuple[float, float], typer.Option(help="The beam's centre relative to the particle's.", metavar="X Y")
    ] = (0.0, 0.0)
    scan_area_nm2: Annotated[float | None, typer.Option(help="Area over which a probe is scanned.")] = None

    @property
    def energy_keV(self) -> Measured:
        """The beam energy with its error."""
        return measured("--beam-energy-kev", self.beam_energy_kev)

    def build(self) -> Beam:
        """Return the beam.

        Raises
        ------
        InputError
            The dose rate is missing or given twice, or the beam has no extent.
        """
        from beamheat_fw.physics.rise.beam import Beam

        if self.beam_profile not in ("uniform", "gaussian"):
            raise InputError(
                "The beam's profile is not known", "Choose uniform or gaussian.", {"given": self.beam_profile}
            )
        if self.scan_area_nm2 is not None and not 0.0 < self.scan_area_nm2 < math.inf:
            raise InputError(
                "The scan has no area", "Give an area above zero.", {"--scan-area-nm2": self.scan_area_nm2}
            )
        profile: Profile = "gaussian" if self.beam_profile == "gaussian" else "uniform"
        dose_rate = self._dose_rate(profile)
        if self.scan_area_nm2 is None:
            diameter = optional("--beam-diameter-nm", self.beam_diameter_nm)
            width_nm = None if diameter is None else diameter.value
            return Beam(self.energy_keV.value, dose_rate, width_nm, profile, self.beam_position_nm)
        # Over many frames a scanned probe illuminates the scanned area, here a disc, whatever its own size.
        diameter_nm = 2.0 * math.sqrt(self.scan_area_nm2 / math.pi)
        return Beam(self.energy_keV.value, dose_rate, diameter_nm, "uniform", self.beam_position_nm)

    def _dose_rate(self, profile: Profile) -> Measured:
        from beamheat_fw.physics.rise.beam import dose_rate_e_A2_s, scanned_dose_rate_e_A2_s

        if (self.dose_rate is None) == (self.current_na is None):
            raise InputError(
                "The dose rate is missing or given twice",
                "Give --dose-rate, or --current-na with --beam-diameter-nm or --scan-area-nm2.",
            )
        if self.dose_rate is not None:
            return measured("--dose-rate", self.dose_rate)
        current = measured("--current-na", self.current_na or "")
        if self.scan_area_nm2 is not None:
            if current.value <= 0.0:
                raise InputError("The scan has no current", "Give a current above zero.")
            return scanned_dose_rate_e_A2_s(current, self.scan_area_nm2)
        diameter = optional("--beam-diameter-nm", self.beam_diameter_nm)
        if diameter is None:
            raise InputError(
                "A current alone is no dose rate", "Give --beam-diameter-nm or --scan-area-nm2 with it."
            )
        return dose_rate_e_A2_s(current, diameter, profile)


@dataclass(frozen=True)
class VisitOptions:
    """The options that say when the beam is on the particle."""

    dwell_time_us: Annotated[
        float | None, typer.Option(help="How long the beam stays on the particle each time.")
    ] = None
    frame_time_us: Annotated[
        float | None, typer.Option(help="How long until it comes back; a scan's frame time.")
    ] = None
    duty_cycle: Annotated[float | None, typer.Option(help="Instead of one of these two: their ratio.")] = None

    def build(self, scanned_share: float | None) -> Visits | None:
        """Return the beam's visits, or None where no option speaks of them.

        Parameters
        ----------
        scanned_share : float or None
            The share of the time that a scanned probe is on the particle; None for a beam that is not
            scanned.

        Raises
        ------
        InputError
            The options say too little or too much, or the dwell is longer than the frame.
        """
        from beamheat_fw.physics.rise.scanning import Visits

        dwell, frame, duty = self.dwell_time_us, self.frame_time_us, self.duty_cycle
        given = [value for value in (dwell, frame, duty) if value is not None]
        if not given:
            return None
        if scanned_share is not None:
            if frame is None or len(given) > 1:
                raise InputError(
                    "How long a scanned beam is on the particle follows from the areas",
                    "Give --frame-time-us alone with --scan-area-nm2.",
                    asdict(self),
                )
            return Visits(scanned_share * frame, frame)
        if len(given) != 2 or min(given) <= 0.0 or (duty is not None and duty > 1.0):
            raise InputError(
                "When the beam is on the particle is not clear",
                "Give two of --dwell-time-us, --frame-time-us and --duty-cycle, above zero, the duty cycle "
                "at most 1.",
                asdict(self),
            )
        if dwell is None:
            dwell = (frame or 0.0) * (duty or 0.0)
        return Visits(dwell, dwell / duty if frame is None and duty else frame or 0.0)
