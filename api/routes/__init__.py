"""The resources of the service, one module for each kind."""
