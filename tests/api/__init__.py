"""The service, seen from the outside: a process of its own, reached over HTTP."""
