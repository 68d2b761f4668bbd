"""An ACME CA of our own that behaves, or misbehaves, as it is told.

See __main__.py for how to run it, harness/fakeca.py for how tests use it.
"""
