"""Labels and results from and to the files of the field: extended XYZ, ASE databases, .gpw, tables."""
