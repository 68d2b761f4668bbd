"""A proxy stands between the world and the box, and says who is there."""

import socket
import ssl
import time

import pytest

from harness.fetch import Client
from harness.haproxy import Haproxy
from harness.process import free_port, wait_for

SOURCE = "127.0.0.9"


@pytest.fixture
def proxied(rig):
	"""A daemon that believes SOURCE, and starts proxies in front of it."""
	begun = []

	def begin(says, source=SOURCE, **settings):
		# The CA's validator comes by the proxy, too.
		daemon = rig.daemon(http_port=free_port(), workers=1,
				    check_http_port=rig.http_port,
				    proxies=[source], **settings)
		proxy = Haproxy(daemon.folder / "haproxy", daemon, rig.http_port,
				source, says)
		daemon.settings["check_https_port"] = proxy.https_port
		begun.append(proxy)
		return daemon.start(), proxy

	yield begin
	for proxy in begun:
		if proxy.process.is_alive():
			proxy.stop()


@pytest.mark.parametrize("says", ["send-proxy", "send-proxy-v2"])
def test_all_is_served_by_a_proxy(rig, proxied, says):
	daemon, proxy = proxied(says)
	rig.dns.point("a.test")
	daemon.add("a.test")
	by_proxy = Client(proxy.https_port, rig.pebble.root())
	assert by_proxy.fetch("mta-sts.a.test").status == 200
	# Whoever is no proxy comes as ever, and is taken for nobody else.
	assert rig.client(daemon).fetch("mta-sts.a.test").status == 200


@pytest.mark.parametrize("says", ["send-proxy", "send-proxy-v2"])
def test_the_cap_of_an_address_is_for_who_is_behind_the_proxy(rig, proxied,
							      says):
	cap = 8		# the CA and the box itself come from one address, too
	daemon, proxy = proxied(says, max_per_address=cap)
	rig.dns.point("a.test")
	daemon.add("a.test")
	held = [shake(proxy, rig, "127.0.0.5") for _ in range(cap)]
	with pytest.raises(OSError):
		shake(proxy, rig, "127.0.0.5")
	others = [shake(proxy, rig, f"127.0.0.{i}") for i in range(6, 9)]
	held.pop().close()	# and then there is room again
	wait_for("room", lambda: is_let_in(proxy, rig, "127.0.0.5"))
	for s in held + others:
		s.close()


def test_a_proxy_that_does_not_say_so_is_told_of(rig, proxied):
	daemon, proxy = proxied("")
	for port in proxy.https_port, proxy.http_port:
		with socket.create_connection(("127.0.0.1", port), 5) as s:
			s.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
			assert s.recv(100) == b""
	assert daemon.process.text().count(
		f"{SOURCE} is one of proxies in mtastsd.conf(5)") == 1
	assert serving(daemon)["unproxied"] == 2


def test_nobody_else_can_say_who_he_is(rig, proxied):
	daemon, _ = proxied("send-proxy")
	with socket.create_connection(("127.0.0.1", daemon.http_port), 5) as s:
		time.sleep(0.2)	# it is accepted before it speaks
		s.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"
			  b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
		assert s.recv(100).startswith(b"HTTP/1.1 400 ")
	assert ("a connection from 127.0.0.1 begins with a PROXY header"
		in daemon.process.text())


def test_the_box_that_looks_at_itself_says_that_it_is_none(rig, proxied):
	daemon, proxy = proxied("send-proxy-v2", source="127.0.0.1")
	rig.dns.point("a.test")
	daemon.add("a.test")
	before = serving(daemon)
	proxy.stop()	# now nobody comes but itself
	wait_for("looks", lambda: serving(daemon)["handshakes"] >
		 before["handshakes"] + 2, 60)
	assert serving(daemon)["unproxied"] == 0
	assert daemon.json("alert", "list")["alerts"] == []


def serving(daemon):
	return daemon.json("status")["serving"]


def test_the_box_reaches_itself_past_the_proxy(rig):
	# All names lead here directly, and this address is a proxy's, too.
	daemon = rig.daemon(proxies=["127.0.0.0/24"]).start()
	rig.dns.point("a.test")
	daemon.add("a.test", wait=False)
	wait_for("the order", lambda: "order placed" in daemon.process.text())
	assert "no order yet" not in daemon.process.text()


def is_let_in(proxy, rig, source):
	try:
		shake(proxy, rig, source).close()
		return True
	except OSError:
		return False


def shake(proxy, rig, source):
	raw = socket.create_connection(("127.0.0.1", proxy.https_port), 5,
				       (source, 0))
	context = ssl.create_default_context(cafile=rig.pebble.root())
	try:
		return context.wrap_socket(raw, server_hostname="mta-sts.a.test")
	except OSError:
		raw.close()
		raise
