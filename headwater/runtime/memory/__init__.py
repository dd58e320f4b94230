"""What if nothing is running?  The in-memory twins of the ports; they pass the suites the real ones pass."""
