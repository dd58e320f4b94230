"""Which place is this?  Asks outside geocoders what the stack's processors want to know."""
