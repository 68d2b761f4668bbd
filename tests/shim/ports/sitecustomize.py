"""For PYTHONPATH: lets mta-sts-query find a test's resolver and daemon.

It knows only the well-known ports. DNS goes to 127.0.0.1:$PORT_53, and HTTPS
to $PORT_443 of whatever address that gave. Nothing else is changed.
"""

import os

import pycares
from aiohttp import connector, resolver


class Channel(pycares.Channel):
	def __init__(self, **options):
		port = int(os.environ["PORT_53"])
		super().__init__(**options | {"servers": ["127.0.0.1"],
					      "udp_port": port,
					      "tcp_port": port})


class Resolver(resolver.AsyncResolver):
	async def resolve(self, host, port=0, family=0):
		return await super().resolve(
			host, int(os.environ["PORT_443"]), family)


pycares.Channel = Channel
connector.DefaultResolver = Resolver
