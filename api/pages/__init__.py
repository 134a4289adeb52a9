"""What do people see? Pages, their words, forms and pictures.

May use `reasoner.tell`, and what those may.
"""
