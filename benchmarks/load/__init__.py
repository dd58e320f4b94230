"""Load generators: one process each, told what to do by a job on their standard input (benchmarks/job.py)."""
