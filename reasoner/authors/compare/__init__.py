"""What does an edit change? In meaning, for all lesions, for cases, in proofs.

May use `check` and `prove`.
"""
