"""How hot a metal nanoparticle gets under the electron microscope's beam."""
