"""What do we promise to clients? The models of cases and answers, the kinds of problems, which form is sent.

May use `calx.reasoner`.
"""
