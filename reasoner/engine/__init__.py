"""What follows from a case, how sure is it, and why? Evaluation, the three-valued reading,
evidence, proof, answer.

May use `reasoner.model`, and what those may.
"""
