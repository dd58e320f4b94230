"""Which stack is measured?  Each starts real processes and answers with Targets."""
