"""How is Calx reached from a shell? One module a group of commands; `main` joins them.

May use `api.server`, `imaging`, `imaging.report`, `reasoner.authors.publish`,
`reasoner.cohorts.report`, and what those may.
"""
