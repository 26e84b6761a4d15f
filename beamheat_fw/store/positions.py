"""The values at every position of a spectrum map: an artifact, since a map of 512 x 512 fills a document."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from beamheat_fw.store.artifacts import read_artifact

if TYPE_CHECKING:
    from beamheat_fw.store.database import Store
    from beamheat_fw.store.documents import Spectrum

#: Longer series leave the document; a line scan stays in it.
MOST_VALUES: Final = 1024
_JOINT: Final = "."


def part_positions(windows: Mapping[str, Any]) -> tuple[dict[str, Any], bytes | None]:
    """Part an analysed spectrum into what stays in its document and the content of an artifact.

    Parameters
    ----------
    windows : mapping
        ``EelsResult.to_dict()``: numbers, and nested lists of the shape of the scan, None for no result.

    Returns
    -------
    small : dict
        Without the series of more than `MOST_VALUES` values.
    content : bytes or None
        An ``.npz`` of one array a series, named by its dotted path, NaN for no result; None where there is no
        long series.
    """
    long = {path: values for path, values in _series(windows) if values.size > MOST_VALUES}
    if not long:
        return dict(windows), None
    return _without(windows, long), _packed(long)


def read_positions(store: Store, spectrum: Spectrum) -> dict[str, np.ndarray]:
    """Return the values at every position of a spectrum, wherever they are kept.

    Returns
    -------
    dict of str to ndarray
        By dotted path, such as ``mean_energy_loss_eV.positions``; the shape of the scan, NaN for no result.
    """
    found = dict(_series(spectrum.windows))
    if spectrum.positions_sha256 is not None:
        with np.load(io.BytesIO(read_artifact(store, spectrum.positions_sha256))) as arrays:
            found |= {path: arrays[path] for path in arrays.files}
    return found


def _packed(series: Mapping[str, np.ndarray]) -> bytes:
    # np.savez dates its entries, and equal series would have different hashes.
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, values in series.items():
            array = io.BytesIO()
            np.save(array, values)
            archive.writestr(zipfile.ZipInfo(f"{path}.npy"), array.getvalue(), zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _series(windows: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, np.ndarray]]:
    for name, value in windows.items():
        if isinstance(value, Mapping):
            yield from _series(value, f"{above}{name}{_JOINT}")
        elif isinstance(value, (list, tuple)) and not _is_text(value):
            yield f"{above}{name}", np.asarray(value, dtype=float)


def _is_text(value: Any) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (str, list, tuple))


def _without(windows: Mapping[str, Any], long: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    return {
        name: _without(value, long, f"{above}{name}{_JOINT}") if isinstance(value, Mapping) else value
        for name, value in windows.items()
        if f"{above}{name}" not in long
    }
