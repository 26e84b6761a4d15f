"""The MongoDB behind everything: documents, labels, artifacts, provenance, exchange, schema and server."""
