"""HTTP in; thin.  One package per door; what two doors need is here."""
