"""How does the service run? Its application, guard, settings and state; `routes` answer.

May use `api.exchange`, `api.jobs`, `api.pages`, `api.store`, and what those may.
"""
