"""What labels cost, how far they are to be trusted, and which are the same."""
