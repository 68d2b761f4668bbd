"""What must be seen on two cores, beside what was seen in this run.

It is told, and nothing fails by it: times are a machine's and its neighbours',
and a run on a busy one is no defect.
"""

import operator
from dataclasses import dataclass

from bench.tables import head, row

SIGNS = {operator.le: "≤", operator.lt: "<", operator.ge: "≥",
	 operator.eq: "="}


@dataclass(frozen=True)
class Bound:
	what: str
	holds: callable
	limit: float
	unit: str = ""
	digits: int = 0

	def text(self, value):
		return f"{value:.{self.digits}f} {self.unit}".rstrip()

	def __str__(self):
		return (f"{SIGNS[self.holds]} {self.limit:g}"
			f" {self.unit}".rstrip())


def at_most(what, limit, unit="", digits=0):
	return Bound(what, operator.le, limit, unit, digits)


def below(what, limit, unit="", digits=0):
	return Bound(what, operator.lt, limit, unit, digits)


# What mtastsd.conf(5) says of max_connections.
BASE_MB, SHAKEN_KIB, SHAKING_KIB = 30, 24, 80


def caps_mb(max_connections, cache_size, each_kib):
	"""What these settings allow mtastsd to have resident."""
	return (BASE_MB + cache_size * 2**20 / 1e6 +
		max_connections * each_kib * 1024 / 1e6)


def resident(among, max_connections, cache_size, each_kib):
	return at_most(f"resident at most, among {among}, `max_connections ="
		       f" {max_connections}`, `cache_size = {cache_size}`",
		       round(caps_mb(max_connections, cache_size, each_kib)),
		       "MB")


NONE = 0, "", 0
BOUNDS = {
	"nginx, static": at_most("CPU per fetch ÷ nginx, static, made equal", 1,
				 "", 3),
	"the aim": at_most("the same, and the aim", 0.85, "", 3),
	"nginx, by variable": at_most("CPU per fetch ÷ nginx, by variable, made"
				      " equal", 0.45, "", 3),
	"bare loop": at_most("CPU per fetch ÷ bare loop", 1.15, "", 3),
	"Zipf": at_most("CPU per fetch of 100000 domains ÷ of 1000, Zipf", 1.1,
			"", 3),
	"uniform": at_most("CPU per fetch of 100000 domains ÷ of 1000, uniform",
			   1.45, "", 3),
	"rss": at_most("resident after a uniform sweep over 100000 domains",
		       150, "MB"),
	"start": at_most("start to first answer with 100000 domains", 1, "s", 2),
	"database": at_most("database per domain beside keys and leafs", 4, "KB",
			    2),
	"threads": at_most("CPU per fetch with two serving threads ÷ with one",
			   1.1, "", 3),
	"swap": at_most("commit to presented, the slowest of 100 swaps", 1, "s",
			3),
	"swap failures": Bound("handshakes and fetches that failed meanwhile",
			       operator.eq, *NONE),
	"orders": Bound("certificates a second, 5000 for 100000 domains",
			operator.ge, 50, "", 1),
	"lag": below("lag of the control thread meanwhile, p99", 50, "ms"),
	"admin": below("slowest admin call meanwhile", 200, "ms"),
	"crowd": below("p99 of fetches among 2000 slow and 10000 idle", 100,
		       "ms", 1),
	"idle": at_most("an idle connection takes", 24, "KiB", 1),
	"crowd rss": resident("them", 13000, 96, SHAKEN_KIB),
	"attack": below("p99 of fetches among 1500 hellos a second and 12000"
			" half-open connections", 100, "ms", 1),
	"attack rss": resident("those", 10000, 96,
			       SHAKING_KIB),
	"refetch": Bound("not answered within 2 s, of 20000 with new ids"
			 " refetched by 4 addresses, twice", operator.eq, *NONE),
}


class Seen:
	def __init__(self):
		self.found = {}

	def note(self, key, value, instead=None, beside=None):
		"""`instead`: what was measured, if it is not what the bound is of.

		`beside`: what is to be known as well, and is not judged.
		"""
		bound = BOUNDS[key]
		text, met = bound.text(value), "–"
		if beside:
			text += f"; {beside}"
		if instead:
			text += f" ({instead})"
		else:
			met = "yes" if bound.holds(value, bound.limit) else "**no**"
		self.found[key] = text, met

	def tell(self, whole=True):
		"""Or only those that were measured."""
		head("What must be seen", "what", "bound", "seen", "met")
		for key, bound in BOUNDS.items():
			if whole or key in self.found:
				row(bound.what, bound, *self.found.get(
					key, ("not in this run", "–")))
