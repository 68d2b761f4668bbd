"""Randomness from a seed, one stream per purpose.

Streams are apart so that one more nonce does not change every serial after
it: a story with one more request still meets the same weather.
"""

import random


class Dice:
	def __init__(self, seed):
		self._seed = seed
		self._streams = {}

	def __getitem__(self, purpose):
		if purpose not in self._streams:
			self._streams[purpose] = random.Random(
				f"{self._seed}/{purpose}")
		return self._streams[purpose]
