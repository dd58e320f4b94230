"""How fast, on which machine?  `python -m benchmarks.run --help`; docs/performance says how to repeat."""
