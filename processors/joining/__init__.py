"""What do other datasets say about these records?  The look-ups of the processor that joins datasets."""
