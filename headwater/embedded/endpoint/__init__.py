"""What if there is no ClickHouse server?  Its HTTP protocol over chDB, the ClickHouse engine in a wheel.

One process owns the data directory. Known differences from a server: one user, no sessions, no server-side
compression, no Native protocol revisions, and results in formats that have a header or footer (JSON,
CSVWithNames, Parquet) are made in memory before the first byte is sent.
"""
