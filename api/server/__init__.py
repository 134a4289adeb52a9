"""How does the service run? Its application, guard, settings and state; `routes` answer.

May use every other room but `cli`.
"""
