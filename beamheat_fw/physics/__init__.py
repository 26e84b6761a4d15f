"""Arrays and ASE Atoms in, values with errors out: no database, no files."""
