"""Who has gone quiet, and who wants to know?"""
