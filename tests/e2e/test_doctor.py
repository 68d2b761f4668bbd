"""mtastsctl doctor: each fault really happens, and is named with its remedy."""

import ctypes
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

import pytest

from harness import village
from harness.daemon import BUILD, SANITIZERS
from harness.outside import Authority, Listener, PolicyHost
from harness.process import free_port, wait_for
from harness.shim import build_shim

CONF = "/etc/mtastsd/mtastsd.conf"
FINE, WARNINGS, ERRORS = 0, 1, 2
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
STA_UNSYNC = 0x40
V4, V6 = "11.22.33.44", "2a01:4f8::44"


def found(done):
	"""{id: finding}; those that were not seen beside."""
	assert done.stdout, done.stderr
	view = json.loads(done.stdout)
	worst = {"ok": FINE, "warning": WARNINGS, "error": ERRORS}
	assert worst[view["health"]] == done.returncode
	order = ["error", "warning", "note"]
	levels = [order.index(f["level"]) for f in view["findings"]]
	assert levels == sorted(levels)		# the gravest first
	return ({f["id"]: f for f in view["findings"]},
		{f["id"]: f for f in view["unseen"]})


# ---- in a village, where there is a fresh server ----

class Server:
	def __init__(self, folder):
		self.folder = folder
		self.village = village.Village(folder / "village")
		self.run, self.ok = self.village.run, self.village.ok
		self.write = self.village.write
		self.daemon = None

	def configure(self, text="", **settings):
		lines = {"contact": '"me@example.test"', "agree_tos": "true",
			 "ca_order": '{"test"}'} | settings
		self.write(CONF, "".join(f"{k} = {v}\n" for k, v in
					 lines.items()) + text + f"""
ca test {{
	directory = "https://ca.test:14000/directory"
	trust = "/etc/mtastsd/root.pem"
}}
""")

	def furnish(self, *addresses, **settings):
		self.village.address(*addresses)
		self.village.town(self.folder)
		self.write("/etc/mtastsd/root.pem",
			   (self.folder / "root.pem").read_text())
		self.configure(**settings)
		return self

	def start(self, *wrapper):
		log = self.folder / "mtastsd.log"
		self.daemon = self.village.spawn(
			"mtastsd", [*wrapper, BUILD / "mtastsd"], log, SANITIZERS)
		self.daemon.wait_ready(lambda: "ready (version" in
				       log.read_text())
		return self

	def doctor(self, *words, prefix=(), env=None):
		return self.run(*prefix, BUILD / "mtastsctl", "doctor", *words,
				env=os.environ | SANITIZERS | (env or {}))

	def look(self, *words, **more):
		return found(self.doctor("--json", *words, **more))

	def kept(self):
		"""The clock is, as far as doctor knows."""
		return {"LD_PRELOAD": str(build_shim("keptclock", self.folder)),
			"ASAN_OPTIONS": "verify_asan_link_order=0"}


@pytest.fixture
def server(tmp_path):
	if not village.is_possible():
		pytest.skip("there are no namespaces to be had here")
	server = Server(tmp_path)
	yield server
	server.village.end()


def test_all_is_well_in_one_line(server):
	server.furnish(f"{V4}/24", f"{V6}/64").start()
	done = server.doctor(env=server.kept())
	assert (done.stdout, done.stderr) == ("all is well\n", "")
	assert done.returncode == FINE
	assert server.look(env=server.kept()) == ({}, {})


def test_a_clock_that_nobody_keeps(server):
	"""As the kernel of this machine has it."""
	server.furnish(f"{V4}/24").start()
	timex = (ctypes.c_char * 512)()
	ctypes.CDLL(None).adjtimex(timex)
	*_, status = struct.unpack_from("I4li", timex)
	notes, _ = server.look()
	assert set(notes) == ({"clock.unkept"} if status & STA_UNSYNC else
			      set())
	for one in notes.values():
		assert "chrony" in one["hint"]


@pytest.mark.parametrize("shift, says", [("+2h", "2 h ahead of"),
					 ("-2h", "2 h behind")])
