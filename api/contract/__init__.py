"""What do we promise to clients? The models of cases
and answers, the kinds of problems, which form is sent.

May use `reasoner.intake`, and what those may.
"""
