"""What does each processor do?  One pure file for each family; chain.py runs them one after the other."""
