"""The temperature rise: deposited power, what stands in the heat's way, and the error budget."""
