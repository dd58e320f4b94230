"""What is at the addresses in records?  Fetched once for each batch, described, kept."""
