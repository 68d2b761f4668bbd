"""What DNS, policy hosts, files and callers may bring, end to end.

Through mtastsctl and through the admin API alike: one clear line, nothing of it
is hosted, nobody waits for long, and the daemon does not grow.
"""

import time

import pytest

from harness.outside import Authority, PolicyHost
from harness.process import wait_for
from test_arriving import BODY, former, offline
from test_fleet import kb_of
from test_reports import IS_ASAN
from test_watch import FINE, REFUSED, look

LONG = "a" * 33			# ids have 32 at most (RFC 8461, 3.1)
SIXTY = [f"mx{i}.example.org" for i in range(60)]
NAMED = "".join(f"mx: {host}\n" for host in SIXTY)


def refused(daemon, *words):
	"""The one line that says why."""
	done = daemon.ctl(*words)
	assert done.status == REFUSED, done
	[line] = done.err.splitlines()
	return line


def refused_by_api(daemon, method, path, body):
	status, answer = daemon.api(method, path, body)
	assert status in (400, 409), answer
	return answer["error"]["message"]


def hosted(daemon):
	return [d["name"] for d in daemon.json("domain", "list")["domains"]]


# Over-long ids.

def test_an_id_that_is_too_long_is_no_id(rig, daemon, name, former):
	words = former().words
	rig.dns.set(f"_mta-sts.{name}", "TXT", f'"v=STSv1; id={LONG};"')
	assert "no record that senders take" in refused(
		daemon, "domain", "add", name, "--adopt", *words)
	said = refused_by_api(daemon, "POST", "/v1/domains", {
		"name": name, "adopt_id": LONG,
		"adopt_body": BODY.format(name=name)})
	assert "id" in said
	assert hosted(daemon) == []

	# Of a domain that is hosted it is a damaged record, not another host's.
	daemon.ok("domain", "add", name, "--mx", f"mx.{name}", "--no-adopt")
	view = look(daemon, name, lambda d: d["dns"])
	assert view["dns"]["txt"]["is"] == "damaged"
	assert LONG not in str(view)
	checked = daemon.ctl("domain", "check", name, "--no-smtp", "--json")
	assert '"txt.grammar"' in checked.out, checked


# Sixty mx lines.

def test_sixty_hosts_are_too_many(rig, daemon, name, former, tmp_path):
	words = former(BODY.replace("mx: mx.{name}\n", NAMED)).words
	assert "50" in refused(daemon, "domain", "add", name, "--adopt", *words)
	mx = ["--mx", ",".join(SIXTY)]
	assert "50" in refused(daemon, "domain", "add", name, "--no-adopt", *mx)
	assert "50" in refused_by_api(daemon, "POST", "/v1/domains", {
		"name": name, "mx": SIXTY, "no_adopt": True})
	assert "50" in refused_by_api(daemon, "PUT", "/v1/templates/gold",
				      {"mx": SIXTY})
	rig.dns.set(name, "MX", *[f"{i} {h}." for i, h in enumerate(SIXTY)])
	done = daemon.ctl("domain", "add", name, "--no-adopt")	# by live DNS
	assert done.status == REFUSED, done
	assert hosted(daemon) == []

	path = tmp_path / "fleet.csv"
	path.write_text(f'name,mx\na.test,mx.a.test\nb.test,"{" ".join(SIXTY)}"\n')
	done = daemon.ctl("domain", "import", path)
	assert done.status == REFUSED and "line 3: b.test: " in done.err, done
	assert "50" in done.err
	assert hosted(daemon) == ["a.test"]
	assert "50" in refused(daemon, "policy", "set", "a.test", *mx)
	assert "50" in refused(daemon, "policy", "mx", "a.test", "add", *SIXTY)
	assert daemon.domain("a.test")["policy"]["version"] == 1


# max_age out of range: shorter than a day, longer than the RFC allows.

@pytest.mark.parametrize("seconds", [0, -1, 86399, 31557601, 2 ** 62])
def test_max_age_out_of_range(daemon, tmp_path, seconds):
	daemon.ok("domain", "add", "a.test", "--mx", "mx.a.test")
	paths = ["/v1/domains/a.test/policy", "/v1/templates/gold"]
	for path in paths if seconds else paths[:1]:	# 0: each its own
		assert "max_age" in refused_by_api(daemon, "PUT", path, {
			"mx": ["mx.a.test"], "max_age": seconds})
	assert "max_age" in refused_by_api(daemon, "POST", "/v1/domains", {
		"name": "b.test", "mx": ["mx.b.test"], "max_age": seconds})
	path = tmp_path / "fleet.csv"
	path.write_text(f"name,mx,max_age\nb.test,mx.b.test,{seconds}s\n")
	done = daemon.ctl("domain", "import", path)
	assert done.status == REFUSED and "line 2: b.test: " in done.err
	assert "max_age" in done.err
	assert hosted(daemon) == ["a.test"]
	assert daemon.domain("a.test")["policy"]["version"] == 1


