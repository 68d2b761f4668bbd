"""Nonces (RFC 8555 6.5): each is good once.

One that comes a second time is a client's fault, unless we broke off the
answer to its first request: then whoever sends (a library, too) may repeat.
"""

import secrets
import time

from .problem import Problem, Wrong

MOST = 100000


class Nonces:
	def __init__(self):
		self._fresh = {}	# nonce -> when it was given, oldest first
		self._used = {}		# nonce -> may it come again?
		self._count = 0

	def new(self):
		nonce = secrets.token_urlsafe(16)
		self._fresh[nonce] = time.time()
		forget_oldest(self._fresh)
		return nonce

	def use(self, nonce, life):
		given = self._fresh.pop(nonce, None)
		if given is None and self._used.get(nonce) is False:
			raise Wrong("badNonce", "this nonce was used before")
		self._used[nonce] = False
		forget_oldest(self._used)
		if given is None:
			raise Problem("badNonce", "unknown nonce")
		if life is not None and time.time() - given > life:
			raise Problem("badNonce", "this nonce is too old")

	def forgive(self, nonce):
		"""The answer to this one was broken off by us."""
		if nonce in self._used:
			self._used[nonce] = True

	def roll(self, dice, share, every):
		"""Good nonces that are refused all the same."""
		self._count += 1
		if (every and self._count % every == 0) or \
				(share and dice.random() < share):
			raise Problem("badNonce", "no luck with this nonce")


def forget_oldest(table):
	if len(table) > MOST:
		del table[next(iter(table))]
