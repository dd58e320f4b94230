"""What do the packages know of the Earth?  Nothing is read before it is asked for."""
