"""What does an edit change? In meaning, for all lesions, for cases, in proofs.

May use `reasoner.authors.check`, `reasoner.authors.prove`, and what those may.
"""
