"""All policies change their id, and a large sender fetches them all again.

It comes from four addresses, as fast as they can, with fewer or more
connections at once from each. The ids are changed by the admin API, one call
for each domain; the senders know the new policy, and an old one is a failure.
"""

import json
import time

from bench.senders import load_with_patience
from bench.servers import Mtastsd
from bench.tables import head, row
from harness.daemon import UnixConnection

DOMAINS, ADDRESSES = 20000, 4
PER_ADDRESS = 256	# the default of max_per_address
AT_ONCE = 50, 200	# from each address
PATIENCE = 2		# s, for all of a fetch: the least that any sender has
A_DAY = 86400


def ids(daemon):
	return dict(daemon.rows("SELECT d.name, p.sts_id FROM domain d"
				" JOIN policy p ON p.id = d.policy_id"))


def publish(daemon, names, max_age):
	"""How many got an id that they had not before."""
	before = ids(daemon)
	connection = UnixConnection(daemon.socket, 30)
	for name in names:
		connection.request("PUT", f"/v1/domains/{name}/policy",
				   json.dumps({"max_age": max_age}))
		reply = connection.getresponse()
		text = reply.read()
		if reply.status != 200:
			raise RuntimeError(f"{name}: {reply.status}: {text!r}")
	connection.close()
	after = ids(daemon)
	return sum(after[name] != before[name] for name in names)


def write_policy(server, max_age):
	"""What senders are to get from now on."""
	lines = server.world.policy.read_bytes().decode().split("\r\n")
	assert any(line.startswith("max_age: ") for line in lines)
	path = server.folder / f"policy-{max_age}.txt"
	path.write_bytes("\r\n".join(
		f"max_age: {max_age}" if line.startswith("max_age: ") else line
		for line in lines).encode())
	return path


def change(server, max_age):
	"""(how many changed, s that it took, the policy that is served now)"""
	names = [host.removeprefix("mta-sts.") for host in server.world.hosts()]
	began = time.monotonic()
	changed = publish(server.daemon, names, max_age)
	if changed != len(names):
		raise RuntimeError(f"{changed} ids of {len(names)} changed")
	return changed, time.monotonic() - began, write_policy(server, max_age)


def one(server, at_once, max_age):
	"""How many were not answered in time."""
	count = server.world.count
	changed, took, policy = change(server, max_age)
	seen = load_with_patience(
		server, "--policy", policy, "--in-turn", "--count", count,
		"--sources", ADDRESSES, "--connections", ADDRESSES * at_once,
		"--patience", PATIENCE)
	row(at_once, f"{changed} in {took:.0f} s", seen["fetches"],
	    seen["failed"]["late"], f"{seen['per_second']:.0f}",
	    *[f"{seen[k] / 1000:.0f}" for k in ("p50_us", "p99_us", "max_us")])
	return count - seen["fetches"]


def play(bench, count):
	"""With the limits that a box has by itself."""
	server = bench.start(Mtastsd, count, max_per_address=PER_ADDRESS)
	head(f"{count} policies with a new id, fetched by {ADDRESSES} addresses"
	     " as fast as they can", "connections from each address",
	     "ids changed", "answered", f"given up after {PATIENCE} s",
	     "fetches/s", "p50 ms", "p99 ms", "most ms")
	missed = sum(one(server, at_once, (8 + i) * A_DAY)
		     for i, at_once in enumerate(AT_ONCE))
	print(f"\n`max_per_address` is {PER_ADDRESS}, the default.")
	bench.seen.note("refetch", missed, None if count >= DOMAINS else
			f"{count} domains")
	bench.stop(server)
