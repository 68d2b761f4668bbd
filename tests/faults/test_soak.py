"""The soak: hours of faults of many kinds, and never a bad certificate.

A fleet with certificates of minutes lives through a random mix of faults, as
they come in years: the daemon is killed, stopped, suspended and reloaded; the
CA goes away, loses answers, answers nonsense and forgets everything; names
vanish from DNS; the disk is full, or fails; the clock steps. Not all that the
other stories inject: what needs a CA that misbehaves as it is told (fakeca), or
two CAs, is not in it, for the CA is one pebble. Each fault is short against the certificates' life, as real
ones are, and followed by a calm no shorter than itself, so that the CA can be
reached for at least half of each certificate's margin.

	make soak [HOURS=1] [NAMES=200] [LIFE=300] [SEED=1]

LIFE is that of a certificate, in seconds. A fault lasts up to a fifteenth of
it, and 10 s.
"""

import errno
import os
import random
import signal
import statistics
import time
from collections import Counter

import pytest

from harness.clock import Steps
from harness.faultproxy import FaultProxy
from harness.prober import Prober
from harness.process import free_port, wait_for
from harness.rig import Rig
from harness.shim import FaultyDisk

HOURS = float(os.environ.get("HOURS") or 1)
NAMES = int(os.environ.get("NAMES") or 200)
LIFE = int(os.environ.get("LIFE") or 300)
SEED = int(os.environ.get("SEED") or 1)

# From the first half to the second, by the middle of what was seen in each.
FEWEST_MEASURED = 20
MORE_RSS = 1.2		# times
MORE_FILES = 8

LOSSES = [
	{"drop": "before"}, {"drop": "after"}, {"reset": "after"},
	{"truncate": 20}, {"duplicate": "first"}, {"duplicate": "second"},
	{"delay": 2}, {"delay_after": 2}, {"blackhole": "after"},
	{"status": 500, "body": "<html>oops</html>"},
	{"status": 503, "headers": {"Retry-After": "3"}, "body": "{}"},
]


