"""How does a guideline read, and what does it rest on? The rule book, the support of each rule.

May use `reasoner.tell`, and what those may.
"""
