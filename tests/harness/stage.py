"""A daemon, its CA, and what can stand between the two and break.

	CA <-> (faultproxy) <-> daemon
	CA  -> (front)       -> daemon's port 80

The CA is a fakeca, or pebble where another one's ways matter. Used through
the fixture make_stage, which a module imports.
"""

import signal
import time

import pytest

from .clock import NO_CHECK_TIME
from .fakeca import FakeCa
from .faultproxy import FaultProxy
from .fetch import Client, Fetcher
from .front import Front
from .process import free_port, wait_for


class Stage:
	"""Names are those of `dns`, and lead to the daemon.

	ca	validates at the front, if there is one, else at the daemon
	proxy, front	or None
	more_cas	others that issue to the daemon
	rush		the time of daemon and fakeca (clock.Rush), or None
	"""

	def __init__(self, rig, ca, front=None, proxy=None, rush=None,
		     **settings):
		self.rig, self.dns, self.ca = rig, rig.dns, ca
		self.front, self.proxy, self.rush = front, proxy, rush
		self.more_cas = []
		if rush:
			settings = rush.settings() | settings
		http_port = front.behind if front else ca.http_port
		self.daemon = rig.daemon(http_port, ca.tls_port, **settings)
		self.daemon.use(proxy or ca, rig.dns)
		self.daemon.issuers = [ca]
		self.orders_before, self.issued_before = ca.orders(), ca.issued()
		self.crashes = 0

	def start(self, env=None):
		self.daemon.start(env=env or self.rush and self.rush.env())
		return self

	def now(self):
		return self.rush.now() if self.rush else time.time()

	def kill(self):
		self.daemon.kill()
		self.crashes += 1

	def wait_killed(self):
		"""It kills itself, as it was told in MTASTSD_KILL_AT."""
		status = self.daemon.process.wait(30)
		assert status == -signal.SIGKILL, status
		self.crashes += 1

	# Names and certificates.

	def add(self, *names):
		"""Points and adds them, and does not wait."""
		self.dns.point(*names)
		for name in names:
			status, answer = self.daemon.api(
				"POST", "/v1/domains",
				{"name": name, "mx": [f"mx.{name}"]})
			assert status == 200, answer

	def live(self, *names, seconds=60):
		"""They get their first certificates."""
		self.add(*names)
		self.wait_live(*names, seconds=seconds)

	def wait_live(self, *names, seconds=60):
		self.daemon.wait_state("live", *names, seconds=seconds)

	def ask_renewal(self, name):
		"""As an admin does, without waiting for what comes of it."""
		self.daemon.ok("cert", "renew", name)

	def renew(self, name, seconds=30):
		"""... and waits for another certificate than before."""
		before = self.daemon.serial(name)
		self.ask_renewal(name)
		self.wait_renewed(name, before, seconds)

	def wait_renewed(self, name, before, seconds=30):
		wait_for(f"another certificate of {name}",
			 lambda: self.daemon.serial(name) != before, seconds,
			 0.05)

	# What a sender sees.

	def client(self):
		client = Client(self.daemon.https_port, self.ca.root())
		for ca in self.more_cas:
			client.context.load_verify_locations(cafile=ca.root())
		if self.rush:	# Fetcher and invariants look at the date
			client.context.verify_flags |= NO_CHECK_TIME
		return client

	def served(self, name):
		"""The serial of the leaf that is served."""
		reply = self.client().fetch(f"mta-sts.{name}")
		assert reply.status == 200
		return int(reply.serial, 16)

	def fetcher(self, *names, pause=0.05):
		return PunctualFetcher(self.now, self.client(), [
			f"mta-sts.{n}" for n in names], threads=1, pause=pause)

	# What the daemon knows, and what the CA saw.

	def of_domain(self, column, name):
		return self.daemon.rows(f"SELECT {column} FROM domain"
					" WHERE name = ?", name)[0][0]

	def blamed(self):
		"""The names that are charged with a failure."""
		return [name for name, in self.daemon.rows(
			"SELECT name FROM domain WHERE failures > 0"
			" ORDER BY id")]

	def breaker(self):
		"""(failures in a row, seconds until the next try)"""
		return self.daemon.rows(
			"SELECT failures, retry_ms / 1000.0 - ?"
			" FROM ca ORDER BY id", self.now())[0]

	def live_order(self, name):
		"""Its order that is under way, as a dict, or None."""
		keys = ("id", "state", "tries", "sent", "wake_ms", "key_id",
			"order_url", "created_at")
		rows = self.daemon.rows(
			f"SELECT {', '.join('o.' + k for k in keys)} FROM ord o"
			" JOIN domain d ON d.id = o.domain_id"
			" WHERE d.name = ? AND o.ended_at = 0", name)
		return dict(zip(keys, rows[0])) if rows else None

	def told(self, *kinds):
		"""The texts of the trail's lines of these kinds, in order."""
		return [text for kind, text in self.daemon.rows(
			"SELECT kind, text FROM trail ORDER BY id")
			if kind in kinds]

	def seen(self, name=None, endpoint=None):
		"""Requests at the fakeca, oldest first."""
		return [r for r in self.ca.seen(name and f"mta-sts.{name}")
			if endpoint in (None, r["endpoint"])]

	def statuses(self, name, endpoint):
		return [r["status"] for r in self.seen(name, endpoint)]

	def orders_made(self):
		"""How many new ones the CA has made for this stage."""
		return self.ca.orders() - self.orders_before

	def issued(self):
		return self.ca.issued() - self.issued_before

	def close(self):
		if self.proxy:
			self.proxy.close()
		if self.front:
			self.front.close()


class PunctualFetcher(Fetcher):
	"""Knows what time it is on the stage."""

	def __init__(self, now, *args, **options):
		super().__init__(*args, **options)
		self.clock = now

	def _problem(self, reply):
		if reply.status == 200 and reply.not_after <= self.clock():
			return f"leaf {reply.serial} has expired"
		return super()._problem(reply)


@pytest.fixture
def make_stage(rig, tmp_path):
	"""ca: settings of a new fakeca, or a Pebble that has been started;
	the rest is as Stage has it, or for mtastsd.conf."""
	stages, fakecas = [], []

	def make_fakeca(settings, **options):
		options.setdefault("http_port", free_port())
		fakecas.append(FakeCa(tmp_path / f"ca{len(fakecas)}",
				      name=f"fakeca{len(fakecas)}", **options))
		fakecas[-1].start().set(**settings)
		return fakecas[-1]

	def make(ca=None, front=False, proxy=False, rush=None, rig=rig,
		 **settings):
		if ca is None or isinstance(ca, dict):
			ca = make_fakeca(ca or {}, env=rush and rush.env())
		stages.append(Stage(rig, ca,
				    Front(ca.http_port) if front else None,
				    FaultProxy(ca) if proxy else None, rush,
				    **settings))
		return stages[-1]

	make.fakeca = make_fakeca
	yield make
	rig.end_daemons()	# before the CAs, so that they end in peace
	for stage in stages:
		stage.close()
	for ca in fakecas:
		ca.stop()
