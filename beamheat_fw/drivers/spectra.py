"""Reads low-loss spectra from any file that HyperSpy reads."""

from __future__ import annotations

import logging
import re
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from beamheat_fw.errors import InputError
from beamheat_fw.physics.eels.spectra import LowLossSpectra

#: What HyperSpy's and RosettaSciIO's readers raise on files they do not know or that are cut short.
_UNREADABLE = (
    *(OSError, ValueError, LookupError, EOFError, TypeError, AttributeError, AssertionError, RuntimeError),
    *(NotImplementedError, ArithmeticError, SyntaxError, MemoryError, struct.error, zipfile.BadZipFile),
)
#: "eV", or a label that ends in it in brackets, as ISO 22029 writes an axis: "Energy Loss (eV)".
_IN_EV = re.compile(r"(.*\()?\s*(ev|electron ?volts?)\s*\)?", re.IGNORECASE)
_UNITS_IN_NM = {
    "nm": 1.0,
    "um": 1e3,
    "µm": 1e3,
    "μm": 1e3,
    "Å": 0.1,
    "A": 0.1,
    "angstrom": 0.1,
    "pm": 1e-3,
    "m": 1e9,
}


def read_low_loss(path: Path, lazy: bool = False, signal_index: int | None = None) -> LowLossSpectra:
    """Read a low-loss spectrum, line scan or map.

    Parameters
    ----------
    path : Path
        .dm3, .dm4, .ser, .emi, .msa, .hspy, .zspy and whatever else HyperSpy reads.
    lazy : bool
        Leave the counts in the file until they are used: for maps larger than memory.
    signal_index : int, optional
        Which of a file's signals; by default the only one with a one-dimensional signal that begins below 0
        eV.

    Returns
    -------
    LowLossSpectra
        Its counts are a NumPy array, or a Dask array if `lazy`.

    Raises
    ------
    InputError
        The file is missing, cut short or of an unknown format, holds no spectrum, or its energy axis is not
        in eV.
    """
    if not path.exists():
        raise InputError("The spectrum's file does not exist", "Give its path.", {"file": str(path)})
    signal = _choose(_load(path, lazy), path, signal_index)
    axis = signal.axes_manager.signal_axes[0]
    _require_eV(axis, path)
    _require_whole(signal, axis.size, path)
    dtype = signal.data.dtype
    if dtype.kind not in "iuf":
        raise InputError(
            "The counts are not real numbers",
            "Give a measured spectrum.",
            {"file": str(path), "type": str(dtype)},
        )
    navigation = tuple(signal.axes_manager._navigation_shape_in_array)
    try:
        counts = signal.data.reshape((max(int(np.prod(navigation)), 1), axis.size))
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None
    return LowLossSpectra(
        np.asarray(axis.axis, dtype=float),
        counts,
        navigation,
        _first(_steps_nm(signal)),
        _number(signal.metadata.get_item("Acquisition_instrument.TEM.beam_energy")),
        float(np.iinfo(dtype).max) if dtype.kind in "iu" else None,
        _pixel_area_nm2(_steps_nm(signal)),
        _electrons_per_count(signal.metadata),
    )


def _load(path: Path, lazy: bool) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)  # HyperSpy's remarks on optional packages and broken files
        try:
            import exspy  # noqa: F401  registers the EELS signals
            import hyperspy.api as hs
        except ImportError:
            raise InputError(
                "HyperSpy and eXSpy are not installed", "Install them: pip install 'beamheat_fw[eels]'."
            ) from None
        try:
            loaded = hs.load(str(path), lazy=lazy, escape_square_brackets=True, show_progressbar=False)
        except ImportError as error:
            raise InputError(
                "HyperSpy's reader of this format needs a package that is not installed",
                f"Install it: pip install {error.name or 'rosettasciio[all]'}.",
                {"file": str(path), "reason": " ".join(str(error).split())[:200]},
            ) from None
        except _UNREADABLE as error:
            raise _unreadable(path, error) from None
        finally:
            logging.disable(logging.NOTSET)
    return loaded if isinstance(loaded, list) else [loaded]


def _unreadable(path: Path, error: BaseException) -> InputError:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return InputError(
        "HyperSpy cannot read the spectrum's file",
        "Check that the file is whole and of a format that HyperSpy reads.",
        {"file": str(path), "reason": reason},
    )


def _choose(signals: list[Any], path: Path, signal_index: int | None) -> Any:
    titles = [
        f"{index}: {signal.metadata.General.title or 'untitled'}" for index, signal in enumerate(signals)
    ]
    if signal_index is not None:
        if not 0 <= signal_index < len(signals):
            raise InputError(
                "The file has no signal of that number", "Choose one.", {"file": str(path), "signals": titles}
            )
        signals = [signals[signal_index]]
    spectra = [signal for signal in signals if signal.axes_manager.signal_dimension == 1]
    if not spectra:
        raise InputError(
            "The file holds no one-dimensional signal",
            "Give a spectrum, line scan or map whose signal axis is the energy (in HyperSpy: s.as_signal1D, "
            "s.transpose).",
            {"file": str(path), "signals": titles},
        )
    low_loss = [signal for signal in spectra if signal.axes_manager.signal_axes[0].axis[0] <= 0.0]
    found = low_loss if len(spectra) > 1 and low_loss else spectra
    if len(found) > 1:
        raise InputError(
            "The file holds several spectra",
            "Choose one by --signal-index.",
            {"file": str(path), "signals": titles},
        )
    return found[0]


def _require_eV(axis: Any, path: Path) -> None:
    units = str(axis.units) if axis.units else "none"
    if _IN_EV.fullmatch(units.strip()):
        return
    raise InputError(
        "The energy axis is not calibrated in eV",
        "Set its scale, offset and units in eV (in HyperSpy: "
        "s.axes_manager[-1].convert_to_units('eV'), or .scale, "
        ".offset and .units = 'eV').",
        {"file": str(path), "units": "none" if "undefined" in units else units},
    )


def _require_whole(signal: Any, channels: int, path: Path) -> None:
    """Refuse a .msa file that ends early: its reader takes the channels that are left."""
    promised = signal.original_metadata.get_item("NPOINTS", default=0)
    if float(promised) > channels:
        raise InputError(
            "The spectrum's file is cut off",
            "Copy it again from where it was recorded.",
            {"file": str(path), "channels": channels, "promised": float(promised)},
        )


def _steps_nm(signal: Any) -> list[float | None]:
    """Return the step of each navigation axis; None where its units are no length."""
    steps: list[float | None] = []
    for axis in signal.axes_manager.navigation_axes:
        factor, scale = _UNITS_IN_NM.get(str(axis.units).strip()), getattr(axis, "scale", None)
        steps.append(None if factor is None or not scale else abs(float(scale)) * factor)
    return steps


def _first(steps_nm: list[float | None]) -> float | None:
    return steps_nm[0] if steps_nm else None


def _pixel_area_nm2(steps_nm: list[float | None]) -> float | None:
    known = [step for step in steps_nm if step is not None]
    return known[0] * known[1] if len(steps_nm) == len(known) == 2 else None


def _electrons_per_count(metadata: Any) -> float | None:
    """Return the file's intensity scale where it counts electrons, as DigitalMicrograph's does.

    RosettaSciIO keeps it as the gain of a noise model, which it is not: it is electrons a count, the gain's
    inverse.
    """
    counts_electrons = str(metadata.get_item("Signal.quantity")).startswith("Electrons")
    scale = metadata.get_item("Signal.Noise_properties.Variance_linear_model.gain_factor")
    return _number(scale) if counts_electrons else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float, np.integer)) and value > 0 else None
