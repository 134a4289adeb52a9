"""What takes long and runs beside the service? Drafts and their examination, recordings.

May use `reasoner.authors.compare`, `reasoner.authors.edit`, and what those may.
"""