def test_a_clock_that_is_far_off(server, shift, says):
	server.furnish(f"{V4}/24").start()
	notes, unseen = server.look(prefix=["faketime", "-f", shift], env={
		"FAKETIME_DONT_FAKE_MONOTONIC": "1",
		"ASAN_OPTIONS": "verify_asan_link_order=0"})
	assert "clock.wrong" in notes, (notes, unseen)
	assert f"clock is {says} that of ca test" in notes["clock.wrong"]["text"]
	assert notes["clock.wrong"]["level"] == "error"


def test_a_daemon_that_does_not_run_is_the_first_thing_to_be_said(server):
	server.furnish(f"{V4}/24", f"{V6}/64")
	done = server.doctor(env=server.kept())
	first, *rest = done.stdout.splitlines()
	assert done.returncode == ERRORS
	assert first.startswith("error     mtastsd does not run")
	assert "mtastsd --user mtastsd" in first
	assert "all is well" not in done.stdout
	notes, unseen = server.look(env=server.kept())
	assert set(notes) - {"user.missing"} == {
		"daemon.silent", "state.missing", "sockets.missing"}
	assert set(unseen) == {"files.no-daemon"}


def test_without_systemd_no_advice_names_it(server, squatter):
	"""The village has none: its /run is empty."""
	server.ok("sed", "-i", "/^mtastsd:/d", "/etc/passwd")
	notes, _ = server.look()
	assert {"daemon.silent", "port.taken", "user.missing", "state.missing",
		"sockets.missing"} <= set(notes)
	for id, note in notes.items():
		assert "systemctl" not in note["hint"], id
		assert "journalctl" not in note["hint"], id
		assert "timedatectl" not in note["hint"], id
	server.ok("tee", "-a", "/etc/passwd", input=USER, stdin=None)
	assert "user.missing" not in server.look()[0]


def test_as_shipped_both_ways_say_the_two_lines(server):
	server.village.address(f"{V4}/24")
	notes, _ = server.look()
	assert CONF in notes["config.not-set-up"]["text"]
	assert "contact = " in notes["config.not-set-up"]["hint"]
	assert "agree_tos = true" in notes["config.not-set-up"]["hint"]
	server.start()
	notes, _ = server.look()
	assert "contact = " in notes["config.not-set-up"]["text"]
	assert "reload" in notes["config.not-set-up"]["hint"]
	assert "daemon.silent" not in notes


# ---- the configuration ----

def test_a_line_that_is_wrong_is_named(server):
	server.furnish(f"{V4}/24")
	server.configure("colour = red\n")
	notes, unseen = server.look()
	assert f"{CONF}:4: no such option" in notes["config.bad"]["text"]
	assert "mtastsd.conf(5)" in notes["config.bad"]["hint"]
	assert "next start" not in notes["config.bad"]["text"]
	assert {"config.unknown"} <= set(unseen)	# and never "well"


def test_a_contact_that_lets_encrypt_refuses(server):
	server.furnish(f"{V4}/24")
	assert "config.contact" not in server.look()[0]		# another CA's
	server.configure(contact='"postmaster@example.org"',
			 ca_order='{"test", "letsencrypt"}')
	note = server.look()[0]["config.contact"]
	assert note["level"] == "warning"
	assert "postmaster@example.org" in note["text"]
	assert "CA letsencrypt refuses" in note["text"]
	assert CONF in note["hint"]
	done = server.run(BUILD / "mtastsd", "--check-config",
			  env=os.environ | SANITIZERS)
	assert done.returncode == 0 and "good" in done.stdout, done
	assert "postmaster@example.org" in done.stderr


def test_of_a_daemon_that_runs_it_is_said_what_comes_next(server):
	server.furnish(f"{V4}/24").start()
	server.configure("colour = red\n")
	notes, _ = server.look()
	assert f"{CONF}:4" in notes["config.bad"]["text"]
	assert "(its next start fails)" in notes["config.bad"]["text"]
	server.daemon.process.send_signal(1)
	wait_for("the reload to be refused", lambda: "config.refused" in
		 server.look()[0])
	assert "config.bad" not in server.look()[0]	# once is enough


def test_a_key_that_is_closed_to_who_asks_is_no_fault(server):
	server.furnish(f"{V4}/24")
	server.ok("chmod", "600", "/etc/mtastsd/root.pem")
	assert "config.bad" not in server.look()[0]
	notes, unseen = server.look(prefix=NOBODY)
	assert "config.bad" not in notes
	assert "root.pem" in unseen["config.closed"]["text"]
	server.ok("chmod", "600", CONF)
	_, unseen = server.look(prefix=NOBODY)
	assert CONF in unseen["config.closed"]["text"]


