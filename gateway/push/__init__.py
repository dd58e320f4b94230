"""What may enter?  The door for records."""
