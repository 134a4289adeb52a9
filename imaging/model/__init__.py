"""What does the network say of an image? Packages of weights, runtimes, the segmenter.

May use `imaging.facts`, and what those may.
"""
