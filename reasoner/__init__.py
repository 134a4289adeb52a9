"""What follows from a case, why, and how sure is it? A guideline is loaded once, and every answer
comes with its proof.

`recommendation` is the front door, `batch` answers many; knows neither HTTP nor pixels.

May use `reasoner.intake`, `reasoner.load`, `reasoner.symbolic`, and what those may.
"""
