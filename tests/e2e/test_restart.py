"""What a stop, a crash or a lost file does not take away."""

import socket

import pytest

from harness.daemon import Daemon, answers
from harness.fetch import POLICY_PATH, fetch_plain


@pytest.fixture
def live(rig, daemon, name):
	rig.dns.point(name)
	daemon.add(name)
	return f"mta-sts.{name}"


def test_serve_db_is_rebuilt(rig, daemon, name, live):
	serial = daemon.serial(name)
	daemon.stop()
	lost = list(daemon.state.glob("serve.db*"))
	for path in lost:
		path.unlink()

	daemon.start()

	assert lost
	assert int(rig.client(daemon).fetch(live).serial, 16) == serial


def test_restart_serves_without_the_ca(make_rig, name):
	rig = make_rig()
	daemon = rig.daemon().start()
	rig.dns.point(name)
	daemon.add(name)
	client = rig.client(daemon)
	daemon.stop()
	requests = rig.pebble.requests()
	daemon.start()

	assert client.fetch(f"mta-sts.{name}").status == 200
	assert rig.pebble.requests() == requests

	daemon.stop()
	rig.pebble.stop()
	daemon.start()
	assert client.fetch(f"mta-sts.{name}").status == 200


def test_kill_keeps_what_was_said(rig, daemon, name, live):
	daemon.ok("policy", "enforce", "--force", "--reason", "story", name)
	daemon.kill()
	daemon.start()

	reply = rig.client(daemon).fetch(live)

	assert b"mode: enforce\r\n" in reply.body


def test_second_daemon_on_one_folder_is_refused(rig, daemon, name, live):
	second = Daemon(rig.folder / f"second-{name}").use(rig.pebble, rig.dns)
	second.settings["state_dir"] = daemon.state
	second.launch()

	assert second.process.wait() == 1
	said = second.log.read_text()
	assert str(daemon.process.pid) in said
	assert len(said.splitlines()) <= 2
	assert rig.client(daemon).fetch(live).status == 200


def test_challenge_is_answered_after_a_crash(make_rig, name):
	"""A token is durable before the CA is told to look."""
	rig = make_rig()
	daemon = rig.daemon()
	daemon.start(env={"MTASTSD_KILL_AT": "after-project:presented"})
	rig.dns.point(name)
	daemon.ctl("domain", "add", name, "--mx", f"mx.{name}")
	daemon.process.wait()
	[(token, answer)] = daemon.rows("SELECT token, key_auth FROM ord")

	rig.pebble.stop()
	daemon.start()
	reply = fetch_plain(daemon.http_port, f"mta-sts.{name}",
			    f"/.well-known/acme-challenge/{token}")

	assert reply.status == 200
	assert reply.body.decode() == answer


def test_running_answers_finish_on_sigterm(rig, name):
	daemon = rig.daemon().start()
	rig.dns.point(name)
	daemon.add(name)
	client, host = rig.client(daemon), f"mta-sts.{name}"
	with socket.create_connection(("127.0.0.1", daemon.https_port), 5) as raw:
		with client.context.wrap_socket(raw, server_hostname=host) as s:
			s.sendall(f"GET {POLICY_PATH} HTTP/1.1\r\n".encode())
			daemon.process.process.terminate()
			while True:	# until it listens no more
				try:
					client.fetch(host)
				except OSError:
					break
			s.sendall(f"Host: {host}\r\n\r\n".encode())
			assert s.recv(12) == b"HTTP/1.1 200"
	assert daemon.process.wait() == 0


def test_sigterm_as_soon_as_it_answers(rig):
	daemon = rig.daemon()
	for _ in range(10):
		daemon.launch()
		while not answers(daemon.socket):
			assert daemon.process.is_alive()
		daemon.stop()


def test_slow_connections_end_at_the_deadline(rig, name):
	daemon = rig.daemon(connection_deadline="2s").start()
	for port in daemon.https_port, daemon.http_port:
		with socket.create_connection(("127.0.0.1", port), 5) as s:
			s.sendall(b"G")
			s.settimeout(5)
			assert s.recv(100) == b""
