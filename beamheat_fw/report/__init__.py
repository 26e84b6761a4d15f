"""The HTML page of a campaign: its sections, tables and figures."""
