"""What must go?  The door for deletions."""
