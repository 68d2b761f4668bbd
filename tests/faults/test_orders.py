"""Faults in the middle of an order: the daemon dies, an answer is lost."""

import signal

import pytest

from harness.daemon import ORDER_DONE
from harness.front import Front
from harness.invariants import check_all
from harness.process import wait_for
from harness.stage import make_stage  # noqa: F401

STATES = ["intent", "ordered", "presented", "challenged", "ready",
	  "finalizing", "polling", "download", "done"]
WHERE = ["before-commit", "after-commit", "before-project", "after-project",
	 "before-act", "after-act"]
KILLED = ("SIGKILL at each labelled point in each state of an order",
	  "the same order is finished; no duplicate order or certificate")


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


# 1. Each story kills at one point, in one state after the other. An order of
# a name that fakeca has validated before skips three of them, so here none is
# remembered. CAs validate while we are dead, which the front covers up.

def killed_at(stage, label, act):
	"""Starts it, does what leads to the point, and starts it again."""
	stage.start(env={"MTASTSD_KILL_AT": label})
	act()
	stage.wait_killed()
	before = stage.daemon.rows("SELECT id FROM ord WHERE ended_at = 0")
	stage.start()
	return [row[0] for row in before]


@pytest.mark.fault(1, *KILLED)
@pytest.mark.parametrize("where", WHERE)
def test_killed_in_a_first_order(make_stage, saw, where):
	stage = make_stage({"authz_reuse": 0, "processing": 0.2}, front=True)
	for i, state in enumerate(STATES):
		name = f"first{i}.test"
		stage.dns.point(name)
		before = killed_at(stage, f"{where}:{state}", lambda:
				   stage.daemon.ctl("domain", "add", name,
						    "--mx", f"mx.{name}"))
		stage.wait_live(name)
		(order, ended), = stage.daemon.orders(name)
		assert ended == ORDER_DONE
		assert before in ([order], [])
		if i < len(STATES) - 1:
			stage.daemon.stop()
	check_all(stage)
	saw_orders(saw, stage)


@pytest.mark.fault(1, *KILLED)
@pytest.mark.parametrize("where, states", [
	*((where, STATES) for where in WHERE),
	pytest.param("after-act", ["intent"], marks=pytest.mark.quick),
	pytest.param("after-act", ["finalizing"], marks=pytest.mark.quick)],
	ids=[*WHERE, "after-act-intent", "after-act-finalizing"])
def test_killed_in_a_renewal(make_stage, saw, where, states):
	stage = make_stage({"authz_reuse": 0, "processing": 0.2},
			   front=True).start()
	names = [f"renewed-{state}.test" for state in states]
	stage.live(*names)	# a few: each may be renewed once in some days
	for name, state in zip(names, states):
		serial = stage.daemon.serial(name)
		stage.daemon.stop()
		killed_at(stage, f"{where}:{state}", lambda:
			  stage.daemon.ctl("cert", "renew", name))
		stage.wait_renewed(name, serial)
	assert stage.orders_made() == 2 * len(names)
	check_all(stage)
	saw_orders(saw, stage)


def saw_orders(saw, stage):
	saw(f"{stage.crashes} kills, {stage.orders_made()} orders at the CA, "
	    f"{stage.issued()} certificates")


@pytest.fixture
def make_stage_at(make_rig, make_stage):
	def make(kind):
		if kind == "fakeca":
			return make_stage(front=True, proxy=True).start()
		rig = make_rig(nonce_reject=0)	# or it may be that which is lost
		return make_stage(rig.pebble, rig=rig, front=True,
				  proxy=True).start()

	return make


# 2. and 3. The request reaches the CA, the answer is never given, and the
# daemon is killed while it waits.

def kill_waiting_for(stage, path, act):
	stage.proxy.rule({"blackhole": "after"}, times=1, path=path)
	act()
	wait_for("the CA to have got it", lambda: any(
		done == "blackhole after" for *_, done in stage.proxy.seen))
	stage.kill()
	return stage.daemon.rows("SELECT id, key_id FROM ord WHERE ended_at = 0")


LOST_ORDER = ("SIGKILL after newOrder, whose answer is lost",
	      "the order that was made is found, and no other one made")


@pytest.mark.quick
@pytest.mark.fault(2, *LOST_ORDER)
def test_lost_renewal_order_at_fakeca(make_stage, name, saw):
	stage = make_stage(front=True, proxy=True).start()
	stage.live(name)
	serial = stage.daemon.serial(name)

	(order, key), = kill_waiting_for(stage, "*/new-order",
					 lambda: stage.ask_renewal(name))
	stage.start()
	stage.wait_renewed(name, serial)

	assert stage.statuses(name, "new-order") == [201, 201, 409, 201]
	assert stage.orders_made() == 2
	assert stage.ca.count("orders_reused") == 1
	assert stage.daemon.orders(name)[-1] == (order, ORDER_DONE)
	check_all(stage)
	saw("409 alreadyReplaced, then without replaces the same order; "
	    "2 orders and 2 certificates in all")


@pytest.mark.quick
@pytest.mark.fault(2, *LOST_ORDER)
@pytest.mark.parametrize("kind", ["pebble", "fakeca"])
def test_lost_first_order(make_stage_at, name, saw, kind):
	stage = make_stage_at(kind)

	(order, key), = kill_waiting_for(
		stage, ["*/order-plz", "*/new-order"],
		lambda: stage.add(name))
	stage.start()
	stage.wait_live(name)

	assert stage.orders_made() == 1
	assert stage.daemon.orders(name) == [(order, ORDER_DONE)]
	check_all(stage, crashes=0)
	saw(f"{kind}: 1 order, found by "
	    f"{'the list of orders' if kind == 'pebble' else 'asking again'}")


LOST_FINALIZE = ("SIGKILL in finalize, whose answer is lost",
		 "the order is looked at, and its certificate downloaded: "
		 "same key, 1 certificate")


@pytest.mark.quick
@pytest.mark.fault(3, *LOST_FINALIZE)
@pytest.mark.parametrize("kind", ["pebble", "fakeca"])
def test_lost_finalize(make_stage_at, name, saw, kind):
	stage = make_stage_at(kind)

	(order, key), = kill_waiting_for(stage, "*/finalize*",
					 lambda: stage.add(name))
	stage.start()
	stage.wait_live(name)

	assert stage.daemon.orders(name) == [(order, ORDER_DONE)]
	assert stage.daemon.rows("SELECT key_id FROM cert") == [(key,)]
	posts = [path for method, path, _ in stage.proxy.seen
		 if "/finalize" in path]
	assert len(posts) == 1
	assert stage.issued() == 1
	check_all(stage)
	saw(f"{kind}: 1 finalize, 1 certificate, with the order's key")
