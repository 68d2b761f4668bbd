"""What the daemon looks at before it orders: its own port 80.

The CA's way is taken from outside here: the probe's token stands in the log.
"""

import re

from harness.fetch import fetch_plain

PATH = "/.well-known/acme-challenge/"


def words(daemon):
	"""Token and text of the newest start."""
	return re.findall(r"probe (\S+) is answered with (\S+)",
			  daemon.log.read_text())[-1]


def probe(daemon, host, token, method="GET"):
	return fetch_plain(daemon.http_port, host, PATH + token, method)


def test_the_probe_is_answered_under_any_name(rig):
	daemon = rig.daemon(log_level="debug").start()
	token, text = words(daemon)
	daemon.add("precheck-a.test", wait=False)

	for host in "mta-sts.precheck-a.test", "unknown.test", "127.0.0.1":
		for _ in range(8):	# whichever thread it is
			reply = probe(daemon, host, token)
			assert reply.status == 200
			assert reply.body == text.encode()
	assert text != token

	head = probe(daemon, "unknown.test", token, "HEAD")
	assert head.status == 200 and head.body == b""
	assert probe(daemon, "unknown.test", token, "POST").status == 405
	assert probe(daemon, "unknown.test", token[:-1]).status == 404
	assert probe(daemon, "unknown.test", text).status == 404


def test_the_probe_is_this_process_and_no_other(rig):
	daemon = rig.daemon(log_level="debug").start()
	before = words(daemon)
	daemon.stop()
	daemon.start()
	after = words(daemon)

	assert set(before).isdisjoint(after)
	assert probe(daemon, "a.test", before[0]).status == 404
	assert probe(daemon, "a.test", after[0]).body == after[1].encode()


def test_the_words_are_no_secret_of_the_usual_log(rig):
	daemon = rig.daemon().start()
	assert "is answered with" not in daemon.log.read_text()
