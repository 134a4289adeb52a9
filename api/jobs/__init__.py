"""What takes long and runs beside the service? Drafts and their examination, recordings.

May use `calx.reasoner` and `calx.atomic`.
"""
