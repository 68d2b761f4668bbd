"""Senders, many of them (tests/bench/load.c): what they saw, or what failed."""

import json
import subprocess

from bench.servers import BUILD, CLIENT_CORE, pinned


class Failed(Exception):
	"""A fetch that was not answered as it should be, or a server's end."""

	def __init__(self, text, failures=None):
		super().__init__(text)
		self.failures = failures	# how many, if that is known


def load(server, *words):
	"""What a run of `load` tells; any failure of it is one of the bench."""
	return finish(server, start_load(server, *words))


def start_load(server, *words):
	w = server.world
	command = ["setpriv", "--pdeathsig", "KILL",
		   *pinned(CLIENT_CORE), BUILD / "bench/load",
		   "--port", server.port, "--root", w.root,
		   "--names", w.names, "--policy", w.policy,
		   "--sources", 16, *words]
	return subprocess.Popen([str(c) for c in command], text=True,
				stdout=subprocess.PIPE)


def load_with_patience(server, *words):
	"""Likewise; but who gave up waiting is counted: that is a figure."""
	return finish(server, start_load(server, *words), is_late)


def is_late(seen):
	return seen and seen["fetches"] and \
		seen["failures"] == seen["failed"]["late"]


def finish(server, client, excuse=lambda seen: False):
	out = client.communicate()[0]
	seen = json.loads(out) if out else {}
	if client.returncode != 0 and not excuse(seen):
		raise Failed(f"{server.label}: load ended with"
			     f" {client.returncode}: {out.strip()}",
			     seen.get("failures"))
	if seen["rude"]:
		raise Failed(f"{server.label}: {seen['rude']} connections were"
			     " cut without a good-bye")
	return seen


def sweep(server):
	"""Every name once; from then on all that can be warm is."""
	return load(server, "--in-turn", "--count", server.world.count)
