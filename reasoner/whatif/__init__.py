"""How sure is an answer, and what would change it? Every border comes from the rules' own cut
points and is found by the engine itself, never by sampling.

May use `reasoner`, and what those may.
"""
