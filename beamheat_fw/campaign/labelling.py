"""Labelling: what a label's energy means, and how structures are labelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from beamheat_fw.campaign.stage import Count, Fraction, Positive, Stage

#: Functionals of the vdW-DF family that GPAW's own implementation converges with orbitals and with plane
#: waves, and whose forces add up. With plane waves optB88-vdW runs away, and the forces of vdW-DF2 do not add
#: up (docs/measurements.md).
VDW_FUNCTIONALS = ("vdW-DF", "optPBE-vdW", "C09-vdW", "BEEF-vdW")


class GpawSettings(Stage):
    """What a GPAW label's energy means; its hash is part of the label's identity.

    Attributes
    ----------
    mode : {'lcao', 'pw'}
        The basis: numerical atomic orbitals or plane waves.
    basis : str
        The LCAO basis set, such as ``dzp`` or ``sz(dzp)``.
    cutoff_eV : float
        The plane-wave cutoff; used in ``pw`` mode only.
    h_A : float
        The grid spacing; used in ``lcao`` mode only. No direction of any cell has a coarser one.
    potential : {'grid', 'fourier'}
        Where ``lcao`` mode makes density and potential: on the grid, or by plane waves of the same spacing,
        which costs half as much again and frees forces of most of the grid's noise (see measurements.md).
    xc : str
        The exchange-correlation functional.
    dispersion : {'d3bj', 'd3zero', 'vdw-df', 'none'}
        Grimme's D3 correction, with Becke-Johnson or zero damping, added to `xc`; or that of a functional
        which has it in itself, such as ``vdW-DF`` (`VDW_FUNCTIONALS`).
    kpts : tuple of 3 int
        The Monkhorst-Pack grid, Gamma-centred.
    smearing_eV : float
        The width of the Fermi-Dirac occupation.
    energy_convergence_eV : float
        SCF convergence of the energy, per valence electron.
    density_convergence : float
        SCF convergence of the density, in electrons per valence electron.
    maxiter : int
        The SCF iterations allowed before the label counts as unconverged.
    """

    calculator: Literal["gpaw"] = "gpaw"
    mode: Literal["lcao", "pw"] = "lcao"
    basis: str = "dzp"
    cutoff_eV: Positive = 400.0
    h_A: Positive = 0.2
    potential: Literal["grid", "fourier"] = "grid"
    xc: str = "PBE"
    dispersion: Literal["d3bj", "d3zero", "vdw-df", "none"] = "d3bj"
    kpts: tuple[Count, Count, Count] = (1, 1, 1)
    smearing_eV: Positive = 0.1
    energy_convergence_eV: Positive = 5e-4
    density_convergence: Positive = 1e-4
    maxiter: Count = 200

    @property
    def adds_d3(self) -> bool:
        """Whether Grimme's correction is added to what GPAW finds."""
        return self.dispersion in ("d3bj", "d3zero")

    @model_validator(mode="after")
    def _dispersion_once(self) -> GpawSettings:
        own = "vdw" in self.xc.lower()
        if own != (self.dispersion == "vdw-df"):
            fix = "set dispersion: vdw-df" if own else "set dispersion: d3bj, or an xc that has it"
            raise ValueError(f"xc {self.xc} has {'' if own else 'no '}dispersion of its own: {fix}")
        if own and self.xc not in VDW_FUNCTIONALS:
            raise ValueError(f"no label can be made with {self.xc} here; use {', '.join(VDW_FUNCTIONALS)}")
        return self


class EmtSettings(Stage):
    """ASE's effective medium theory: a reference for development and tests, not for results."""

    calculator: Literal["emt"] = "emt"


class SevennSettings(Stage):
    """SevenNet, a foundation model whose weights its package ships: a cheap teacher to pre-train on.

    Attributes
    ----------
    model : {'7net-0', '7net-l3i5'}
        Both were trained on PBE calculations of bulk crystals (MPtrj).
    dispersion : {'d3bj', 'd3zero', 'none'}
        Grimme's D3 correction for PBE, added to the model's energy.
    """

    calculator: Literal["sevenn"] = "sevenn"
    model: Literal["7net-0", "7net-l3i5"] = "7net-0"
    dispersion: Literal["d3bj", "d3zero", "none"] = "d3bj"

    @property
    def xc(self) -> str:
        """The functional that the model was trained on."""
        return "PBE"


ReferenceSettings = Annotated[GpawSettings | EmtSettings | SevennSettings, Field(discriminator="calculator")]


#: Settings by name. A name stands for its settings and nothing else: the label's identity holds these.
PRESETS: Mapping[str, GpawSettings] = {
    "smoke-lcao": GpawSettings(
        basis="sz(dzp)", h_A=0.22, dispersion="none", energy_convergence_eV=1e-3, density_convergence=1e-3
    ),
    "standard-lcao": GpawSettings(basis="dzp", h_A=0.2, potential="fourier"),
    "tight-lcao": GpawSettings(
        basis="dzp", h_A=0.16, potential="fourier", energy_convergence_eV=1e-5, density_convergence=1e-5
    ),
    "smoke-pw": GpawSettings(
        mode="pw", cutoff_eV=250, dispersion="none", energy_convergence_eV=1e-3, density_convergence=1e-3
    ),
    "standard-pw": GpawSettings(mode="pw", cutoff_eV=500),
    "tight-pw": GpawSettings(mode="pw", cutoff_eV=700, energy_convergence_eV=1e-5, density_convergence=1e-5),
}


class LabellingStage(Stage):
    """How structures are labelled.

    Attributes
    ----------
    reference : GpawSettings, EmtSettings or SevennSettings
        What the labels mean: settings, or the name of a preset such as ``standard-pw``.
    ranks : int
        MPI ranks of one calculation.
    chunk_size : int
        Most labels in one firework: one process works them off, so that start-up is paid once.
    chunk_wall_s : float
        The time one firework of labels should take, by the estimate of `physics.label_cost`.
    max_failed_fraction : float
        The share of failed labels of a round above which the campaign stops.
    max_force_eV_A : float
        A label with a larger force on any atom is refused as unphysical.
    max_energy_deviation_eV_atom : float
        A label whose energy is farther from what the level's other labels give its composition is refused.
    """

    reference: ReferenceSettings
    ranks: Count = 2
    chunk_size: Count = 16
    chunk_wall_s: Positive = 3600.0
    max_failed_fraction: Fraction = 0.2
    max_force_eV_A: Positive = 100.0
    max_energy_deviation_eV_atom: Positive = 5.0

    @field_validator("reference", mode="before")
    @classmethod
    def _named(cls, reference: Any) -> Any:
        if not isinstance(reference, str):
            return reference
        if reference not in PRESETS:
            raise ValueError(f"no preset has this name; there are {', '.join(PRESETS)}")
        return PRESETS[reference]
