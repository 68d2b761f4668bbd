"""Well-behaved senders, while others hold connections open or mean no good.

The others come from addresses of their own. What is measured is a hundred
fetches a second, each counted from when it was due; for ten seconds, so that a
hundredth of them is ten.
"""

from bench.bounds import SHAKEN_KIB, SHAKING_KIB, caps_mb
from bench.senders import Failed, load, sweep
from bench.servers import Mtastsd, settle
from bench.tables import head, row
from harness.process import wait_for

NAMES = 1000
RATE = 100		# fetches a second
SECONDS = 10
OPENED_A_SECOND = 100	# with a handshake each
ELSEWHERE = "--from", "127.2.0.1", "--sources", 250
CROWD = 2000, 10000	# slow, and idle
ATTACK = 1500, 12000	# hellos a second, and begun and held open
CACHE = 96		# MB: cache_size, by default
SPARE = 1000		# connections, for those that fetch


def fetches(server, seconds):
	return load(server, "--rate", RATE, "--connections", SPARE,
		    "--seconds", max(SECONDS, seconds))


def opened(server, client, before, count):
	wait_for(f"{count} connections", lambda: client.poll() is not None or
		 server.open_files() >= before + count, 600, 0.5)


def tell(what, seen, *more):
	row(what, *[f"{seen[k] / 1000:.1f}" for k in
		    ("p50_us", "p99_us", "max_us")], *more)


# ---- who holds a connection open ----

def hold(bench, server, how, count):
	before = server.open_files()
	client = bench.hold(server, count, how, "--rate", OPENED_A_SECOND,
			    *ELSEWHERE)
	opened(server, client, before, count)
	return client


def play(bench, slow, idle):
	most = slow + idle + SPARE
	server = bench.start(Mtastsd, NAMES, max_connections=most,
			     connection_deadline="10m", cache_size=CACHE)
	sweep(server)
	settle(server)
	seconds = bench.options.seconds
	alone = fetches(server, seconds)
	before = server.rss()
	held = [hold(bench, server, "--idle", idle)]
	after = server.rss()
	held.append(hold(bench, server, "--slow", slow))
	among, rss = fetches(server, seconds), server.peak()
	for client in held:
		seen = bench.let_go(server, client)
		if seen["ended"]:
			raise Failed(f"{seen['ended']} were not held")
	head(f"{slow} slow and {idle} idle connections", f"at {RATE} fetches a"
	     " second", "p50 ms", "p99 ms", "most ms")
	tell("alone", alone)
	tell("among them", among)
	each = (after - before) / idle / 1024
	print(f"\nAn idle connection takes {each:.1f} KiB; mtastsd had"
	      f" {rss / 1e6:.0f} MB at most, where `max_connections = {most}`"
	      f" and `cache_size = {CACHE}` allow"
	      f" {caps_mb(most, CACHE, SHAKEN_KIB):.0f}.")
	note_crowd(bench.seen, slow, idle, among, each, rss)
	bench.stop(server)


def note_crowd(seen, slow, idle, among, each, rss):
	is_whole = slow >= CROWD[0] and idle >= CROWD[1]
	instead = None if is_whole else f"{slow} and {idle}"
	seen.note("crowd", among["p99_us"] / 1000, instead)
	seen.note("idle", each, None if idle >= CROWD[1] else f"of {idle}")
	seen.note("crowd rss", rss / 1e6, instead)


# ---- who means no good ----

def play_attack(bench, hellos, half):
	"""More half-open ones than there may be connections."""
	most = half * 5 // 6
	server = bench.start(Mtastsd, NAMES, max_connections=most,
			     max_per_address=256, cache_size=CACHE)
	sweep(server)
	settle(server)
	head(f"A flood of {hellos} hellos a second, and {half} half-open"
	     f" connections where {most} may be open",
	     f"at {RATE} fetches a second", "p50 ms", "p99 ms", "most ms",
	     "RSS MB", "hellos answered")
	worst, least = 0, hellos
	for what, flood, held in (("alone", 0, 0), ("in the flood", hellos, 0),
				  ("among half-open ones", 0, half),
				  ("both", hellos, half)):
		p99, answered = under(bench, server, what, flood, held)
		if flood or held:
			worst = max(worst, p99)
		if flood:
			least = min(least, answered)
	print(f"\n`max_connections = {most}` and `cache_size = {CACHE}` allow"
	      f" {caps_mb(most, CACHE, SHAKING_KIB):.0f} MB.")
	is_whole = half >= ATTACK[1] and least >= 0.95 * ATTACK[0]
	instead = None if is_whole else f"{least:.0f} and {half}"
	bench.seen.note("attack", worst / 1000, instead)
	bench.seen.note("attack rss", server.peak() / 1e6, instead)
	bench.stop(server)


def under(bench, server, what, hellos, half):
	"""(the p99 in us of fetches, which are all answered; hellos a second)"""
	held = []
	if half:
		held.append(half_open(bench, server, half))
	if hellos:
		held.append(bench.hold(server, SPARE, "--flood", "--rate",
				       hellos, *ELSEWHERE))
	seen, rss = fetches(server, bench.options.seconds), server.rss()
	ends = [bench.let_go(server, client) for client in held]
	answered = sum(end["hellos"] / end["seconds"] for end in ends)
	tell(what, seen, f"{rss / 1e6:.0f}", f"{answered:.0f}/s")
	return seen["p99_us"], answered


def half_open(bench, server, count):
	"""As many as there may be are there within ten seconds.

	Faster, and none is two seconds old when there is no more room: then it
	is the newcomer that is turned away, whoever that is.
	"""
	before = server.open_files()
	client = bench.hold(server, count, "--half-open", "--rate",
			    max(count // 12, 1), *ELSEWHERE)
	opened(server, client, before, count * 5 // 6 * 95 // 100)
	return client
