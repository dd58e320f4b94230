"""What do we mean?  Pure: no I/O, no clock, no await; the standard library and orjson only."""
