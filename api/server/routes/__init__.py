"""What can be asked over HTTP? One module a group of resources.

May use `api.server`, and what those may.
"""
