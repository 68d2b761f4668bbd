"""A box of 100,000 names: its start, its reload, and a swap under load."""

import os
import socket
import ssl
import time

import pytest

from harness.clones import clone
from harness.daemon import BUILD
from harness.fetch import POLICY_PATH, Fetcher, exchange
from harness.process import wait_for

NAMES = int(os.environ.get("LARGE_NAMES") or 100000)
# Sanitizers make everything several times slower; what is promised is not.
IS_SLOW = "asan" in BUILD.name
START_SECONDS = 10 if IS_SLOW else 2


def resident_mib(daemon):
	with open(f"/proc/{daemon.process.pid}/status") as status:
		return next(int(line.split()[1]) // 1024 for line in status
			    if line.startswith("VmRSS"))


def first_answer(client, daemon):
	"""Seconds from the start of the process to a policy."""
	start = time.monotonic()
	daemon.launch()

	def fetch():
		try:
			return client.fetch("mta-sts.first.test").status == 200
		except OSError:
			return False

	wait_for("the first answer", fetch, 120, 0.01)
	return time.monotonic() - start


@pytest.fixture
def large(rig):
	"""Few of the names can be looked at: see harness/clones.py."""
	daemon = rig.daemon().start()
	rig.dns.point("first.test", "second.test")
	daemon.add("first.test", "second.test")
	daemon.stop()
	clone(daemon, "first.test", [f"large{i}.test" for i in range(NAMES)])
	return daemon


@pytest.mark.alone
@pytest.mark.fault(44, f"a cold start with {NAMES} names; SIGHUP under "
		   "handshakes", f"an answer within {START_SECONDS} s; no "
		   "handshake fails")
def test_start_and_reload(rig, large, saw):
	client = rig.client(large)
	rebuilt = first_answer(client, large)
	large.wait_ready(60)
	large.stop()
	started = first_answer(client, large)
	large.wait_ready(60)

	hosts = ["mta-sts.first.test", "mta-sts.second.test"]
	with Fetcher(client, hosts, threads=4) as fetcher:
		for count in range(10):
			fetcher.wait_count(20 + fetcher.ok)
			large.settings["contact"] = f"box{count}@example.org"
			large.reload()
			wait_for("the reload", lambda: large.log.read_text()
				 .count("configuration read again") == count + 1,
				 20)

	assert fetcher.failures == []
	assert_serves_all(large)
	saw(f"first answer after {started:.2f} s, and after {rebuilt:.2f} s "
	    f"where serve.db is made anew; {resident_mib(large)} MiB; "
	    f"10 reloads in {fetcher.ok} handshakes, none failed")
	assert started <= START_SECONDS


def assert_serves_all(daemon):
	"""The last one too, whoever's certificate it shows."""
	context = ssl.create_default_context()
	context.check_hostname = False
	context.verify_mode = ssl.CERT_NONE
	for number in 0, NAMES // 2, NAMES - 1:
		name = f"large{number}.test"
		with socket.create_connection(
				("127.0.0.1", daemon.https_port), 5) as raw, \
				context.wrap_socket(
					raw, server_hostname=f"mta-sts.{name}"
				) as s:
			reply = exchange(s, f"mta-sts.{name}", "GET",
					 POLICY_PATH, None)
		assert reply.status == 200
		assert f"mx: mx.{name}\r\n".encode() in reply.body


@pytest.mark.quick
@pytest.mark.fault(45, "certificates are swapped under handshakes without a "
		   "pause", "certificate and key always belong together")
def test_swap_under_handshakes(rig, saw):
	daemon = rig.daemon().start()
	daemon.ca["limit_duplicates"] = "none"
	daemon.reload()
	names = [f"swap{i}.test" for i in range(4)]
	rig.dns.point(*names)
	daemon.add(*names)
	hosts = [f"mta-sts.{name}" for name in names]

	with Fetcher(rig.client(daemon), hosts, threads=4) as fetcher:
		for _ in range(5):
			for name in names:
				daemon.ok("cert", "renew", name, "--wait")
		fetcher.wait_count(fetcher.ok + 100)

	swaps = sum(len(seen) - 1 for seen in fetcher.serials.values())
	saw(f"{swaps} swaps in {fetcher.ok} verified handshakes, "
	    f"{len(fetcher.failures)} failed")
	assert fetcher.failures == []
	assert swaps == 5 * len(names)
