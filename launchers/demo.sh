#!/usr/bin/env bash
# What `make demo` runs: set-up, then the quickstart campaign to its report. Interrupted, it goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/.."

started=$SECONDS
launchers/set_up.sh
set_up_s=$((SECONDS - started))
.venv/bin/beamheat run workflows/quickstart.yaml -o quickstart.html
printf 'set-up:           %s s\n' "$set_up_s"
