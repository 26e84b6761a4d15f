"""The report's sections: a campaign's documents in, one `Section` out of each module."""
