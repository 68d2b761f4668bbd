"""Faults in the middle of an order."""

import signal

import pytest

from harness.daemon import ORDER_DONE
from harness.front import Front


@pytest.fixture
def front(rig):
	front = Front(rig.http_port)
	yield front
	front.close()


@pytest.mark.quick
@pytest.mark.fault(4, "SIGKILL between the commit of a certificate and its swap",
		   "the next start serves it")
def test_killed_before_the_swap(rig, front, name, saw):
	daemon = rig.daemon(http_port=front.behind)
	issued = rig.pebble.issued()
	daemon.start(env={"MTASTSD_KILL_AT": "after-commit:done"})
	rig.dns.point(name)
	daemon.ctl("domain", "add", name, "--mx", f"mx.{name}")
	assert daemon.process.wait() == -signal.SIGKILL

	daemon.start()

	reply = rig.client(daemon).fetch(f"mta-sts.{name}")
	assert int(reply.serial, 16) == daemon.serial(name)
	assert [state for _, state in daemon.orders(name)] == [ORDER_DONE]
	assert rig.pebble.issued() == issued + 1
	saw("the first fetch after the start got it; 1 certificate issued")
