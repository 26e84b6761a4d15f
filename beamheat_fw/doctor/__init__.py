"""Compares LaunchPad, launch folders and data, and repairs what does not agree."""

from beamheat_fw.doctor.examination import examine, examine_and_fix, fix_reservations
from beamheat_fw.doctor.finding import Finding

__all__ = ["Finding", "examine", "examine_and_fix", "fix_reservations"]
