"""Fixtures of the faults that need a CA which misbehaves as it is told.

make_box	a daemon with a fakeca: see harness/box.py
box		one of them, started
"""

import pytest

from harness.box import Box
from harness.invariants import check_box


@pytest.fixture
def make_box(rig, make_fakeca):
	"""`ca` are fakeca's settings; the rest is for mtastsd.conf."""
	boxes = []

	def make(clock=None, ca=None, **settings):
		fakeca = make_fakeca(env=clock and clock.env())
		fakeca.set(**(ca or {}))
		boxes.append(Box(rig, fakeca, clock, **settings))
		return boxes[-1]

	yield make
	try:
		for box in boxes:
			if box.daemon.is_running():
				check_box(box)
	finally:
		rig.end_daemons()	# before the CAs: they end with the test


@pytest.fixture
def box(make_box):
	return make_box().start()
