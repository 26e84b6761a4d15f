"""Run the real codes in a folder: no database, no FireWorks."""
