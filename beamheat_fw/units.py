"""Named constants and conversions between the units of MD, EELS and heat transport.

Constants are the CODATA 2018 values (the exact ones of the 2019 SI where they are exact).
ASE's own constants are CODATA 2014 by default; they differ from these by less than 1e-6.
"""

from __future__ import annotations

from typing import Final

#: Elementary charge in coulomb; exact (SI 2019). Also joule per electronvolt.
ELEMENTARY_CHARGE_C: Final = 1.602176634e-19
#: Boltzmann constant in eV/K; exact, 1.380649e-23 J/K over the elementary charge (SI 2019).
BOLTZMANN_EV_PER_K: Final = 1.380649e-23 / ELEMENTARY_CHARGE_C
#: Electron rest energy in keV (CODATA 2018).
ELECTRON_REST_ENERGY_KEV: Final = 510.99895000
#: Avogadro constant in 1/mol; exact (SI 2019).
AVOGADRO_PER_MOL: Final = 6.02214076e23

#: Å² in one nm².
A2_PER_NM2: Final = 100.0
#: Å³ in one nm³.
A3_PER_NM3: Final = 1000.0
#: 1 eV/ps in nW: 1.602176634e-19 J / 1e-12 s.
NW_PER_EV_PER_PS: Final = ELEMENTARY_CHARGE_C / 1e-12 * 1e9
#: 1 eV/s in nW.
NW_PER_EV_PER_S: Final = ELEMENTARY_CHARGE_C * 1e9
#: 1 eV Å⁻² ps⁻¹ K⁻¹ in MW m⁻² K⁻¹ (1.602e13 W m⁻² K⁻¹).
MW_M2K_PER_EV_A2_PS_K: Final = ELEMENTARY_CHARGE_C / 1e-12 / 1e-20 * 1e-6
#: A dose rate of 1 e Å⁻² s⁻¹ in A/cm² (1e6 e Å⁻² s⁻¹ is 1602 A/cm²).
A_CM2_PER_E_A2_S: Final = ELEMENTARY_CHARGE_C / 1e-16
