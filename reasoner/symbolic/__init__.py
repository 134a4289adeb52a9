"""What does a guideline conclude of all lesions at once? Its rules read into Z3, where that is
installed (the extra ``authoring``).

May use `ontology`, `reasoner.engine`, and what those may.
"""
