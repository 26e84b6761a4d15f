"""Mean free path and energy lost per length from a map that holds a whole particle of known volume."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.eels.thickness import PathLengths, Scan, require_particle
from beamheat_fw.physics.rise.measured import Measured

#: The method, as results name it.
VOLUME = "the particle's volume over the map"
#: A position at the map's edge that has more than this share of the largest t/lambda, and more than this many
#: of its errors, is not beside the particle.
_EDGE_SHARE, _EDGE_ERRORS = 0.1, 5.0


def of_map(
    losses: Scan,
    beside: NDArray[np.bool_],
    pixel_area_nm2: float | None,
    volume_nm3: float | None,
    thickest_nm: float,
) -> PathLengths:
    """Return mean free path and dE/dx from the sum over a map.

    Parameters
    ----------
    losses : Scan
        Every position of the map, in C order, the support subtracted.
    beside : bool array, shape of the map
        The positions that were subtracted as support: their sum is zero by construction.
    pixel_area_nm2, volume_nm3 : float or None
        Of one position, and of the particle.
    thickest_nm : float
        The particle's thickness at its middle, for the record.

    Raises
    ------
    InputError
        The pixel's area or the volume are not known, a position has no result, the particle (or a support
        that was not subtracted) reaches the map's edge, or no particle stands out.

    Notes
    -----
    The thickness summed over the map is the volume, wherever the particle lies and however it is turned about
    the beam: lambda = V / (pixel area * sum t/lambda), and dE/dx = pixel area * sum(energy lost) / V. Surface
    losses count as the bulk's.
    """
    if pixel_area_nm2 is None or volume_nm3 is None:
        raise InputError(
            "The map has no length scale, or the particle no volume",
            "Calibrate both navigation axes in nm (in HyperSpy: s.axes_manager[0].scale, .units), and give "
            "the particle's atoms.",
            {"pixel_area_nm2": pixel_area_nm2, "volume_nm3": volume_nm3},
        )
    _require_whole_particle(losses, beside.shape)
    on = ~beside.ravel()
    scale = pixel_area_nm2 / volume_nm3
    per_length, error = _summed(
        losses.t_over_lambda[on], losses.t_over_lambda_error[on], losses.threshold_error, losses.support_error
    )
    loss, loss_error = _summed(
        losses.energy_loss_eV[on], losses.energy_loss_error_eV[on], 0.0, losses.support_loss_error_eV
    )
    require_particle(per_length, error)
    require_particle(loss, loss_error)
    length = 1.0 / (scale * per_length)
    return PathLengths(
        Measured(length, length * error / per_length),
        Measured(scale * loss, scale * loss_error),
        thickest_nm,
        0.0,
        VOLUME,
        1.0,
    )


def _summed(values: NDArray[np.float64], counting: NDArray[np.float64], *alike: float) -> tuple[float, float]:
    """Return a sum and its error; `alike` are errors that all positions share."""
    shared = len(values) * np.linalg.norm(alike)
    return float(values.sum()), float(np.hypot(np.linalg.norm(counting), shared))


def _require_whole_particle(losses: Scan, shape: tuple[int, ...]) -> None:
    ratio, error = losses.t_over_lambda.reshape(shape), losses.t_over_lambda_error.reshape(shape)
    if not np.isfinite(ratio).all():
        raise InputError(
            "Positions without a zero-loss peak leave holes in the map",
            "Crop them from the map, or give a line scan.",
            {"positions": int(np.count_nonzero(~np.isfinite(ratio)))},
        )
    edge = np.ones(shape, dtype=bool)
    edge[1:-1, 1:-1] = False
    cut = edge & (ratio > _EDGE_ERRORS * error) & (ratio > _EDGE_SHARE * ratio.max())
    if cut.any():
        raise InputError(
            "The particle, or a support that was not subtracted, reaches the map's edge",
            "Give a map that holds the whole particle, and subtract the support by --support-positions or "
            "--detect-support.",
            {"positions": int(np.count_nonzero(cut)), "largest_t_over_lambda": float(ratio[edge].max())},
        )
