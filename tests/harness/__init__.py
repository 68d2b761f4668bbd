"""The parts that the demo and the end-to-end stories are played with.

Real ones, each in a process of its own on loopback ports of its own: a CA
(pebble), a DNS server (knot), mtastsd, and clients that fetch. Only Python's
standard library is used, so that the demo needs nothing else.
"""

import os

# Where Debian puts servers; an ordinary user's PATH ends before it.
os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
