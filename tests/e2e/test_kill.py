"""kill -9 at every boundary of commit, project and act of an order."""

import signal

import pytest

from harness.daemon import ORDER_DEAD, ORDER_DONE
from harness.front import Front
from harness.process import wait_for

WHERE = ["before-commit", "after-commit", "before-project", "after-project",
	 "before-act", "after-act"]
STATES = ["intent", "ordered", "presented", "challenged", "ready",
	  "finalizing", "polling", "download", "done"]


@pytest.fixture
def front(rig):
	front = Front(rig.http_port)
	yield front
	front.close()


@pytest.mark.parametrize("what", STATES)
@pytest.mark.parametrize("where", WHERE)
def test_killed_order_is_finished(rig, front, name, where, what):
	daemon = rig.daemon(http_port=front.behind)
	issued = rig.pebble.issued()
	kill_while_adding(rig, daemon, name, f"{where}:{what}")
	before = daemon.orders(name)

	daemon.start()
	daemon.wait_state("live", name)

	after = daemon.orders(name)
	assert [state for _, state in after] == [ORDER_DONE]
	if (where, what) == ("before-commit", "intent"):
		assert before == []
	else:
		assert [order for order, _ in before] == [after[0][0]]
	assert rig.pebble.issued() == issued + 1
	reply = rig.client(daemon).fetch(f"mta-sts.{name}")
	assert int(reply.serial, 16) == daemon.serial(name)


def test_order_that_the_ca_gave_up_while_we_were_dead(rig, front, name):
	"""The CA looks and finds nobody: the order is lost, the domain is not."""
	daemon = rig.daemon(http_port=front.behind)
	issued, orders = rig.pebble.issued(), rig.pebble.orders()
	front.is_deaf = True
	given_up = rig.pebble.given_up()
	kill_while_adding(rig, daemon, name, "after-commit:challenged")
	wait_for("the CA to give up", lambda: rig.pebble.given_up() > given_up)
	front.is_deaf = False

	daemon.start()
	daemon.wait_state("live", name, seconds=90)	# a minute's back-off

	states = [state for _, state in daemon.orders(name)]
	assert states == [ORDER_DEAD, ORDER_DONE]
	assert rig.pebble.orders() == orders + 2
	assert rig.pebble.issued() == issued + 1


def kill_while_adding(rig, daemon, name, point):
	daemon.start(env={"MTASTSD_KILL_AT": point})
	rig.dns.point(name)
	daemon.ctl("domain", "add", name, "--mx", f"mx.{name}")
	assert daemon.process.wait() == -signal.SIGKILL
