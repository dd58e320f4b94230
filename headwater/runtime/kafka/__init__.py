"""How do batches travel?  Topics, producer, and a Faust transport that joins messages into runs.

An *offset* is always the next one to read.
"""
