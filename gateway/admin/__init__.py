"""Who may change what?  The management API."""
