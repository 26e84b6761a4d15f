"""The report's figures: documents in, SVG text out."""
