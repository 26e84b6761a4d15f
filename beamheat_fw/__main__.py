"""``python -m beamheat_fw`` is the `beamheat` command."""

from beamheat_fw.cli.main import main

main()
