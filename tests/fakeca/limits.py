"""Rate limits as token buckets, Let's Encrypt's published numbers first.

They judge always: what Let's Encrypt would have refused is counted as a
breach. They refuse only if told so ("enforce"). A bucket of `burst` tokens is
full again after `seconds`; what was refused takes no token.
"""

import math
import time
from collections import Counter

from .problem import Problem

DAY = 86400

LIMITS = {		# burst, seconds until an empty bucket is full
	"new-registrations": (10, 3 * 3600),		# per address
	"new-orders": (300, 3 * 3600),			# per account
	"certificates-per-domain": (50, 7 * DAY),	# registered domain
	"duplicates": (5, 7 * DAY),			# exact set of names
	"failed-authorizations": (5, 3600),		# name and account
	"consecutive-failures": (1152, 1152 * DAY),	# name and account
	# At the edge, per address: answered 503.
	"edge-new-nonce": (10, 0.5),
	"edge-new-account": (15, 3),
	"edge-new-order": (200, 2 / 3),
	"edge-renewal-info": (100, 0.1),
	"edge-acme": (125, 0.5),
	"edge-directory": (40, 1),
}

WORDS = {
	"new-registrations": "too many new registrations ({burst}) from this "
			     "IP address in the last {seconds}s",
	"new-orders": "too many new orders ({burst}) from this account in the "
		      "last {seconds}s",
	"certificates-per-domain": "too many certificates ({burst}) already "
				   "issued for {key} in the last {seconds}s",
	"duplicates": "too many certificates ({burst}) already issued for "
		      "this exact set of identifiers in the last {seconds}s",
	"failed-authorizations": "too many failed authorizations ({burst}) "
				 "for {key} in the last {seconds}s",
	"consecutive-failures": "too many consecutive failures for {key}",
}


def busy(seconds):
	"""Overload: of the CA, not of anybody's limit."""
	return Problem("rateLimited", "Service busy; retry later.", 503,
		       {"Retry-After": str(math.ceil(seconds))})


def refusal(name, key, wait, burst, seconds):
	"""Boulder's words, with the moment until which to wait."""
	if name.startswith("edge-"):
		return busy(wait)
	until = time.strftime("%Y-%m-%d %H:%M:%S UTC",
			      time.gmtime(time.time() + wait))
	text = WORDS[name].format(key=key, burst=burst, seconds=seconds)
	return Problem("rateLimited", f"{text}, retry after {until}: see "
		       "https://limits.test/", None,
		       {"Retry-After": str(math.ceil(wait))})


class Limits:
	def __init__(self, settings):
		self._settings = settings
		self._buckets = {}	# (name, key) -> (tokens, at)
		self.breaches = Counter()
		self.first_breach = None

	def size(self, name):
		"""(burst, seconds), or None if the limit was taken away."""
		told = self._settings["limits"].get(name)
		if told is False:
			return None
		return tuple(told) if told else LIMITS[name]

	def tokens(self, name, key):
		size = self.size(name)
		if size is None:
			return math.inf
		burst, seconds = size
		left, at = self._buckets.get((name, key), (burst, 0))
		passed = max(0, time.time() - at)	# clocks step back, too
		return min(burst, left + passed * burst / seconds)

	def check(self, name, key):
		"""Is there a token? Without one it is a breach."""
		missing = 1 - self.tokens(name, key)
		if missing <= 0:
			return
		burst, seconds = self.size(name)
		refused = refusal(name, key, missing * seconds / burst, burst,
				  seconds)
		self.breaches[name] += 1
		if not self.first_breach:
			self.first_breach = f"{name} of {key}"
		if {name, "*"} & set(self._settings["enforce"]):
			raise refused

	def spend(self, name, key):
		tokens = self.tokens(name, key)
		if tokens != math.inf:
			self._buckets[name, key] = (max(0, tokens - 1),
						    time.time())

	def take(self, name, key):
		self.check(name, key)
		self.spend(name, key)

	def refill(self, name, key):
		self._buckets.pop((name, key), None)


def registered_domain(name):
	"""Of the names in our tests: the last two labels."""
	return ".".join(name.split(".")[-2:])
