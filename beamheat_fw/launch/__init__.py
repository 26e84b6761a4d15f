"""What a rocket needs to survive: its LaunchPad, stopping, owners, and the job folder."""
