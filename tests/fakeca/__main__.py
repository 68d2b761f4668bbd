"""An ACME CA with Boulder's semantics that misbehaves as it is told.

To run it alone:

	cd tests
	python3 -m fakeca --folder /tmp/ca --port 14000 --control 14001 \\
		--validate-at 127.0.0.1:5002:5001

The directory is then https://127.0.0.1:14000/directory. The folder gets
trust.pem (of its HTTPS, for the client to trust) and root.pem (of what it
issues). Every name is validated at the one address: its port for http-01 and
its port for tls-alpn-01. Everything else is told at the control port, also
while it runs; what can be told stands in settings.py, rules.py, effects.py
and ari.py, and the calls in control.py:

	curl -X PATCH http://127.0.0.1:14001/settings -d '{"lifetime": 60}'
	curl http://127.0.0.1:14001/rules -d '{"times": 3,
		"match": {"endpoint": "new-order", "name": "mta-sts.x.test"},
		"do": {"limited": "duplicates"}}'
	curl http://127.0.0.1:14001/counts
	curl http://127.0.0.1:14001/complaints

It remembers nothing when it is started again, but with the same --name and
--seed its keys are the same (--life N counts its lives, so that no serial
comes twice). Several of them, each with a --name, are several CAs. Its time
is time.time(), so it obeys faketime. Needs Debian's python3-cryptography.
"""

import argparse
import asyncio
import signal
import time
from pathlib import Path

from . import pki
from .ca import CA
from .control import Control
from .server import Listener


def main():
	args = arguments()
	args.folder.mkdir(parents=True, exist_ok=True)
	asyncio.run(serve(args))


def arguments():
	parser = argparse.ArgumentParser(prog="fakeca")
	parser.add_argument("--folder", type=Path, required=True)
	parser.add_argument("--port", type=int, required=True)
	parser.add_argument("--control", type=int, required=True)
	parser.add_argument("--validate-at", type=place, required=True,
			    metavar="ADDRESS:HTTPPORT:TLSPORT")
	parser.add_argument("--name", default="fakeca")
	parser.add_argument("--seed", default="1")
	parser.add_argument("--life", type=int, default=0)
	return parser.parse_args()


def place(text):
	address, http_port, tls_port = text.rsplit(":", 2)
	return [address, int(http_port), int(tls_port)]


async def serve(args):
	ca = CA(args.name, args.seed, args.validate_at, args.life)
	(args.folder / "root.pem").write_bytes(pki.pem(ca.issuer.root))
	listener = Listener(
		args.port, ca.answer, ssl=contexts(ca, args),
		complain=lambda text: ca.counts.complain("http", text))
	control = Listener(args.control, Control(ca, listener).answer)
	listener.open()
	control.open()
	over = asyncio.Event()
	asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
	await over.wait()


def contexts(ca, args):
	"""The TLS of the moment, made when it is first needed."""
	made = {}

	def context():
		kind = ca.settings["tls"]
		if kind not in made:
			made[kind] = pki.tls_context(args.folder, kind,
						     f"{args.seed}/{args.name}",
						     time.time())
		return made[kind]

	context()
	return context


main()
