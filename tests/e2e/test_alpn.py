"""A CA that cannot see port 80 looks at port 443 (RFC 8737)."""

import socket
import sqlite3
import ssl

from harness.process import free_port, wait_for


def rig_on_443(make_rig, **settings):
	"""Pebble finds nobody on port 80, and the daemon on port 443."""
	port = free_port()
	rig = make_rig(tls_port=port, authz_reuse=0)
	daemon = rig.daemon(http_port=free_port(), https_port=port, **settings)
	return rig, daemon


def ask_for_443(daemon, name):
	"""As if tls-alpn-01 was what worked the last time."""
	daemon.stop()
	with sqlite3.connect(daemon.state / "state.db") as db:
		db.execute("UPDATE domain SET method = 1 WHERE name = ?",
			   [name])
	db.close()
	daemon.start()


def shake(daemon, host, *protocols):
	"""The protocol chosen and the certificate shown, or what went wrong."""
	context = ssl.create_default_context()
	context.check_hostname = False
	context.verify_mode = ssl.CERT_NONE
	context.set_alpn_protocols(protocols)
	address = ("127.0.0.1", daemon.https_port)
	try:
		with socket.create_connection(address, 10) as plain:
			with context.wrap_socket(plain,
						 server_hostname=host) as tls:
				return (tls.selected_alpn_protocol(),
					tls.getpeercert(binary_form=True))
	except ssl.SSLError as error:
		return str(error), None


def test_a_ca_validates_on_443(make_rig, name):
	rig, daemon = rig_on_443(make_rig)
	daemon.start()
	daemon.add(name, wait=False)
	ask_for_443(daemon, name)

	rig.dns.point(name)
	daemon.wait_state("live", name, seconds=60)

	host = f"mta-sts.{name}"
	reply = rig.client(daemon).fetch(host)
	assert reply.status == 200
	assert int(reply.serial, 16) == daemon.serial(name)

	daemon.ok("cert", "renew", name, "--wait")	# while one is served
	assert daemon.serial(name) != int(reply.serial, 16)
	assert rig.pebble.issued() == 2

	# It is over: nobody is a validator now, nobody is turned away.
	refused, shown = shake(daemon, host, "acme-tls/1")
	assert "alert no application protocol" in refused
	assert shown is None
	chosen, served = shake(daemon, host, "acme-tls/1", "http/1.1")
	assert chosen == "http/1.1"
	assert served == shake(daemon, host, "http/1.1")[1]


def test_it_is_turned_to_when_port_80_fails_and_remembered(make_rig, name):
	rig, daemon = rig_on_443(make_rig)
	daemon.start()
	rig.dns.point(name)
	daemon.add(name, wait=False)
	wait_for("the failure on port 80", lambda: daemon.rows(
		"SELECT failures FROM domain WHERE name = ?", name) == [(1,)], 30)

	daemon.ok("cert", "renew", name, "--wait")	# it would wait a minute
	orders = len(daemon.orders(name))
	daemon.ok("cert", "renew", name, "--wait")
	assert len(daemon.orders(name)) == orders + 1 == 3
	assert rig.pebble.issued() == 2
