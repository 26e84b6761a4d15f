"""The options of `beamheat eels`: windows, support, thickness, and how the file is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from beamheat_fw.physics.eels.analysis import MeanLossMethod
    from beamheat_fw.physics.eels.moments import EnergyWindows
    from beamheat_fw.physics.eels.thickness import Thickness
    from beamheat_fw.physics.eels.zero_loss import ThresholdSearch

_WINDOW = {"metavar": "LOW HIGH", "show_default": False}


@dataclass(frozen=True)
class ThresholdOptions:
    """Where the zero-loss peak ends, or how that is found; names and defaults are HyperSpy's."""

    threshold: Annotated[
        float | None, typer.Option(help="End of the zero-loss peak, eV above its centre; found if not given.")
    ] = None
    start: Annotated[float, typer.Option(help="Where the threshold's search begins, eV.")] = 1.0
    window: Annotated[float, typer.Option(help="Width of the threshold's search, eV.")] = 10.0
    window_length: Annotated[int, typer.Option(help="Savitzky-Golay filter of that search, channels.")] = 5
    polynomial_order: Annotated[int, typer.Option(help="Savitzky-Golay filter of that search.")] = 3

    def search(self) -> ThresholdSearch:
        """Return how the threshold is looked for."""
        from beamheat_fw.physics.eels.zero_loss import ThresholdSearch

        return ThresholdSearch(self.start, self.window, self.window_length, self.polynomial_order)


@dataclass(frozen=True)
class WindowOptions:
    """Which part of the spectra counts, and how."""

    align_zero_loss_peak: Annotated[
        bool, typer.Option(help="Take energies relative to each zero-loss peak.")
    ] = True
    subpixel: Annotated[bool, typer.Option(help="Align to a fraction of a channel.")] = True
    signal_range: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--signal-range", "--window-ev", help="The part that makes up I_T and all moments, eV.", **_WINDOW
        ),
    ] = None
    mean_loss_method: Annotated[str, typer.Option(help="deconvolved or paper.")] = "deconvolved"
    mean_loss_window_ev: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Window of the mean loss, eV; from the threshold on, or 10.8 to 100 for paper.", **_WINDOW
        ),
    ] = None
    gain_factor: Annotated[float, typer.Option(help="Counts per electron, for the errors.")] = 1.0
    allow_negative: Annotated[
        bool, typer.Option("--allow-negative", help="Keep negative counts, a dark reference's noise.")
    ] = False

    @property
    def method(self) -> MeanLossMethod:
        """The method of the mean loss.

        Raises
        ------
        InputError
            It is not known.
        """
        if self.mean_loss_method == "deconvolved":
            return "deconvolved"
        if self.mean_loss_method == "paper":
            return "paper"
        raise InputError(
            "The method of the mean energy loss is not known",
            "Choose deconvolved or paper.",
            {"given": self.mean_loss_method},
        )

    def build(self, threshold: ThresholdOptions) -> EnergyWindows:
        """Return the windows."""
        from beamheat_fw.physics.eels.moments import EnergyWindows

        paper, given = self.method == "paper", self.mean_loss_window_ev
        return EnergyWindows(
            threshold_eV=threshold.threshold,
            signal_range_eV=self.signal_range,
            mean_loss_eV=None if paper else given,
            raw_mean_loss_eV=(given if paper else None) or EnergyWindows.raw_mean_loss_eV,
            search=threshold.search(),
            align=self.align_zero_loss_peak,
            subpixel=self.subpixel,
            gain_factor=self.gain_factor,
            allow_negative=self.allow_negative,
        )


@dataclass(frozen=True)
class BackgroundOptions:
    """Which positions show the support alone."""

    support_positions: Annotated[
        str | None,
        typer.Option(
            help="Positions that show the support alone, subtracted: 0-6,40-47.", show_default=False
        ),
    ] = None
    detect_support: Annotated[bool, typer.Option("--detect-support", help="Find them and subtract.")] = False


@dataclass(frozen=True)
class ThicknessOptions:
    """What is known of the thickness."""

    thickness_nm: Annotated[
        str | None, typer.Option(help="Of the film, or of the particle at its thickest: VALUE[+-ERROR].")
    ] = None
    half_width: Annotated[
        bool, typer.Option("--half-width", help="The thickness is half the apparent width along the scan.")
    ] = False
    particle: Annotated[
        Path | None, typer.Option(help="The particle's atoms: its projected thickness is fitted to the scan.")
    ] = None
    beam_axis: Annotated[str, typer.Option(help="Beam direction in that file: x, y, z or three numbers.")] = (
        "y"
    )
    scan_axis: Annotated[str, typer.Option(help="Scan direction in that file.")] = "x"

    def build(self) -> Thickness | None:
        """Return the thickness, or None where no option speaks of one."""
        from beamheat_fw.physics.eels.thickness import Thickness
        from beamheat_fw.physics.rise.measured import parse_measured

        if self.thickness_nm is None and not self.half_width and self.particle is None:
            return None
        profile = None
        if self.particle is not None:
            from beamheat_fw.cli.particle_file import parse_axis, read_particle
            from beamheat_fw.physics.rise.projected_thickness import profile_along

            axes = parse_axis(self.beam_axis), parse_axis(self.scan_axis)
            profile = profile_along(read_particle(self.particle), *axes)
        given = None if self.thickness_nm is None else parse_measured(self.thickness_nm)
        return Thickness(given, self.half_width, profile)


@dataclass(frozen=True)
class ReadingOptions:
    """How the file is read."""

    lazy: Annotated[bool, typer.Option("--lazy", help="Read in parts: for maps larger than memory.")] = False
    signal_index: Annotated[int | None, typer.Option(help="Which signal of a file that holds several.")] = (
        None
    )


def parse_positions(text: str | None) -> tuple[int, ...]:
    """Read positions written as ``0-3,18,20-22``.

    Raises
    ------
    InputError
        The text is not of that form.
    """
    positions: list[int] = []
    for part in (text or "").split(",") if text else []:
        first, _, last = part.strip().partition("-")
        if not (first.isdigit() and (last or first).isdigit() and int(first) <= int(last or first)):
            raise InputError(
                "The support positions cannot be read",
                "Write them as 0-3,18: numbers of positions, counted from 0.",
                {"given": text},
            )
        positions.extend(range(int(first), int(last or first) + 1))
    return tuple(positions)
