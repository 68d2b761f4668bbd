"""Rules: what shall be done to which requests, and how often.

	{"match": {"endpoint": "new-order", "name": "mta-sts.x"},
	 "skip": 1, "times": 3, "share": 0.5, "do": {...}}

match	patterns (as in a shell) or lists of them; all must fit, and what is
	not named fits always
skip	so many matching requests pass first
times	then it is done so often; without it, always
share	and only to this share of them, from the seed
do	what: see the table of whoever owns the rules

Of several rules that fit, all are done; of two that contradict each other,
the newer one wins. A key that nobody knows is refused, because a rule with a
typing error is a test that tests nothing.
"""

import itertools
from fnmatch import fnmatchcase

FIELDS = {"match", "skip", "times", "share", "do"}


class BadRule(ValueError):
	pass


class Rule:
	def __init__(self, number, rule):
		self.number = number
		self.match = rule.get("match", {})
		self.skip = rule.get("skip", 0)
		self.times = rule.get("times")
		self.share = rule.get("share", 1)
		self.do = rule["do"]
		self.hits = 0

	def fits(self, facts):
		return all(any(fnmatchcase(str(fact), str(pattern))
			       for fact in as_list(facts.get(key))
			       for pattern in as_list(patterns))
			   for key, patterns in self.match.items())

	def takes(self, dice):
		"""It fits: is this one of those that it is done to?"""
		if self.skip > 0:
			self.skip -= 1
			return False
		if self.times is not None and self.hits >= self.times:
			return False
		if self.share < 1 and dice.random() >= self.share:
			return False
		self.hits += 1
		return True

	def view(self):
		return {"id": self.number, "match": self.match, "do": self.do,
			"hits": self.hits,
			"left": None if self.times is None
			else self.times - self.hits}


def as_list(value):
	if value is None:
		return []
	return value if isinstance(value, (list, tuple)) else [value]


class Rules:
	"""`match_keys` and `do_keys` are all that its owner understands."""

	def __init__(self, match_keys, do_keys, dice):
		self._match_keys = set(match_keys)
		self._do_keys = set(do_keys)
		self._dice = dice
		self._numbers = itertools.count(1)
		self.rules = []

	def add(self, rule):
		if "do" not in rule:
			raise BadRule("a rule without \"do\"")
		self._check("field", rule, FIELDS)
		self._check("match", rule.get("match", {}), self._match_keys)
		self._check("do", rule["do"], self._do_keys)
		self.rules.append(Rule(next(self._numbers), rule))
		return self.rules[-1].number

	@staticmethod
	def _check(what, given, known):
		unknown = set(given) - known
		if unknown:
			raise BadRule(f"unknown {what}: {', '.join(unknown)}")

	def remove(self, number=None):
		"""One of them, or all."""
		self.rules = [r for r in self.rules
			      if number is not None and r.number != number]

	def take(self, facts):
		"""All that shall be done to a request with these facts."""
		do = {}
		for rule in self.rules:
			if rule.fits(facts) and rule.takes(self._dice):
				do |= rule.do
		return do

	def view(self):
		return [rule.view() for rule in self.rules]