# A file of a spreadsheet: quotation marks, CRLF, a mark of UTF-8 before it all;
# and one line in it that is wrong. Twice, and as what there is to be.

def test_a_file_of_a_spreadsheet(daemon, tmp_path):
	path = tmp_path / "fleet.csv"
	path.write_bytes(
		b'\xef\xbb\xbf"name","mx","label"\r\n'
		b'"a.test","mx1.a.test\r\nmx2.a.test","Smith, ""Bob"""\r\n'
		b'"b.test","mx.b.test" ,"x"\r\n'
		b'"c.test","mx.c.test",""\r\n')
	for added in 2, 0:
		done = daemon.ctl("domain", "import", path)
		assert done.status == REFUSED
		[line] = done.err.splitlines()
		assert "line 4: " in line and "quotation marks" in line
		assert f"{added} added, {2 - added} already there" in done.out
	assert daemon.domain("a.test")["label"] == 'Smith, "Bob"'
	assert daemon.domain("a.test")["policy"]["mx"] == ["mx1.a.test",
							   "mx2.a.test"]
	assert "2 already so" in daemon.ctl("domain", "apply", path).out


# A resolver that is down.

def test_a_resolver_that_is_down(rig, daemon, name):
	"""What is served is served; what needs DNS says so, and within seconds."""
	rig.dns.point(name)
	daemon.add(name)
	offline(daemon)
	began = time.monotonic()
	host = f"mta-sts.{name}"
	assert rig.client(daemon).fetch(host).status == 200
	checked = daemon.ctl("domain", "check", name, "--no-smtp")
	assert checked.status in (1, 2) and "resolver" in checked.out, checked
	done = daemon.ctl("policy", "enforce", name, "--without-reports")
	assert done.status == REFUSED and "is not ready" in done.err, done
	other = daemon.ctl("domain", "add", f"other.{name}")
	assert other.status == REFUSED and "no resolver" in other.err, other
	assert daemon.ctl("policy", "testing", name).status == FINE
	assert rig.client(daemon).fetch(host).status == 200
	assert time.monotonic() - began < 90


# A policy host that answers ten megabytes, slowly.

def flood(sent):
	def talk(connection):
		connection.sendall(b"HTTP/1.1 200 OK\r\n"
				   b"Content-Type: text/plain\r\n\r\n")
		for _ in range(100):		# in twenty seconds
			connection.sendall(b"mx: a.test\r\n" * 8738)
			sent.append(1)
			time.sleep(0.2)
	return talk


def drip(connection):
	connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
			   b"Content-Length: 10000000\r\n\r\n")
	for _ in range(600):
		connection.sendall(b"mx: a.test\r\n")
		time.sleep(0.1)


def test_a_host_of_ten_megabytes_is_not_adopted(daemon, name, former):
	sent, one = [], former()
	one.host.answer = flood(sent)
	began = time.monotonic()
	said = refused(daemon, "domain", "add", name, "--adopt", *one.words)
	assert time.monotonic() - began < 15 and len(sent) < 50
	assert "sent an answer of more than 65536 bytes" in said
	assert hosted(daemon) == []
	said = refused_by_api(daemon, "POST", "/v1/domains", {
		"name": name, "adopt_id": "former7",
		"adopt_body": "mx: a.test\r\n" * 8738})
	assert "more than 65536 bytes" in said


# The daemon's own look: what answers in its place is such a host.
def test_ten_megabytes_in_place_of_our_own_policy(rig, tmp_path, name):
	sent, ca = [], Authority(tmp_path)
	host = PolicyHost(ca.context(f"mta-sts.{name}"), "")
	daemon = rig.daemon(check_https_port=host.port, check_trust=ca.root)
	rig.dns.point(name)
	daemon.start()
	before = kb_of(daemon, "VmRSS")
	for answer, said in (flood(sent), "over 64 KB"), (drip, "in time"):
		host.answer = answer
		if not hosted(daemon):
			daemon.add(name)
		daemon.api("POST", f"/v1/domains/{name}/look", {})
		wait_for(said, lambda: said in str(
			daemon.domain(name)["announce"]["why"]), 25)
		assert not daemon.domain(name)["announce"]["may"]
	assert len(sent) < 50
	if not IS_ASAN:
		assert kb_of(daemon, "VmHWM") - before < 16 * 1024
	assert rig.client(daemon).fetch(f"mta-sts.{name}").status == 200
	host.close()
