"""How is a query answered without harm? The gate, the processes that answer, what they may do.

May use `api.contract`, `reasoner.tell`, and what those may.
"""
