"""The MongoDB behind everything: documents, labels, artifacts, provenance, the embedded server."""
