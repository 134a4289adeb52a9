"""How is Calx reached from a shell? One module a group of commands; `main` joins them.

May use every other room but `server.routes` and `pages`.
"""
