"""What is the transformation stack compared with?  The same work, written for another stream processor."""