def test_and_one_that_is_closed_to_the_daemon_is_one(server):
	server.furnish(f"{V4}/24")
	server.ok("tee", "-a", "/etc/passwd", input=USER, stdin=None)
	server.ok("chmod", "600", "/etc/mtastsd/root.pem")
	notes, _ = server.look()
	assert "the daemon's user mtastsd may not read it" in notes[
		"config.bad"]["text"]
	assert "chmod 640" in notes["config.bad"]["hint"]


def test_another_file_may_be_named(server):
	server.furnish(f"{V4}/24")
	notes, _ = server.look("--config", "/etc/mtastsd/x.conf")
	assert "/etc/mtastsd/x.conf" in notes["config.bad"]["text"]


# ---- ports ----

@pytest.fixture
def squatter(server):
	"""Somebody else has port 80."""
	server.furnish(f"{V4}/24")
	server.village.spawn("squatter", [
		sys.executable, "-m", "http.server", "80"],
		server.folder / "squatter.log")
	wait_for("the squatter", lambda: server.run(
		"curl", "-s", "http://127.0.0.1/").returncode == 0)
	return server.village.guests[-1]


def test_a_port_that_is_taken_and_by_whom(server, squatter):
	notes, _ = server.look()
	taken = notes["port.taken"]
	name = os.path.basename(sys.executable)
	assert taken["text"] == (f"0.0.0.0:80 is taken by {name} "
				 f"(pid {squatter.pid})")
	assert "listen_http in" in taken["hint"] and CONF in taken["hint"]
	assert server.run(BUILD / "mtastsd").returncode not in (0, None)


def test_whoever_may_not_see_whose_it_is_is_told_so(server, squatter):
	notes, unseen = server.look(prefix=NOBODY)
	assert "you may not see" in notes["port.taken"]["text"]
	assert "be root" in notes["port.taken"]["hint"]
	assert "CAP_NET_BIND_SERVICE" in notes["port.privileged"]["text"]
	assert "be root" in unseen["firewall.closed"]["text"]


def test_a_second_mtastsd_is_told_apart(server):
	server.furnish(f"{V4}/24").start()
	server.configure(run_dir='"/run/other"')
	notes, _ = server.look("--socket", "/run/other/admin.sock", "--config",
			       CONF)
	assert "taken by mtastsd" in notes["port.taken"]["text"]
	assert "--socket" in notes["port.taken"]["hint"]


def test_another_socket_is_named(server):
	server.furnish(f"{V4}/24", run_dir='"/run/other"').start()
	notes, _ = server.look()
	assert notes["daemon.silent"]["hint"] == (
		f"{CONF} has another socket: --socket /run/other/admin.sock")
	notes, _ = server.look("--socket", "/run/other/admin.sock")
	assert "daemon.silent" not in notes


def test_other_ports_than_the_worlds_are_not_said_to_be_well(server):
	server.furnish(f"{V4}/24", listen_https='{"0.0.0.0:8443"}').start()
	_, unseen = server.look()
	assert "8443" in unseen["port.other"]["text"]


# ---- addresses ----

@pytest.mark.parametrize("addresses, settings, id, says", [
	([], {}, "address.none", "link-local"),
	(["10.0.0.5/24"], {}, "address.private", "10.0.0.5"),
	(["10.0.0.5/24", "fd00::5/64"], {}, "address.private", "fd00::5"),
	(["100.64.7.7/10"], {}, "address.carrier-nat", "100.64.7.7"),
	(["10.0.0.5/24"], {"public_addresses": '{"10.0.0.5"}'},
	 "address.not-public", "10.0.0.5"),
])
@pytest.mark.parametrize("runs", [False, True])
def test_a_box_that_nobody_reaches(server, addresses, settings, id, says, runs):
	if addresses:
		server.village.address(*addresses)
	server.configure(**settings)
	server.write("/etc/mtastsd/root.pem", "")
	if runs:
		server.start()
	notes, _ = server.look()
	assert notes[id]["level"] == "error" and says in notes[id]["text"]
	assert notes[id]["hint"]


