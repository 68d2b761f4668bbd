#!/usr/bin/python3
"""What a policy fetch costs here, and elsewhere: tables in Markdown.

	tests/bench/bench.py [--quick] [--rounds N] [--seconds N]
			     [--part compare|modes|threads|refetch|crowd|attack|
				     swap|scale|issuance ...]

Each server has core 0, and the senders (tests/bench/load.c) have core 1. A
fetch is a connection with a full handshake, of a name chosen at random, and
its certificate, status and body are looked at: one that is not right, and this
ends with 1. Servers take turns in rounds, A B C A B C, so that whatever else
the machine does hits all of them; what is shown is the median of the rounds,
and the least and the most. A ratio is the median of each round's own. At the
end it says what of that was to be seen (tests/bench/bounds.py): by a figure
nothing fails. docs/performance.md says more.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import crowds, issuance, refetch, swap
from bench.bounds import Seen
from bench.figures import Clock
from bench.instant import own_folder
from bench.senders import Failed, finish, load, start_load, sweep
from bench.servers import (BUILD, SERVER_CORE, Bare, Caddy, Mtastsd,
			   NginxStatic, NginxStaticEqual, NginxVariable,
			   NginxVariableEqual, is_there, pinned,
			   settle)
from bench.tables import head, median_ratio, ms, ratio, row, spread
from bench.worlds import bytes_beside, world

COMPARED = (Mtastsd, NginxStatic, NginxStaticEqual, NginxVariable,
	    NginxVariableEqual, Caddy, Bare)
QUICK = Mtastsd, NginxStatic, NginxStaticEqual, Bare
RATIOS = {NginxStaticEqual: ["nginx, static", "the aim"],
	  NginxVariableEqual: ["nginx, by variable"], Bare: ["bare loop"]}
NAMES = 1000
FEW = 10		# names, to see what the others take
SIZES = 1000, 10000, 100000
EXPONENT = "1.0"	# of Zipf's law
LARGE = 100000
# A cache is warm after so many fetches by the law that is measured, or twenty
# for each name where that is fewer; and after quarters more of them until the
# share from memory grew by less than WARMER in the last one.
WARM = 200000
WARMER = 0.005
WARMINGS = 12


# ---- what is warm ----

def warm(server, way):
	"""How many fetches it took until what is wanted most is what is kept."""
	count = server.world.count
	if not way:
		return sweep(server)["fetches"]
	quarter = (min(20 * count, WARM) + 3) // 4
	shares, before = [], server.presented()
	while len(shares) < WARMINGS:
		load(server, *way, "--seed", 1000 + len(shares),
		     "--count", quarter)
		after = server.presented()
		shares.append(from_memory(before, after))
		before = after
		if len(shares) >= 4 and shares[-1] - shares[-2] < WARMER:
			break
	return quarter * len(shares)


def from_memory(before, after):
	"""The share of certificates, of those that handshakes were given."""
	memory, store = (b - a for a, b in zip(before, after))
	return memory / (memory + store)


# ---- rounds ----

@dataclass
class Figures:
	"""Of one server in one manner, a value for each round."""
	cpu_us: list = field(default_factory=list)
	per_second: list = field(default_factory=list)
	p50_us: list = field(default_factory=list)
	p99_us: list = field(default_factory=list)
	resumed: int = 0
	warmed: int = 0
	from_memory: float = 0

	def add(self, cpu_ns, seen):
		self.cpu_us.append(cpu_ns / 1000 / seen["fetches"])
		for key in "per_second", "p50_us", "p99_us":
			getattr(self, key).append(seen[key])
		self.resumed += seen["resumed"]


def one_round(server, figures, *words):
	before = server.cpu_ns()
	seen = load(server, *words)
	figures.add(server.cpu_ns() - before, seen)


def floor(count):
	out = subprocess.run([*pinned(SERVER_CORE), BUILD / "bench/floor",
			      world(BUILD, NAMES).folder, str(count)],
			     stdout=subprocess.PIPE, check=True).stdout
	return json.loads(out)


# ---- the parts ----

class Bench:
	def __init__(self, options, folder):
		self.options = options
		self.folder = Path(folder)
		self.seen = Seen()
		self.count = 0
		self.running = []
		self.holding = []

	def start(self, kind, count, **settings):
		self.count += 1
		server = kind(world(BUILD, count),
			      self.folder / f"{self.count}-{kind.__name__}")
		if settings:
			server.settings = settings
		self.running.append(server)
		return server.start()

	def stop(self, *servers):
		for server in servers:
			server.stop()
			self.running.remove(server)

	def run(self, part):
		"""False, and it is said, if something was not as it should be."""
		try:
			getattr(self, part)()
		except (Failed, AssertionError, OSError, RuntimeError,
			ValueError) as failed:
			print(f"\nbench: {part}: {failed}", file=sys.stderr)
			return False
		finally:
			self.stop(*self.running)
			for client in self.holding:
				client.kill()
				client.wait()
			self.holding.clear()
		return True

	@property
	def timed(self):
		return "--seconds", self.options.seconds

	# Side by side.

	def memory(self, kind):
		"""Bytes for each name: of all names, less of a few."""
		few = self.start(kind, FEW)
		sweep(few)
		rss = few.rss()
		self.stop(few)
		return rss

	def compare(self):
		kinds = [k for k in (QUICK if self.options.quick else COMPARED)
			 if is_there(k)]
		base = {k: self.memory(k) for k in kinds}
		servers = {k: self.start(k, NAMES) for k in kinds}
		figures = {k: Figures() for k in kinds}
		floors = []
		for server in servers.values():
			sweep(server)
		settle(*servers.values())
		rss = {k: s.rss() for k, s in servers.items()}
		speech = {k: s.look() for k, s in servers.items()}
		for _ in range(self.options.rounds):
			floors.append(floor(1000 * self.options.seconds))
			for kind, server in servers.items():
				one_round(server, figures[kind], *self.timed)
		speech["floor"] = floors[0]["cipher"], 0
		floors = [f["cpu_us"] for f in floors]
		self.note_compared({k: f.cpu_us for k, f in figures.items()})
		self.tell_compared(figures, floors, rss, base)
		self.tell_speech(speech)
		self.stop(*servers.values())

	def note_compared(self, cpu):
		"""Judged by what does the same work; the usual stands beside it."""
		for equal, usual in ((NginxStaticEqual, NginxStatic),
				     (NginxVariableEqual, NginxVariable),
				     (Bare, None)):
			if equal not in cpu:
				continue
			beside = usual in cpu and (
				f"{ratio(cpu[Mtastsd], cpu[usual])} of it as"
				" Debian has it")
			for key in RATIOS[equal]:
				self.seen.note(key, median_ratio(
					cpu[Mtastsd], cpu[equal]),
					beside=beside)

	def tell_compared(self, figures, floors, rss, base):
		others = [NginxStatic, NginxStaticEqual, NginxVariable,
			  NginxVariableEqual, Bare]

		def cpu(kind):
			return figures[kind].cpu_us if kind in figures else []

		head(f"{NAMES} names, a full TLS 1.3 handshake for each fetch",
		     "server", "CPU µs per fetch", "÷ static",
		     "÷ static, equal", "÷ by variable",
		     "÷ by variable, equal", "÷ bare", "÷ floor", "fetches/s",
		     "p50 ms", "p99 ms", "RSS MB", "KB per certificate")
		for kind, f in figures.items():
			more = (rss[kind] - base[kind]) / (NAMES - FEW)
			row(kind.label, spread(f.cpu_us),
			    *[ratio(f.cpu_us, cpu(o)) for o in others],
			    ratio(f.cpu_us, floors),
			    f"{statistics.median(f.per_second):.0f}",
			    ms(f.p50_us), ms(f.p99_us),
			    f"{rss[kind] / 1e6:.1f}", f"{more / 1e3:.1f}")
		row("floor", spread(floors),
		    *[ratio(floors, cpu(o)) for o in others], "1.00",
		    *["–"] * 5)

	def tell_speech(self, speech):
		"""What each of them really does, as a client sees it."""
		print("\nCipher and session tickets of a handshake:")
		for kind, (cipher, tickets) in speech.items():
			print(f"- {getattr(kind, 'label', kind)}: {cipher},"
			      f" {tickets}")

	# In other ways than senders' usual one.

	MODES = {
		"TLS 1.2": ["--tls12"],
		"resumption wanted": ["--resume"],
		"10 requests on a connection": ["--keep-alive", 10],
	}

	def modes(self):
		kinds = [k for k in (Mtastsd, NginxStaticEqual) if is_there(k)]
		servers = [self.start(k, NAMES) for k in kinds]
		found = {(m, s): Figures() for m in self.MODES for s in servers}
		for server in servers:
			sweep(server)
		settle(*servers)
		for _ in range(self.options.rounds):
			for (mode, server), f in found.items():
				one_round(server, f, *self.MODES[mode],
					  *self.timed)
		head("Other manners", "manner", "server", "CPU µs per fetch",
		     "fetches/s", "p99 ms", "resumed")
		for (mode, server), f in found.items():
			row(mode, server.label, spread(f.cpu_us),
			    f"{statistics.median(f.per_second):.0f}",
			    ms(f.p99_us), f.resumed)
		self.plain(servers[0])
		self.stop(*servers)

	def plain(self, server):
		"""A challenge that nobody has made: the look-up is the same."""
		https, f = server.port, Figures()
		server.port = server.daemon.http_port
		for _ in range(self.options.rounds):
			one_round(server, f, "--challenge", "nobodys-token",
				  "--status", 404, *self.timed)
		server.port = https
		row("challenges by plain HTTP", server.label, spread(f.cpu_us),
		    f"{statistics.median(f.per_second):.0f}", ms(f.p99_us),
		    "–")

	# With a second thread, on the same core.

	def threads(self):
		servers = {n: self.start(Mtastsd, NAMES, workers=n)
			   for n in (1, 2)}
		found = {n: Figures() for n in servers}
		for server in servers.values():
			sweep(server)
		settle(*servers.values())
		for _ in range(self.options.rounds):
			for n, server in servers.items():
				one_round(server, found[n], *self.timed)
		head("Serving threads, all on one core", "threads",
		     "CPU µs per fetch", "÷ one thread", "fetches/s")
		for n, f in found.items():
			row(n, spread(f.cpu_us), ratio(f.cpu_us, found[1].cpu_us),
			    f"{statistics.median(f.per_second):.0f}")
		self.seen.note("threads", median_ratio(found[2].cpu_us,
						       found[1].cpu_us))
		self.stop(*servers.values())

	# A large sender has noticed that all policies have changed.

	def refetch(self):
		refetch.play(self, self.options.refetch)

	# Among others who hold connections open, or mean no good.

	def crowd(self):
		crowds.play(self, *self.options.crowd)

	def attack(self):
		crowds.play_attack(self, *self.options.attack)

	def hold(self, server, count, *words):
		"""They come, and stay until they are told to go."""
		client = start_load(server, "--connections", count,
				    "--seconds", 3600, *words)
		self.holding.append(client)
		return client

	def let_go(self, server, client):
		"""What it has to tell."""
		self.holding.remove(client)
		client.terminate()
		return finish(server, client)

	# Alone, and large.

	ZIPF = f"Zipf {EXPONENT}"
	WAYS = {"uniform": [], ZIPF: ["--zipf", EXPONENT]}

	def scale(self):
		"""A daemon for each way: they want different names kept ready."""
		servers = {(n, way): self.start(Mtastsd, n)
			   for n in self.options.sizes for way in self.WAYS}
		found = {key: Figures() for key in servers}
		for (n, way), server in servers.items():
			found[n, way].warmed = warm(server, self.WAYS[way])
		settle(*servers.values())
		rss = {n: servers[n, "uniform"].rss()
		       for n in self.options.sizes}
		before = {key: s.presented() for key, s in servers.items()}
		settle(*servers.values())
		for number in range(self.options.rounds):
			for (n, way), f in found.items():
				one_round(servers[n, way], f, *self.WAYS[way],
					  "--seed", number + 1, *self.timed)
		for key, server in servers.items():
			found[key].from_memory = from_memory(
				before[key], server.presented())
		self.tell_scaled(servers, found, rss)
		self.stop(*servers.values())

	def tell_scaled(self, servers, found, rss):
		first = min(rss)
		columns = [c for w in self.WAYS for c in
			   (f"{w}: CPU µs per fetch", f"÷ {first}",
			    "from memory")]
		head("mtastsd alone", "domains", *columns,
		     "warmed by fetches, Zipf",
		     "start to first answer s", "RSS MB after a sweep",
		     "database bytes per domain beside keys and leafs",
		     "in all")
		for n in rss:
			server = servers[n, "uniform"]
			beside, whole = bytes_beside(server.world.state)
			cells = []
			for way in self.WAYS:
				f = found[n, way]
				cells += [spread(f.cpu_us), ratio(
					f.cpu_us, found[first, way].cpu_us),
					f"{f.from_memory:.1%}"]
			row(n, *cells, found[n, self.ZIPF].warmed,
			    f"{server.started:.2f}",
			    f"{rss[n] / 1e6:.0f}", f"{beside / n:.0f}",
			    f"{whole / n:.0f}")
		print("\nBefore the rounds each name was asked for once (uniform),"
		      " or so many by the same law,\nuntil a quarter more of them"
		      f" made the share from memory less than {WARMER:.1%}"
		      " larger\nor"
		      f" {WARMINGS} quarters were over (Zipf).")
		self.note_scaled(servers, found, rss, max(rss), first)

	def note_scaled(self, servers, found, rss, n, first):
		large = None if n == LARGE else f"{n} domains"
		both = large if first == NAMES else f"{n} and {first} domains"
		server = servers[n, "uniform"]
		for key, way in ("Zipf", self.ZIPF), ("uniform", "uniform"):
			self.seen.note(key, median_ratio(
				found[n, way].cpu_us,
				found[first, way].cpu_us), both)
		self.seen.note("rss", rss[n] / 1e6, large)
		self.seen.note("start", server.started, large)
		self.seen.note("database", bytes_beside(
			server.world.state)[0] / n / 1000, large)

	# What changes: certificates.

	def certificates(self, title, play, *sizes):
		"""A run of its own, told row by row."""
		head(title, "what", "seen")
		with own_folder() as folder:
			if not play(folder, *sizes, Clock(row), self.seen):
				raise Failed("a fetch, or what the CA was asked")

	def swap(self):
		swaps = self.options.swaps
		self.certificates(f"{swaps} certificates renewed under full load",
				  swap.play, swaps)

	def issuance(self):
		domains, live = self.options.issue
		self.certificates(f"Certificates for {live} of {domains} domains",
				  issuance.play, domains, live)


def tell_machine():
	model = next((line.split(":")[1].strip() for line in
		      Path("/proc/cpuinfo").read_text().splitlines()
		      if line.startswith("model name")), "unknown")
	tls = subprocess.run(["openssl", "version"], capture_output=True,
			     text=True, check=False).stdout.split("(")[0].strip()
	print(f"{model}, {os.cpu_count()} cores, Linux {platform.release()},"
	      f" {tls}, load {os.getloadavg()[0]:.1f} at the start", flush=True)


def parse():
	parser = argparse.ArgumentParser()
	parser.add_argument("--quick", action="store_true")
	parser.add_argument("--rounds", type=int)
	parser.add_argument("--seconds", type=int)
	parser.add_argument("--part", action="append", choices=PARTS)
	parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
	parser.add_argument("--refetch", type=int, metavar="DOMAINS",
			    default=refetch.DOMAINS)
	parser.add_argument("--crowd", type=int, nargs=2,
			    metavar=("SLOW", "IDLE"), default=crowds.CROWD)
	parser.add_argument("--attack", type=int, nargs=2,
			    metavar=("HELLOS", "HALF"), default=crowds.ATTACK)
	parser.add_argument("--swaps", type=int, default=swap.SWAPS)
	parser.add_argument("--issue", type=int, nargs=2,
			    metavar=("DOMAINS", "LIVE"),
			    default=(issuance.DOMAINS, issuance.LIVE))
	options = parser.parse_args()
	options.rounds = options.rounds or (5 if options.quick else 15)
	options.seconds = options.seconds or (1 if options.quick else 2)
	options.part = options.part or (["compare"] if options.quick else PARTS)
	return options


PARTS = ["compare", "modes", "threads", "refetch", "crowd", "attack", "swap",
	 "scale", "issuance"]


def main():
	options = parse()
	if os.cpu_count() < 2:
		sys.exit("bench: one core for the server and one for the"
			 " senders, that makes two")
	tell_machine()
	folder = tempfile.mkdtemp(prefix="bench-", dir=BUILD / "bench")
	bench = Bench(options, folder)
	try:
		good = [bench.run(part) for part in options.part]
		bench.seen.tell()
	finally:
		shutil.rmtree(folder, ignore_errors=True)
	sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
	main()
