#!/usr/bin/python3
"""How fast certificates come, from a CA that answers at once.

	make issuance DOMAINS=100000 LIVE=5000

All domains are imported with mtastsctl; DNS leads here for those of LIVE, and
of the others nobody knows the name, so that they wait. Then a CA that answers
at once is put in the configuration, and the box gets their certificates, while
somebody asks the admin API all the time. Prints what it took, and how often the
disk was asked to keep something. Ends with 1 if a certificate did not come, an
admin call was refused, or the CA was asked what no correct client asks.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.bounds import Seen
from bench.figures import Clock, Lag, memory
from bench.instant import InstantCa, box, own_folder, write_fleet
from harness.process import wait_for
from harness.shim import SyncCount

DOMAINS, LIVE = 100000, 5000
TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid):
	"""Seconds, of all its threads."""
	fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
	return (int(fields[11]) + int(fields[12])) / TICKS


def certified(daemon):
	return daemon.rows("SELECT COUNT(*) FROM cert")[0][0]


def wait_certified(daemon, live):
	"""Seconds until half of them have a certificate, and all."""
	began, half = time.monotonic(), []

	def is_done():
		count = certified(daemon)
		if not half and count >= live / 2:
			half.append(time.monotonic() - began)
		return count >= live

	wait_for("the certificates", is_done, 120 + live, 0.2)
	return half[0], time.monotonic() - began


def asked(name):
	"""What somebody looks at meanwhile: {what they call it: path}"""
	return {"a page of domain list": f"/v1/domains?after={name}&limit=200",
		"status": "/v1/status", "ca list": "/v1/cas",
		"domain show": f"/v1/domains/{name}",
		"what domain check goes by": "/v1/check"}


def tell_calls(clock, lag, paths):
	clock.tell("what callers of the API waited", lag.stop())
	worst = lag.worst_ms()
	for what, path in paths.items():
		if path in worst:
			clock.tell(f"{what}: the slowest call",
				   f"{worst[path]:.0f} ms")
	return max(worst.values())


def issue(clock, daemon, names, syncs):
	"""(certificates a second, the slowest call in ms)"""
	paths, live = asked(names[len(names) // 2]), len(names)
	lag = Lag(daemon, *paths.values())
	used, synced = cpu(daemon.process.pid), int(syncs)
	half, took = wait_certified(daemon, live)
	used, synced = cpu(daemon.process.pid) - used, int(syncs) - synced
	clock.tell("certificates", live)
	clock.tell("time, and that of the first half",
		   f"{took:.1f} s, {half:.1f} s")
	clock.tell("certificates a second", f"{live / took:.0f}")
	clock.tell("CPU of mtastsd, for each", f"{used / live * 1000:.2f} ms")
	clock.tell("fsync and fdatasync, for each",
		   f"{synced / live:.2f} ({synced} in all)")
	return live / took, tell_calls(clock, lag, paths)


def tell_box(clock, daemon):
	"""The lag's p99."""
	loop = daemon.api("GET", "/v1/status")[1]["loop"]
	size = sum(f.stat().st_size for f in daemon.state.glob("state.db*"))
	clock.tell("lag of control, p50, p99, most",
		   f"{loop['p50_ms']}, {loop['p99_ms']}, {loop['max_ms']} ms")
	clock.tell("memory of mtastsd", f"{memory(daemon)} MB")
	clock.tell("state.db and its log", f"{size / 1e6:.0f} MB")
	return loop["p99_ms"]


def play(folder, count, live, clock, seen):
	"""False if the CA has something to say against it."""
	daemon, file = box(folder), folder / "fleet.csv"
	names = write_fleet(file, count, live)
	daemon.start()
	clock.timed(f"import of {count} domains",
		    lambda: daemon.ok("domain", "import", file, seconds=7200))
	clock.tell("memory of mtastsd", f"{memory(daemon)} MB")
	daemon.stop()

	ca, syncs = InstantCa(folder), SyncCount(folder)
	ca.is_had_by(daemon)
	daemon.start(env=syncs.env)
	rate, slowest = issue(clock, daemon, names, syncs)
	lag = tell_box(clock, daemon)
	instead = None if count >= DOMAINS and live >= LIVE else \
		f"{live} for {count} domains"
	for key, value in ("orders", rate), ("lag", lag), ("admin", slowest):
		seen.note(key, value, instead)
	daemon.stop()
	return ca.stop()


def main():
	seen = Seen()
	with own_folder() as folder:
		good = play(folder, int(sys.argv[1]), int(sys.argv[2]), Clock(),
			    seen)
	seen.tell(whole=False)
	return 0 if good else 1


if __name__ == "__main__":
	sys.exit(main())
