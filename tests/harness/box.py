"""A daemon and the CA that it uses, a fakeca, with a clock of their own."""

import time

from .clock import NO_CHECK_TIME, Rush
from .fetch import Client, Fetcher
from .process import wait_for


class Box:
	"""Names are those of `rig`'s DNS server, and lead to the daemon.

	ca	validates at the daemon's ports
	clock	see clock.py, or None
	"""

	def __init__(self, rig, ca, clock=None, **settings):
		self.dns, self.ca, self.clock = rig.dns, ca, clock
		self.more_cas = []
		if isinstance(clock, Rush):
			settings = clock.settings() | settings
		self.daemon = rig.daemon(ca.http_port, ca.tls_port, **settings)
		self.daemon.use(ca, rig.dns)

	def start(self):
		self.daemon.start(env=self.clock and self.clock.env())
		return self

	def live(self, *names):
		"""They get their first certificates."""
		self.dns.point(*names)
		self.add(*names)
		self.daemon.wait_state("live", *names, seconds=120)

	def add(self, *names):
		"""Through the API: quicker than as many commands."""
		for name in names:
			status, answer = self.daemon.api(
				"POST", "/v1/domains",
				{"name": name, "mx": [f"mx.{name}"]})
			if status != 200:
				raise AssertionError(f"{name}: {answer}")

	def renew(self, *names):
		for name in names:
			self.daemon.ok("cert", "renew", name, "--wait")

	# What a sender sees, whose clock is the box's.

	def client(self):
		client = Client(self.daemon.https_port, self.ca.root())
		if self.clock:
			client.context.verify_flags |= NO_CHECK_TIME
		return client

	def served(self, name):
		return self.client().fetch(f"mta-sts.{name}")

	def fetcher(self, *names, pause=0.05):
		now = self.clock and self.clock.now
		return Fetcher(self.client(), [f"mta-sts.{n}" for n in names],
			       pause=pause, now=now)

	# What the daemon knows.

	def now(self):
		return self.clock.now() if self.clock else time.time()

	def orders(self):
		"""Under way, or due."""
		return self.daemon.rows(
			"SELECT (SELECT count(*) FROM ord WHERE ended_at = 0)"
			" + (SELECT count(*) FROM domain WHERE ready_at > 0"
			"    OR due_at BETWEEN 1 AND ?)", self.now())[0][0]

	def polls(self):
		"""The same. (One under way is put off by 15 min.)"""
		return self.daemon.rows(
			"SELECT count(*) FROM cert WHERE state = 0"
			" AND ari_poll_at BETWEEN 1 AND ?",
			self.now() + 1000)[0][0]

	def wait_idle(self, seconds=20):
		wait_for("nothing to be under way", lambda: self.orders() +
			 self.polls() == 0, seconds)

	def failures(self, name):
		return self.daemon.rows("SELECT failures FROM domain"
					" WHERE name = ?", name)[0][0]

	def problem(self, name):
		return self.daemon.rows("SELECT problem FROM domain"
					" WHERE name = ?", name)[0][0]

	def certs(self, name):
		"""What it has of certificates, oldest first, as dicts."""
		keys = ("serial", "state", "not_before", "not_after",
			"renew_at", "created_at", "ari_poll_at",
			"ari_failures")
		return [dict(zip(keys, row)) for row in self.daemon.rows(
			f"SELECT {', '.join('c.' + k for k in keys)} FROM cert c"
			" JOIN domain d ON d.id = c.domain_id"
			" WHERE d.name = ? ORDER BY c.id", name)]

	def told(self, *kinds, name=None):
		"""The texts of the trail's lines of these kinds."""
		status, answer = self.daemon.api(
			"GET", f"/v1/log?limit=1000{'&name=' + name if name else ''}")
		assert status == 200, answer
		return [line["text"] for line in answer["events"]
			if not kinds or line["kind"] in kinds]

	def ca_view(self):
		return self.daemon.json("ca", "list")["cas"][0]

	def wait_issued(self, name, count, seconds=30):
		wait_for(f"{count} certificates of {name}", lambda: self.ca.count(
			"certificates", f"mta-sts.{name}") >= count, seconds)

	def new_orders(self, name):
		"""Their statuses at the CA, in order."""
		return [r["status"] for r in self.ca.seen(f"mta-sts.{name}")
			if r["endpoint"] == "new-order"]
