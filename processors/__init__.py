"""Raw batches in, rows out: the service that reads, types, identifies and encodes records."""
