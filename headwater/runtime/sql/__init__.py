"""What do we say to ClickHouse?  The text of its statements, and nothing that talks.

Guarantee: a name reaches the text only through `quoted`, and a value only as a number or a bound parameter;
there is no other way in for anything that a person or a sender wrote.
"""
