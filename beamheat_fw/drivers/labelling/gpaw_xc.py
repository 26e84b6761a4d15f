"""GPAW's exchange-correlation correction inside the atoms, all directions at once.

Inside each augmentation sphere GPAW evaluates a GGA along 50 directions, one after another in Python, twice
an atom and SCF iteration: half the time of a small LCAO label. The same formulas with one matrix
product for all directions give the same numbers to rounding in less than half the time.
"""

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np
from gpaw.dft import XC
from gpaw.sphere.lebedev import Y_nL, weight_n
from gpaw.xc.gga import GGA
from gpaw.xc.lda import calculate_paw_correction
from gpaw.xc.pawcorrection import rnablaY_nLv
from gpaw.xc.vdw import FFTVDWFunctional

#: By functional: what it would make anew for every structure, in two to three seconds of each rank.
_VDW_KERNELS: dict[str, Any] = {}


class WholeSphereXC(XC):
    """GPAW's `xc` parameter, with `WholeSphereGGA` where the functional is a plain GGA."""

    def functional(self, *, collinear: bool, atoms: Any = None) -> Any:
        """Return the functional; anything but a plain GGA is GPAW's own, and a vdW-DF keeps its kernel."""
        found = super().functional(collinear=collinear, atoms=atoms)
        if isinstance(found, FFTVDWFunctional):
            _keep_kernel(found)
        return WholeSphereGGA(found.kernel, found.stencil_range) if type(found) is GGA else found


def _keep_kernel(functional: Any) -> None:
    """Let a vdW-DF take the Fourier-transformed kernel of the one before; it depends on no structure."""
    construct = functional.construct_fourier_transformed_kernels

    def construct_once() -> None:
        if functional.name not in _VDW_KERNELS:
            construct()
            _VDW_KERNELS[functional.name] = functional.phi_aajp
        functional.phi_aajp = _VDW_KERNELS[functional.name]

    functional.construct_fourier_transformed_kernels = construct_once


class WholeSphereGGA(GGA):
    """GPAW's GGA for densities without spin; with spin it is GPAW's own."""

    def calculate_paw_correction(  # type: ignore[override]  # GPAW's GGA and its base disagree
        self, setup: Any, D_sp: Any, dEdD_sp: Any = None, addcoredensity: bool = True, a: int | None = None
    ) -> float:
        """Return the energy correction of an atom (Hartree) and add its derivative to `dEdD_sp`."""
        if len(D_sp) > 1:
            return super().calculate_paw_correction(setup, D_sp, dEdD_sp, addcoredensity, a)
        return calculate_paw_correction(self._expand, setup, D_sp, dEdD_sp, addcoredensity, a)

    def _expand(
        self, grid: Any, D_sLq: np.ndarray, n_qg: np.ndarray, core_sg: np.ndarray | float
    ) -> tuple[float, np.ndarray]:
        """Return the energy of one sphere and its derivative by `D_sLq`, shape (1, nq, nL).

        Indices as in `gpaw.xc.gga.GGARadialExpansion`, which this replaces: n directions, L spherical
        harmonics, g radial points, q pairs of partial waves, v Cartesian components.
        """
        n_Lg = D_sLq[0] @ n_qg
        n_Lg[:1] += core_sg
        count = len(n_Lg)
        harmonics_nL, gradients_vnL = Y_nL[:, :count], rnablaY_nLv[:, :count].transpose(2, 0, 1)
        radial_ng = harmonics_nL @ _derivative(n_Lg, grid.dr_g)
        angular_vng = gradients_vnL @ n_Lg
        sigma_ng = (angular_vng**2).sum(axis=0)
        sigma_ng[:, 1:] /= grid.r_g[1:] ** 2
        sigma_ng[:, 0] = sigma_ng[:, 1]
        sigma_ng += radial_ng**2
        energy_ng, potential_ng, dedsigma_ng = self._evaluate(harmonics_nL @ n_Lg, sigma_ng)

        by_density_ng = grid.dv_g * potential_ng
        by_density_ng += _volume_part(
            _transposed_derivative(-2 * grid.dv_g * dedsigma_ng * radial_ng, grid.dr_g), grid.dv_g
        )
        weighted_Ln = (weight_n[:, np.newaxis] * harmonics_nL).T
        derivative_Lg = weighted_Ln @ by_density_ng
        flow_vng = (8 * pi * weight_n[:, np.newaxis] * grid.dr_g * dedsigma_ng) * angular_vng
        derivative_Lg += np.tensordot(gradients_vnL, flow_vng, axes=((0, 1), (0, 1)))
        energy = float(weight_n @ grid.integrate(energy_ng))
        return energy, (n_qg @ derivative_Lg.T)[np.newaxis]

    def _evaluate(self, n_ng: np.ndarray, sigma_ng: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        shape = n_ng.shape
        energy, potential, dedsigma = np.empty(n_ng.size), np.zeros((1, n_ng.size)), np.zeros((1, n_ng.size))
        self.kernel.calculate(energy, n_ng.reshape(1, -1), potential, sigma_ng.reshape(1, -1), dedsigma)
        return energy.reshape(shape), potential.reshape(shape), dedsigma.reshape(shape)


def _derivative(f_xg: np.ndarray, dr_g: np.ndarray) -> np.ndarray:
    """Return GPAW's finite-difference derivative of radial functions."""
    result = np.empty_like(f_xg)
    result[:, 1:-1] = 0.5 * (f_xg[:, 2:] - f_xg[:, :-2])
    result[:, 0] = f_xg[:, 1] - f_xg[:, 0]
    result[:, -1] = f_xg[:, -1] - f_xg[:, -2]
    return result / dr_g


def _transposed_derivative(f_xg: np.ndarray, dr_g: np.ndarray) -> np.ndarray:
    """Return GPAW's second form of the derivative, minus the transpose of the first."""
    c = f_xg / dr_g
    result = np.empty_like(c)
    result[:, 1:-1] = 0.5 * (c[:, 2:] - c[:, :-2])
    result[:, 0] = 0.5 * c[:, 1] + c[:, 0]
    result[:, 1] = 0.5 * c[:, 2] - c[:, 0]
    result[:, -2] = c[:, -1] - 0.5 * c[:, -3]
    result[:, -1] = -c[:, -1] - 0.5 * c[:, -2]
    return result


def _volume_part(f_ng: np.ndarray, dv_g: np.ndarray) -> np.ndarray:
    """Return a potential times volume; its value at the nucleus, where volume is zero, is the next one's."""
    f_ng[:, 0] = f_ng[:, 1] / dv_g[1] * dv_g[0]
    return f_ng
