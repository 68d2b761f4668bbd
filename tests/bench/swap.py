#!/usr/bin/python3
"""Certificates are renewed while the box serves all that it can.

	make swap SWAPS=100

Core 0 is the server's, core 1 the senders' (tests/bench/load.c: as many full
handshakes as they get, each certificate, status and body looked at). Meanwhile
one domain after the other is renewed at a CA that answers at once. Prints how
long after its commit each new certificate was presented by both serving
threads. Ends with 1 if a handshake or a fetch failed.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.bounds import Seen
from bench.figures import Clock
from bench.instant import InstantCa, box, own_folder, write_fleet
from bench.servers import CLIENT_CORE, SERVER_CORE, pinned
from harness.daemon import BUILD
from harness.fetch import Client
from harness.process import Process

NAMES = 50
SWAPS = 100
WORKERS = 2
# The kernel throws a coin for each connection: a thread that still has the old
# one hides behind so many new ones once in a thousand times.
IN_A_ROW = 10


def write_load(folder, daemon, names):
	(folder / "names.txt").write_text(
		"".join(f"mta-sts.{name}\n" for name in names))
	body = Client(daemon.https_port, folder / "root.pem").fetch(
		f"mta-sts.{names[0]}").body.decode()
	(folder / "policy.txt").write_bytes(
		body.replace(f"mta-sts.{names[0]}", "{host}").encode())


def start_load(folder, daemon):
	return Process("load", [
		*pinned(CLIENT_CORE), BUILD / "bench/load", "--port",
		daemon.https_port, "--root", folder / "root.pem", "--names",
		folder / "names.txt", "--policy", folder / "policy.txt",
		"--seconds", 3600], folder / "load.json")


def renew(daemon, client, name):
	"""Seconds from the commit to being presented, and nothing else, at most."""
	committed, serial = commit(daemon, name)
	return wait_presented(client, f"mta-sts.{name}", serial) - committed


def commit(daemon, name):
	"""(when at the earliest, the serial of a new certificate).

	It is committed after the last call began that was told the old one: so
	what a call takes counts for the swap, and not in its favour.
	"""
	before = daemon.serial(name)
	old_at, end = time.monotonic(), time.monotonic() + 60
	status, reply = daemon.api("POST", f"/v1/domains/{name}/cert/renew", {})
	if status != 200:
		raise RuntimeError(f"{name}: {reply}")
	while True:
		asked_at = time.monotonic()
		serial = daemon.serial(name)
		if serial != before:
			return old_at, serial
		if asked_at > end:
			raise TimeoutError(f"{name} is not renewed")
		old_at = asked_at
		time.sleep(0.001)


def wait_presented(client, host, serial):
	"""When the first of so many in a row was there, on new connections."""
	end, row = time.monotonic() + 60, []
	while len(row) < IN_A_ROW:
		if int(client.fetch(host).serial, 16) == serial:
			row.append(time.monotonic())
		else:
			row.clear()
		if time.monotonic() > end:
			raise TimeoutError(f"{host}: the new one is not presented")
	return row[0]


def tell_load(clock, file, seconds):
	"""How many failed."""
	load = json.loads(file.read_text().strip().rpartition("\n")[2])
	clock.tell("fetches meanwhile",
		   f"{load['fetches']}, {load['fetches'] / seconds:.0f}/s")
	clock.tell("of them failed", f"{load['failures']} {load['why']}".rstrip())
	return load["failures"]


def play(folder, swaps, clock, seen):
	"""False if something failed, or the CA has something to say against it."""
	daemon = box(folder, workers=WORKERS, max_per_address=1000)
	ca = InstantCa(folder)
	ca.is_had_by(daemon)
	file = folder / "fleet.csv"
	names = write_fleet(file, NAMES, NAMES)
	daemon.start(wrapper=pinned(SERVER_CORE))
	daemon.ok("domain", "import", file)
	daemon.wait_state("live", *names, seconds=120)

	write_load(folder, daemon, names)
	load, began = start_load(folder, daemon), time.monotonic()
	client = Client(daemon.https_port, ca.root)
	took = sorted(renew(daemon, client, names[i % NAMES])
		      for i in range(swaps))
	seconds = time.monotonic() - began
	status = load.stop(30)
	daemon.stop()

	clock.tell("certificates swapped", swaps)
	clock.tell("serving threads, on one core", WORKERS)
	clock.tell("from commit to presented: p50, most",
		   f"{took[len(took) // 2] * 1000:.0f} ms, "
		   f"{took[-1] * 1000:.0f} ms")
	failed = tell_load(clock, folder / "load.json", seconds)
	instead = f"{swaps} swaps" if swaps < SWAPS else None
	seen.note("swap", took[-1], instead)
	seen.note("swap failures", failed, instead)
	return ca.stop() and status == 0


def main():
	seen = Seen()
	with own_folder() as folder:
		good = play(folder, int(sys.argv[1]), Clock(), seen)
	seen.tell(whole=False)
	return 0 if good else 1


if __name__ == "__main__":
	sys.exit(main())
