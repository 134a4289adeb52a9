"""What follows from curves? Geometry, findings, facts with their intervals.

Numpy only: neither readers nor networks.

Nothing of Calx lies below it.
"""
