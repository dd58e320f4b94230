"""How does a process live?  Adapters to the outside world; imports domain and client libraries."""
