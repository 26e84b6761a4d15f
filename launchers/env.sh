# Source this in a shell or a job: the checkout's programs, and FireWorks' settings for them.
#   source /path/to/beamheat_fw/launchers/env.sh
_beamheat_home=$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")/.." && pwd)

# The embedded server's settings once it has been started, else the ones beside this file.
if [ -f "$_beamheat_home/.beamheat/FW_config.yaml" ]; then
    export FW_CONFIG_FILE=$_beamheat_home/.beamheat/FW_config.yaml
else
    export FW_CONFIG_FILE=$_beamheat_home/launchers/FW_config.yaml
fi
[ -d "$_beamheat_home/.venv/bin" ] && PATH=$_beamheat_home/.venv/bin:$PATH
export PATH
# One thread a rank: MPI ranks, not threads, share the cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# Where a person types, the tab key completes commands, options and collections.
if [ -n "$BASH_VERSION" ] && [[ $- == *i* ]] && command -v beamheat >/dev/null; then
    eval "$(beamheat --show-completion bash 2>/dev/null)"
fi
unset _beamheat_home
