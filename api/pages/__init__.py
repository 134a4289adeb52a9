"""What do people see? Pages, their words, forms and pictures.

May use `contract` and `calx.reasoner`.
"""