def test_behind_nat_with_its_addresses_named_it_is_well(server):
	server.furnish("10.0.0.5/24", f"{V4}/24",
		       public_addresses='{"8.8.8.8"}').start()
	notes, _ = server.look(env=server.kept())
	assert not notes


def test_one_family_alone(server):
	server.furnish(f"{V4}/24").start()
	assert "address.no-ipv6" not in server.look()[0]	# nobody expects it
	server.ok("ip", "-6", "route", "add", "default", "dev", "v0")
	notes, _ = server.look()
	assert notes["address.no-ipv6"]["level"] == "note"
	assert "AAAA" in notes["address.no-ipv6"]["hint"]


# ---- the firewall ----

NFT = """
table inet filter {
	chain input {
		type filter hook input priority 0; policy drop;
		ct state established,related accept
		iif lo accept
		tcp dport { 22, %s } accept
	}
	chain output {
		type filter hook output priority 0; policy accept;
		%s
	}
}
"""


def nft(server, ports="25", out=""):
	if not shutil.which("nft"):
		pytest.skip("there is no nft here")
	server.ok("nft", "flush", "ruleset")
	server.ok("nft", "-f", "-", input=NFT % (ports, out), stdin=None)


def firewall(server):
	view = json.loads(server.doctor("--json").stdout)
	return [f["text"] for f in view["findings"] if f["look"] == "firewall"]


def test_a_firewall_that_drops_what_comes_in(server):
	server.furnish(f"{V4}/24", f"{V6}/64").start()
	assert firewall(server) == []
	nft(server)
	assert firewall(server) == [
		"the firewall of this machine drops what comes in to port "
		f"{port} by {family} (inet filter input)"
		for port in (443, 80) for family in ("IPv4", "IPv6")]
	nft(server, "443")
	assert [re.search(r"port (\d+)", t)[1] for t in firewall(server)] == [
		"80", "80"]
	nft(server, "80, 443")
	assert firewall(server) == []


def test_and_what_it_keeps_from_going_out(server):
	server.furnish(f"{V4}/24").start()
	nft(server, "80, 443", "ip daddr != 127.0.0.0/8 tcp dport 25 drop")
	notes, unseen = server.look()
	assert "port 25" in unseen["firewall.unsure"]["text"]	# a condition
	nft(server, "80, 443", "tcp dport { 25, 443 } drop")
	notes, _ = server.look()
	assert len(firewall(server)) == 2
	assert "goes out to port" in notes["firewall.out"]["text"]
	assert "mail.closed" in notes


# ---- folders ----

USER = "mtastsd:x:64990:64990::/var/lib/mtastsd:/usr/sbin/nologin\n"


def small_disk(server, options):
	server.ok("mkdir", "-p", "/var/lib/mtastsd")
	server.ok("mount", "-t", "tmpfs", "-o", options, "t", "/var/lib/mtastsd")


@pytest.mark.parametrize("options, id, level", [
	("size=8m,mode=700", "disk.full", "error"),
	("size=100m,mode=700", "disk.low", "warning"),
	("size=1g,nr_inodes=20,mode=700", "disk.inodes", "error"),
	("size=1g,ro,mode=700", "disk.read-only", "error"),
])
def test_a_disk_that_will_not_do(server, options, id, level):
	server.furnish(f"{V4}/24")
	small_disk(server, options)
	notes, _ = server.look()
	assert notes[id]["level"] == level
	assert "/var/lib/mtastsd" in notes[id]["text"] and notes[id]["hint"]
	assert len([i for i in notes if i.startswith("disk.")]) == 1


def test_a_folder_of_somebody_elses(server):
	server.furnish(f"{V4}/24")
	server.ok("tee", "-a", "/etc/passwd", input=USER, stdin=None)
	server.ok("mkdir", "-m", "700", "/var/lib/mtastsd")
	notes, _ = server.look()
	assert "belongs to root, and the daemon is mtastsd" in notes[
		"folder.owner"]["text"]
	assert "chown -R mtastsd: /var/lib/mtastsd" in notes["folder.owner"][
		"hint"]
	server.ok("chown", "64990", "/var/lib/mtastsd")
	server.ok("touch", "/var/lib/mtastsd/state.db")	# by hand, as root
	notes, _ = server.look()
	assert "state.db belongs to root" in notes["folder.owner"]["text"]
	server.ok("chown", "64990", "/var/lib/mtastsd/state.db")
	assert "folder.owner" not in server.look()[0]


