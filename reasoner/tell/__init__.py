"""How is an answer or a rule told? Text, sentences, RDF, lists of facts.

May use `reasoner.engine`, and what those may.
"""
