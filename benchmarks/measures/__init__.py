"""What is measured?  One file per measure; each asks a Target and a load process, and answers with numbers."""
