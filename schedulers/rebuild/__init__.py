"""How does a dataset get a new generation while pushes go on?  See rebuild.py for why nothing is lost."""