class Fleet:
	"""A rig, a daemon with many names, a prober, and dice."""

	def __init__(self):
		https_port = free_port()
		self.dice = random.Random(SEED)
		self.rig = Rig(validity=LIFE, tls_port=https_port)
		self.rig.start()
		self.proxy = FaultProxy(self.rig.pebble)
		# The CA's limits are for years of this; so are ours.
		self.daemon = self.rig.daemon(https_port=https_port)
		self.daemon.ca |= {"directory": self.proxy.directory,
				   "limit_new_orders": "none",
				   "limit_failed_validations": "none"}
		self.disk = FaultyDisk(self.daemon.state, self.rig.folder)
		self.clock = Steps(self.rig.folder)
		self.start()
		self.names = [f"soak{i}.test" for i in range(NAMES)]
		self.prober = Prober(https_port, [f"mta-sts.{name}"
						  for name in self.names])
		self.prober.trust(self.rig.pebble.root())
		self.did = Counter()
		self.memory = []	# in kB, after each fault
		self.files = []		# open ones, likewise

	def start(self):
		"""With a disk and a clock of its own."""
		disk, clock = self.disk.env, self.clock.env()
		self.daemon.start(env=disk | clock | {
			"LD_PRELOAD": disk["LD_PRELOAD"] + " " +
				      clock["LD_PRELOAD"]})

	def close(self):
		self.proxy.close()
		self.rig.close()

	def arrive(self):
		self.rig.dns.point(*self.names)
		for name in self.names:
			status, view = self.daemon.api(
				"POST", "/v1/domains",
				{"name": name, "mx": [f"mx.{name}"]}, 60)
			assert status == 200, view
		self.wait_live(120 + NAMES)

	def wait_live(self, seconds):
		wait_for("all to be live and well", self.all_live, seconds, 1)

	def all_live(self):
		"""Their records are nobody's here: `status` asks for these."""
		return self.daemon.rows(
			"SELECT count(*) FROM domain"
			" WHERE state = 2 AND problem = ''") == [(NAMES,)]

	def some_time(self):
		return self.dice.uniform(0, 10 + LIFE / 15)

	# The faults.

	def kill(self):
		with self.prober.absence():
			self.daemon.kill()
			self.start()

	def kill_and_stay_away(self):
		with self.prober.absence():
			self.daemon.kill()
			time.sleep(self.some_time())
			self.start()

	def restart(self):
		with self.prober.absence():
			self.daemon.stop()
			self.start()

	def suspend(self):
		process = self.daemon.process.process
		with self.prober.absence():
			process.send_signal(signal.SIGSTOP)
			time.sleep(self.some_time())
			process.send_signal(signal.SIGCONT)
			wait_for("it to be awake", self.daemon.is_running)
			self.daemon.api("GET", "/v1/status", seconds=60)

	def reload(self):
		self.daemon.settings["contact"] = \
			f"box{self.dice.randrange(1000)}@example.org"
		self.daemon.reload()

	def ca_forgets_all(self):
		self.rig.pebble.stop()
		time.sleep(self.some_time() * self.dice.randrange(2))
		with self.prober.new_root():
			self.rig.pebble.start()
			self.prober.trust(self.rig.pebble.root())

	def ca_unreachable(self):
		self.proxy.set_net(self.dice.choice(
			["refused", "reset", "blackhole"]))
		time.sleep(self.some_time())
		self.proxy.set_net("up")

	def losses(self):
		for do in self.dice.sample(LOSSES, 3):
			self.proxy.rule(do, share=0.05)
		time.sleep(self.some_time())
		self.end_losses()

	def end_losses(self):
		"""What hangs ends as well, or the fault would go on in it."""
		self.proxy.drop_rules()
		self.proxy.set_net("up")

	def killed_in_losses(self):
		self.proxy.rule({"drop": "after"}, share=0.3)
		time.sleep(self.some_time())
		self.kill()
		self.end_losses()

	def names_vanish(self):
		gone = self.dice.sample(self.names, max(1, NAMES // 10))
		self.rig.dns.forget(*gone)
		time.sleep(self.some_time())
		self.rig.dns.point(*gone)

	def dns_is_down(self):
		process = self.rig.dns.process.process
		process.send_signal(signal.SIGSTOP)
		time.sleep(self.some_time())
		process.send_signal(signal.SIGCONT)

	def disk_is_full(self):
		self.disk.fail(errno.ENOSPC)
		time.sleep(self.some_time())
		self.disk.work()

	def disk_fails(self):
		self.disk.fail(errno.EIO)
		time.sleep(self.some_time())
		self.disk.work()

	def clock_steps(self):
		self.clock.step(self.dice.choice([-1, 1]) *
				self.dice.uniform(60, 7200))
		time.sleep(self.some_time())
		self.clock.set(0)

	FAULTS = (kill, kill_and_stay_away, restart, suspend, reload,
		  ca_forgets_all, ca_unreachable, losses, killed_in_losses,
		  names_vanish, dns_is_down, disk_is_full, disk_fails,
		  clock_steps)

	def weather(self, end):
		while time.monotonic() < end and not self.prober.faults:
			fault = self.dice.choice(self.FAULTS)
			print(f"{time.strftime('%T')} {fault.__name__}",
			      flush=True)
			start = time.monotonic()
			fault(self)
			lasted = time.monotonic() - start
			self.did[fault.__name__] += 1
			time.sleep(lasted + self.dice.uniform(0, LIFE / 30))
			self.measure()

	def measure(self):
		proc = f"/proc/{self.daemon.process.pid}"
		with open(f"{proc}/status") as status:
			rss = next(int(line.split()[1]) for line in status
				   if line.startswith("VmRSS"))
		self.memory.append(rss)
		self.files.append(len(os.listdir(f"{proc}/fd")))

	# What was seen.

	def certificates(self):
		"""All there ever were; old rows go, numbers do not come back."""
		return self.daemon.rows("SELECT max(id) FROM cert")[0][0]

	def figures(self, hours):
		counts, did = self.prober.counts, self.did
		return (f"{hours:.2f} h, {NAMES} names, life {LIFE} s, seed "
			f"{SEED}: {counts['good']} good handshakes, "
			f"{counts['absent']} while it was down, "
			f"{self.certificates()} certificates, "
			f"{sum(did.values())} faults ("
			+ ", ".join(f"{n} {w.replace('_', ' ')}"
				    for w, n in sorted(did.items()))
			+ f"), nearest to expiry {self.prober.nearest:.0f} s, "
			f"memory {told(self.memory)} kB, open files "
			f"{told(self.files)}, expired or wrong "
			f"{counts['bad']}, missing {counts['missing']}")


def halves(seen):
	"""The middle of the first half's, and that of the second's."""
	half = len(seen) // 2
	return (statistics.median(seen[:half] or seen),
		statistics.median(seen[half:]))


def told(seen):
	first, second = halves(seen)
	return f"{first:.0f}, later {second:.0f}, {max(seen)} at most"


@pytest.fixture
def fleet():
	fleet = Fleet()
	try:
		yield fleet
		fleet.rig.end_daemons()
	finally:
		fleet.close()


@pytest.mark.soak
@pytest.mark.fault(52, "hours of kills, restarts, suspensions, CA outages and "
		   "losses, CAs wiped, DNS flaps, disks full and failing, "
		   "clock steps",
		   "never an expired or wrong certificate; neither memory nor "
		   "open files grow")
def test_soak(fleet, saw):
	fleet.arrive()
	start = time.monotonic()
	with fleet.prober:
		fleet.weather(start + HOURS * 3600)
		if not fleet.prober.faults:
			fleet.wait_live(LIFE + 120)
	hours = (time.monotonic() - start) / 3600

	saw(fleet.figures(hours))
	assert fleet.prober.faults == []
	assert fleet.prober.counts["good"] > 0
	assert len(fleet.prober.serials) > NAMES	# there were renewals
	assert_no_growth(fleet)
	assert_whole(fleet)


def assert_no_growth(fleet):
	"""Of a process that is often killed: what it leaks in minutes."""
	if len(fleet.files) < FEWEST_MEASURED:
		return
	before, after = halves(fleet.memory)
	assert after <= before * MORE_RSS, fleet.memory
	before, after = halves(fleet.files)
	assert after <= before + MORE_FILES, fleet.files


def assert_whole(fleet):
	"""No certificate without a row but of orders that are under way, and
	those that a wiped CA took along."""
	fleet.daemon.stop()
	[(open_orders,)] = fleet.daemon.rows(
		"SELECT count(*) FROM ord WHERE ended_at = 0")
	lost = fleet.rig.pebble.issued() - fleet.certificates()
	assert 0 <= lost <= open_orders + 32 * fleet.did["ca_forgets_all"]
	assert fleet.daemon.rows("PRAGMA integrity_check") == [("ok",)]
