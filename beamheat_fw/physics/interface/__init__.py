"""The thermal conductance of the interface, from relaxation or injection, with all its errors."""
