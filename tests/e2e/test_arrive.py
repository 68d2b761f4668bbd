"""From `domain add` to live, and what may stand in between."""

import subprocess
import time

import pytest

from harness.daemon import BUILD
from harness.pebble import EAB_KEY
from harness.process import wait_for


def policy_body(mx):
	return (f"version: STSv1\r\nmode: testing\r\nmx: {mx}\r\n"
		"max_age: 604800\r\n").encode()


@pytest.mark.parametrize("options", [
	{"authz_reuse": 0, "chain_length": 3},
	{"authz_reuse": 100},
], ids=["no-reuse-long-chain", "authz-reuse"])
def test_add_to_live(make_rig, name, options):
	rig = make_rig(**options)
	daemon = rig.daemon().start()
	rig.dns.point(name)

	daemon.add(name)

	view = daemon.domain(name)
	assert view["state"] == "live"
	reply = rig.client(daemon).fetch(f"mta-sts.{name}")
	assert reply.status == 200
	assert reply.body == policy_body(f"mx.{name}")
	assert int(reply.serial, 16) == daemon.serial(name)

	daemon.ok("cert", "renew", name, "--wait")
	assert daemon.serial(name) != int(reply.serial, 16)
	again = rig.client(daemon).fetch(f"mta-sts.{name}")
	assert int(again.serial, 16) == daemon.serial(name)
	assert rig.pebble.issued() == 2


def test_external_account_binding(make_rig, name, tmp_path):
	rig = make_rig(eab=True)
	key = tmp_path / "eab.key"
	key.write_text(EAB_KEY + "\n")
	daemon = rig.daemon()
	daemon.ca |= {"eab_kid": "kid-1", "eab_key_file": key}
	daemon.start()
	rig.dns.point(name)

	daemon.add(name)

	assert daemon.domain(name)["state"] == "live"


def test_binding_missing_is_said_in_words(make_rig, name):
	rig = make_rig(eab=True)
	daemon = rig.daemon().start()
	rig.dns.point(name)

	result = daemon.ctl("domain", "add", name, "--mx", f"mx.{name}",
			    "--wait", "--timeout", "15s")

	assert result.status != 0
	assert "eab" in str(result).lower()
	assert rig.pebble.orders() == 0


def test_two_hundred_domains_in_one_loop(make_rig):
	rig = make_rig()
	daemon = rig.daemon().start()
	names = [f"n{i}.test" for i in range(200)]
	rig.dns.point(*names)

	subprocess.run(
		["xargs", "-P", "4", "-I{}", BUILD / "mtastsctl", "--socket",
		 daemon.socket, "domain", "add", "{}", "--mx", "mx.{}"],
		input="\n".join(names), text=True, check=True,
		stdout=subprocess.DEVNULL)

	wait_for("200 domains to be live", lambda: count_live(daemon) == 200,
		 300, 0.5)	# under sanitizers, beside others
	client = rig.client(daemon)
	for name in names[::10]:
		reply = client.fetch(f"mta-sts.{name}")
		assert reply.body == policy_body(f"mx.{name}")
	assert rig.pebble.issued() == 200


def count_live(daemon):
	return daemon.rows("SELECT count(*) FROM domain WHERE state = 2")[0][0]


def test_waiting_domains_cost_no_order(make_rig):
	rig = make_rig()
	daemon = rig.daemon().start()
	names = [f"w{i}.test" for i in range(50)]
	daemon.ok("domain", "add", *names, "--mx", "mx.example.org")
	time.sleep(5)
	for name in names:
		assert daemon.domain(name)["state"] == "waiting-for-dns"
	assert rig.pebble.orders() == 0
	assert daemon.rows("SELECT count(*) FROM ord") == [(0,)]

	rig.dns.point(*names)

	wait_for("50 domains to be live", lambda: count_live(daemon) == 50,
		 60, 0.5)
	assert rig.pebble.issued() == 50


def test_client_hello_wakes_a_waiting_domain(rig, daemon, name):
	"""Right after a look at its DNS, when the next is 5 s away."""
	def looks():
		return daemon.rows("SELECT dns_looks FROM domain")[0][0]

	daemon.add(name, wait=False)
	wait_for("a second look at its DNS", lambda: looks() >= 2)
	rig.dns.point(name)

	client = rig.client(daemon)
	with pytest.raises(OSError):
		client.fetch(f"mta-sts.{name}")

	daemon.wait_state("live", name, seconds=4)
	assert client.fetch(f"mta-sts.{name}").status == 200


@pytest.mark.parametrize("kind, data, words", [
	("A", "127.0.0.2", "127.0.0.2"),
	("AAAA", "2001:db8::1", "2001:db8::1"),
], ids=["elsewhere", "wrong-aaaa"])
def test_dns_that_leads_elsewhere_waits(rig, daemon, name, kind, data, words):
	rig.dns.point(name)
	rig.dns.set(f"mta-sts.{name}", kind, data)
	before = rig.pebble.orders()

	result = daemon.ctl("domain", "add", name, "--mx", f"mx.{name}",
			    "--wait", "--timeout", "3s")

	assert result.status != 0
	assert words in str(result)
	assert daemon.domain(name)["state"] == "waiting-for-dns"
	assert rig.pebble.orders() == before


def test_servfail_waits_and_says_so(daemon):
	result = daemon.ctl("domain", "add", "x.broken.test", "--mx",
			    "mx.example.org", "--wait", "--timeout", "3s")

	assert result.status != 0
	assert "SERVFAIL" in str(result)
	assert result.err.endswith(
		"mtastsctl: stopped waiting after 3s: mtastsd goes on by "
		"itself (mtastsctl status)\n"), result
	assert daemon.orders("x.broken.test") == []


def test_pebble_restarted_forgets_us(make_rig, name):
	rig = make_rig()
	daemon = rig.daemon().start()
	rig.dns.point(name)
	daemon.add(name)
	old_serial, old_account = daemon.serial(name), account(daemon)

	rig.pebble.restart()
	daemon.ok("cert", "renew", name, "--wait")

	assert daemon.serial(name) != old_serial
	assert rig.client(daemon).fetch(f"mta-sts.{name}").status == 200
	assert account(daemon) == old_account
	assert daemon.rows("SELECT count(*) FROM account") == [(1,)]


def account(daemon):
	"""The key of the account in use."""
	return daemon.rows("SELECT scalar, point FROM account"
			   " WHERE superseded_at = 0")
