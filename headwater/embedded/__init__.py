"""How does it all run on one machine?  Kafka, a ClickHouse endpoint, and what supervises them."""