def test_a_folder_that_is_closed_or_none(server):
	server.furnish(f"{V4}/24")
	server.ok("mkdir", "-m", "500", "/var/lib/mtastsd")
	assert "mode 500" in server.look()[0]["folder.mode"]["text"]
	server.ok("rmdir", "/var/lib/mtastsd")
	server.ok("touch", "/var/lib/mtastsd")
	assert "is no folder" in server.look()[0]["folder.unusable"]["text"]


def test_a_database_that_is_damaged(server):
	server.furnish(f"{V4}/24").start()
	assert server.daemon.stop() == 0
	notes, _ = server.look()
	assert "database.damaged" not in notes
	server.ok("truncate", "-s", "20000", "/var/lib/mtastsd/state.db")
	notes, _ = server.look()
	assert "it is cut off" in notes["database.damaged"]["text"]
	assert "--restore" in notes["database.damaged"]["hint"]


def test_it_changes_nothing(server):
	server.furnish(f"{V4}/24").start()
	assert server.daemon.stop() == 0
	tree = ["sh", "-c", "find /var/lib /run /etc/mtastsd -printf "
		"'%p %s %m %U %T@ %C@\n' | sort"]
	before = server.ok(*tree)
	server.look()
	assert server.ok(*tree) == before and "state.db" in before


# ---- who may ask, and what it may open ----

def test_who_is_in_no_group_is_told_which(server):
	server.furnish(f"{V4}/24").start()
	notes, unseen = server.look(prefix=NOBODY)
	assert "permission denied" in notes["daemon.closed"]["text"]
	assert "mtasts-admin" in notes["daemon.closed"]["hint"]
	assert "daemon.silent" not in notes
	assert "be root" in unseen["state.closed"]["text"]


def test_too_few_files(server):
	server.furnish(f"{V4}/24").start("prlimit", "--nofile=2000:2000")
	notes, _ = server.look()
	assert "2000 files open" in notes["files.few"]["text"]
	assert "LimitNOFILE" in notes["files.few"]["hint"]
	assert "10200" in notes["files.few"]["hint"]


def test_programs_and_a_mail_server_that_are_gone(server):
	tool = server.folder / "tell"
	tool.write_text("#!/bin/sh\n")
	tool.chmod(0o755)
	server.furnish(f"{V4}/24", notify=f'{{"{tool}"}}',
		       alert_mail='{"me@example.test"}',
		       mail_from='"box@example.test"',
		       mail_server='"smtp://127.0.0.1:2525"').start()
	notes, _ = server.look()
	assert "program.unusable" not in notes
	assert "127.0.0.1:2525" in notes["mail.unreachable"]["text"]
	tool.chmod(0o644)
	notes, _ = server.look()
	assert notes["program.unusable"]["text"] == (
		f"notify: {tool} may not be run")
	tool.unlink()
	notes, _ = server.look()
	assert notes["program.unusable"]["text"] == f"notify: {tool} is not there"


# ---- who must be reached ----

def conf(folder, **settings):
	path = folder / "doctor.conf"
	lines = {"state_dir": f'"{folder}"', "run_dir": f'"{folder}"',
		 "public_addresses": '{"8.8.8.8"}'} | settings
	cas = lines.pop("cas", {})
	path.write_text("".join(f"{k} = {v}\n" for k, v in lines.items()) +
			"".join(f'ca {name} {{\n\tdirectory = "{url}"\n'
				f'\ttrust = "{trust}"\n}}\n'
				for name, (url, trust) in cas.items()))
	return path


def look_from_here(folder, *words, **settings):
	begun = time.monotonic()
	done = subprocess.run(
		[BUILD / "mtastsctl", "--socket", folder / "admin.sock",
		 "doctor", "--json", "--config", conf(folder, **settings)],
		capture_output=True, text=True, timeout=60,
		env=os.environ | SANITIZERS)
	assert done.stdout, done
	view = json.loads(done.stdout)
	return view["findings"] + view["unseen"], time.monotonic() - begun


