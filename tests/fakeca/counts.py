"""What happened: the numbers that tests compare with the client's own."""

import time
from collections import Counter, defaultdict, deque

MOST_LOG = 50000
MOST_COMPLAINTS = 100


class Counts:
	def __init__(self):
		self.totals = Counter()
		self.requests = Counter()	# per endpoint
		self.replies = Counter()	# per "endpoint status"
		self.ari_polls = Counter()	# per serial
		self.names = defaultdict(Counter)
		self.serials = defaultdict(list)	# per name, in order
		self.complaints = []
		self.log = deque(maxlen=MOST_LOG)

	def add(self, what, names=()):
		self.totals[what] += 1
		for name in names:
			self.names[name][what] += 1

	def complain(self, endpoint, text):
		"""A client was wrong. The first complaint tells most."""
		self.totals["complaints"] += 1
		if len(self.complaints) < MOST_COMPLAINTS:
			self.complaints.append({"at": time.time(),
						"endpoint": endpoint,
						"text": text})

	def request(self, endpoint, names, status, fate):
		self.requests[endpoint] += 1
		self.replies[f"{endpoint} {status}"] += 1
		self.log.append((time.time(), endpoint, list(names), status,
				 fate))

	def view(self):
		return dict(self.totals) | {
			"requests": self.requests,
			"replies": self.replies,
			"ari_polls": self.ari_polls,
			"names": self.names,
			"serials": self.serials,
		}

	def view_log(self, name=None):
		keys = ("at", "endpoint", "names", "status", "fate")
		return [dict(zip(keys, line)) for line in self.log
			if name is None or name in line[2]]
