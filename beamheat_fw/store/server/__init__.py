"""Which database: the launchpad file in force, and the embedded mongod where there is no other."""
