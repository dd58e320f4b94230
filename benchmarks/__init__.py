"""How fast, on which machine?  `python -m benchmarks.run --help`; docs/performance/README.md says how to repeat."""
