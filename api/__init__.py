"""Ways to reach the reasoner: command line (and, in time, HTTP, SPARQL protocol and web page)."""
