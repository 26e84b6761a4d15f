"""How far a committee of potentials is to be trusted: calibration, gate, selection and verdict."""
