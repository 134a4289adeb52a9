"""The grid on which frames meet the network, and the
names of what comes out: shared by training and running.
"""

LINES = 256
"""Lines around the centre of an image."""
DEPTHS = 256
"""Samples a line."""
REACH_MM = 5.0
"""Length of a line."""
CURVES = ("lumen", "eem", "calcium_edge", "stent")
"""Single-valued curves, a radius a line."""
FLAGS = ("calcium", "visible", "wire", "branch", "strut", "nodule")
"""What holds on a line, a probability each; ``visible``: the external elastic membrane can be seen.
"""
