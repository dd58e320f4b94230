"""What does the demo show?  A year of New York's flights and weather, pushed as if it happened now."""
