"""Renewal under the eyes of clients that never stop fetching."""

import time

from harness.fetch import Fetcher


def test_sixty_second_certificates_for_two_minutes(make_rig):
	rig = make_rig(validity=60)
	daemon = rig.daemon().start()
	names = ["a.test", "b.test", "c.test"]
	rig.dns.point(*names)
	daemon.add(*names)
	hosts = [f"mta-sts.{name}" for name in names]

	with Fetcher(rig.client(daemon), hosts, pause=0.02) as fetcher:
		time.sleep(120)

	assert fetcher.failures == []
	assert fetcher.ok > 1000
	for host in hosts:
		assert len(fetcher.serials[host]) >= 3


def test_forced_renewal_drops_no_connection(rig, daemon, name):
	rig.dns.point(name)
	daemon.add(name)
	host = f"mta-sts.{name}"

	with Fetcher(rig.client(daemon), [host]) as fetcher:
		fetcher.wait_count(50)
		daemon.ok("cert", "renew", name, "--wait")
		fetcher.wait_count(fetcher.ok + 50)

	assert fetcher.failures == []
	assert len(fetcher.serials[host]) == 2
	assert int(fetcher.serials[host][1], 16) == daemon.serial(name)