class Silent(Listener):
	def serve(self, connection):
		time.sleep(15)


@pytest.fixture
def mute():
	"""A resolver's port at which nobody answers."""
	with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
		s.bind(("127.0.0.1", 0))
		yield f"127.0.0.1:{s.getsockname()[1]}"


def test_a_resolver_that_does_not_answer(rig, mute, tmp_path):
	notes, took = look_from_here(tmp_path, resolvers=f'{{"{mute}"}}')
	(one,) = [n for n in notes if n["id"] == "resolver.silent"]
	assert mute in one["text"] and one["level"] == "error"
	assert "port 53" in one["hint"]
	assert took < 12
	ca = {"x": ("https://ca.doctor.test/", "/dev/null")}
	notes, _ = look_from_here(tmp_path, cas=ca, resolvers=f'{{"{mute}", '
				  f'"{rig.dns.address}"}}')
	(one,) = [n for n in notes if n["id"] == "resolver.silent"]
	assert mute in one["text"] and one["level"] == "warning"


def test_no_resolver_at_all(server):
	server.furnish(f"{V4}/24")
	server.write("/etc/resolv.conf", "# none\n")
	notes, _ = server.look()
	assert "resolvers in" in notes["resolver.none"]["text"]
	assert "resolvers = {" in notes["resolver.none"]["hint"]


def test_each_way_in_which_a_ca_is_not_reached(tmp_path):
	good = Authority(tmp_path)
	(tmp_path / "o").mkdir()
	other = Authority(tmp_path / "o", "Other CA")
	host = PolicyHost(good.context("localhost"), "{}")
	down = PolicyHost(good.context("localhost"), "later",
			  status="503 Busy")
	silent, plain = Silent(), PolicyHost(good.context("x"), "")
	plain.serve = lambda c: c.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
	expected = {
		"closed": ("ca.connect", f"https://localhost:{free_port()}/d",
			   good),
		"nowhere": ("ca.dns", "https://ca.invalid/d", good),
		"untrusted": ("ca.tls", f"https://localhost:{host.port}/d",
			      other),
		"plain": ("ca.tls", f"https://localhost:{plain.port}/d", good),
		"silent": ("ca.timeout", f"https://localhost:{silent.port}/d",
			   good),
		"down": ("ca.answer", f"https://localhost:{down.port}/d", good),
		"none": ("ca.answer", f"https://localhost:{host.port}/d", good),
	}
	cas = {name: (url, ca.root) for name, (_, url, ca) in expected.items()}
	notes, took = look_from_here(tmp_path, cas=cas)
	said = {re.match(r"ca (\w+): ", n["text"])[1]: n for n in notes
		if n["look"] == "cas"}
	assert {name: n["id"] for name, n in said.items()} == {
		name: id for name, (id, _, _) in expected.items()}
	assert {n["level"] for n in said.values()} == {"error"}
	assert all(n["hint"] for n in said.values())
	assert took < 12

	# With one that answers, certificates come from there.
	fine = PolicyHost(good.context("localhost"), '{"newOrder": "x"}')
	cas["fine"] = f"https://localhost:{fine.port}/d", good.root
	del cas["silent"]
	notes, _ = look_from_here(tmp_path, cas=cas)
	assert {n["level"] for n in notes if n["look"] == "cas"} == {"warning"}


def test_a_daemon_that_hangs_is_not_waited_for(tmp_path, mute):
	with socket.socket(socket.AF_UNIX) as hung:
		root = Authority(tmp_path).root
		hung.bind(str(tmp_path / "admin.sock"))
		hung.listen(5)
		notes, took = look_from_here(
			tmp_path, resolvers=f'{{"{mute}"}}', cas={
				"s": (f"https://localhost:{Silent().port}/d",
				      root)})
	assert took < 12
	ids = {n["id"] for n in notes}
	assert {"daemon.silent", "resolver.silent", "ca.timeout"} <= ids


def test_a_look_that_takes_too_long_is_not_seen(tmp_path):
	"""A file on a disk that does not answer; here a pipe."""
	os.mkfifo(tmp_path / "state.db")
	notes, took = look_from_here(tmp_path)
	assert took < 12
	(late,) = [n for n in notes if n["id"] == "look.late"]
	assert late["look"] == "state" and late["level"] == "unseen"
