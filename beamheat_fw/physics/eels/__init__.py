"""Low-loss electron energy-loss spectra to relative thickness, energy lost, mean loss and mean free path."""
