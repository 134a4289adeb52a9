"""What holds for every lesion? The reading into Z3, requirements, counterexamples.

May use `engine`, `load`, `tell`.
"""
