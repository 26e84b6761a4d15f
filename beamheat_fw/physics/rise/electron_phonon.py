"""The resistance between a metal's electrons, which take the beam's energy, and its lattice."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.materials import Material
from beamheat_fw.physics.rise.measured import Measured

#: Gold's coupling: 2 to 4 x 10^16 W m^-3 K^-1 are published.
GOLD_COUPLING_W_M3K = Measured(2.5e16, 1e16)
#: Of gold's lattice alone.
GOLD_PHONON_CONDUCTIVITY_W_MK = 2.5
#: None of the resistance as the value, all of it as the upper end: where the literature is divided.
_UNDECIDED = Measured(0.0, 0.5, 0.0, 1.0, (("electron_phonon", 0.5),))


@dataclass(frozen=True)
class ElectronPhonon:
    """How much of the electron-phonon resistance stands in the heat's way.

    Attributes
    ----------
    coupling_W_m3K : Measured
        g of the metal.
    share : Measured
        The part of the resistance that counts: 1 for all of it. Whether metals on insulators show it is
        disputed, since electrons may also pass heat to the support themselves.
    phonon_conductivity_W_mK : float
        k_p, of the metal's lattice alone.
    """

    coupling_W_m3K: Measured
    share: Measured = field(default_factory=lambda: Measured(1.0))
    phonon_conductivity_W_mK: float = GOLD_PHONON_CONDUCTIVITY_W_MK

    def __post_init__(self) -> None:
        if self.coupling_W_m3K.value <= 0.0 or not self.phonon_conductivity_W_mK > 0.0:
            raise InputError(
                "The electron-phonon coupling or the lattice's conductivity is not above zero",
                "Give both above zero, or leave the resistance out.",
                {"coupling_W_m3K": self.coupling_W_m3K.value},
            )


def counted(metal: Material, coupling_W_m3K: Measured | None = None) -> ElectronPhonon:
    """Return the resistance as a part of the rise.

    Raises
    ------
    InputError
        The coupling is neither given nor known: only gold's is.
    """
    coupling = coupling_W_m3K or known_coupling_W_m3K(metal)
    if coupling is None:
        raise InputError(
            "The metal's electron-phonon coupling is not known",
            "Give it by --electron-phonon-w-m3k, or choose --electron-phonon none.",
            {"metal": metal.name},
        )
    return ElectronPhonon(coupling)


def bound(metal: Material, coupling_W_m3K: Measured | None = None) -> ElectronPhonon | None:
    """Return the resistance as an error towards higher rises; None where the coupling is not known."""
    coupling = coupling_W_m3K or known_coupling_W_m3K(metal)
    return None if coupling is None else ElectronPhonon(coupling, _UNDECIDED)


def known_coupling_W_m3K(metal: Material) -> Measured | None:
    """Return the published coupling of gold, None for other metals."""
    return GOLD_COUPLING_W_M3K if metal.name == "Au" else None


def electron_phonon_K_per_nW(
    coupling_W_m3K: ArrayLike,
    phonon_conductivity_W_mK: ArrayLike,
    height_nm: ArrayLike,
    contact_area_nm2: ArrayLike,
) -> NDArray[np.float64]:
    """Return the electron-phonon resistance in series with the interface, in K/nW.

    Parameters
    ----------
    coupling_W_m3K : float or array
        g; for gold 2 to 4 x 10^16.
    phonon_conductivity_W_mK : float or array
        k_p of the metal's lattice alone; for gold about 2.5.
    height_nm : float or array
        L, of the particle over its contact.
    contact_area_nm2 : float or array

    Notes
    -----
    R A = 1/(sqrt(g k_p) tanh(L/l)), l = sqrt(k_p/g): Majumdar and Reddy, Appl. Phys. Lett. 84, 4768 (2004),
    for a slab of finite thickness whose electrons carry no heat into the support. It is what the electrons,
    all at one temperature, are above the lattice at the interface, wherever in the slab they take the power.
    """
    coupling_nW_nm3K = np.asarray(coupling_W_m3K, dtype=float) * 1e-18
    conductivity = np.asarray(phonon_conductivity_W_mK, dtype=float)
    length_nm = np.sqrt(conductivity / coupling_nW_nm3K)
    per_area = 1.0 / (np.sqrt(coupling_nW_nm3K * conductivity) * np.tanh(np.asarray(height_nm) / length_nm))
    return per_area / np.asarray(contact_area_nm2, dtype=float)
