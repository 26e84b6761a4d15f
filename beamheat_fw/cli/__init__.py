"""The `beamheat` command: one module for each subcommand."""
