"""What is measured?  One file per measure; each takes a Target and answers with numbers."""
