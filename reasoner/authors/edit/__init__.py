"""How is a guideline changed in its place? Tables, studies and statements.

May use `reasoner.load`, and what those may.
"""
