"""How is an answer or a rule told? Text, sentences, RDF, lists of facts.

May use `reasoner.whatif`, and what those may.
"""
