"""What holds for every lesion? The reading into Z3, requirements, counterexamples.

May use `reasoner.tell`, and what those may.
"""
