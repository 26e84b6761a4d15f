# How GPAW is built here: read by GPAW's setup.py through GPAW_CONFIG.
# Debian's Open MPI, libxc, OpenBLAS, FFTW and ScaLAPACK; on a cluster copy this file and name the site's
# libraries.
mpi = True
compiler = "mpicxx"
fftw = True
scalapack = True
libraries = ["xc", "fftw3", "scalapack-openmpi", "openblas"]
