"""mtasts-check: what it finds at a domain of somebody else's."""

import json
import os
import subprocess
import time

import pytest

from harness.daemon import BUILD, SANITIZERS
from harness.flaky_dns import FlakyDns
from harness.outside import Authority, MailServer, PolicyHost
from harness.process import free_port, wait_for

BODY = ("version: STSv1\r\nmode: enforce\r\nmx: mx.{0}\r\n"
	"max_age: 1209600\r\n")


class Domain:
	"""A domain that is all well, to begin with."""

	def __init__(self, rig, folder, name):
		self.dns, self.name = rig.dns, name
		self.ca = Authority(folder)
		self.host = PolicyHost(self.ca.context(f"mta-sts.{name}"),
				       BODY.format(name))
		self.mail = MailServer(self.ca.context(f"mx.{name}"))
		self.txt("_mta-sts", "v=STSv1; id=20261123T201500Z;")
		self.txt("_smtp._tls", "v=TLSRPTv1; rua=mailto:tls@example.net")
		self.dns.set(f"mta-sts.{name}", "A", "127.0.0.1")
		self.dns.set(f"mx.{name}", "A", "127.0.0.1")
		self.dns.set(name, "MX", f"10 mx.{name}.")

	def txt(self, prefix, *texts):
		self.dns.set(f"{prefix}.{self.name}", "TXT",
			     *[f'"{text}"' for text in texts])

	def run(self, *options, private=True, resolvers=None, seconds=60):
		words = [BUILD / "mtasts-check", "--ca-file", self.ca.root,
			 "--https-port", self.host.port,
			 "--smtp-port", self.mail.port, *options, self.name]
		for one in resolvers or [self.dns.address]:
			words[1:1] = ["--resolver", one]
		if private:
			words.insert(1, "--allow-private")
		return subprocess.run(
			list(map(str, words)), capture_output=True, text=True,
			timeout=seconds, stdin=subprocess.DEVNULL,
			env=os.environ | SANITIZERS)

	def check(self, *options, **more):
		"""(exit status, {id: severity} of all but what is good)"""
		done = self.run("--json", *options, **more)
		assert not done.stderr, done.stderr
		found = json.loads(done.stdout)["findings"]
		return done.returncode, {one["id"]: one["severity"]
					 for one in found
					 if one["severity"] != "good"}

	def close(self):
		self.host.close()
		self.mail.close()


@pytest.fixture
def domain(rig, tmp_path, name):
	one = Domain(rig, tmp_path, name)
	yield one
	one.close()


def test_all_well(domain):
	assert domain.check() == (0, {})
	assert domain.host.names == [f"mta-sts.{domain.name}"]
	assert "QUIT" in domain.mail.said
	assert not any(said.startswith("MAIL") for said in domain.mail.said)

	done = domain.run()
	assert done.returncode == 0
	for word in "records", "policy host", "mail servers", "0 errors":
		assert word in done.stdout
	assert max(map(len, done.stdout.splitlines())) <= 80


def test_records(domain):
	domain.txt("_mta-sts")
	assert domain.check() == (2, {"txt.missing": "error"})
	domain.txt("_mta-sts", "v=STSv1; id=1;", "v=STSv1; id=2;")
	assert domain.check() == (2, {"txt.duplicate": "error"})
	domain.txt("_mta-sts", "v=STSv1; id=1;", "v=spf1 -all")
	assert domain.check() == (1, {"txt.other": "warning"})
	domain.txt("_mta-sts", "v=STSv1; id=1-2;")
	assert domain.check() == (2, {"txt.grammar": "error"})


def test_long_answers_come_by_tcp(domain):
	domain.txt("_mta-sts", "v=STSv1; id=1;",
		   *[f"{n}" + "x" * 200 for n in range(6)])
	assert domain.check()[1] == {"txt.other": "warning"}


def test_records_among_many_others(domain):
	"""Whatever else stands there, and in whichever order it comes."""
	others = [f"verify-{n}=abcdef" for n in range(9)]
	domain.txt("_mta-sts", *others, "v=STSv1; id=1;", "v=STSv1; id=2;")
	assert domain.check()[1] == {"txt.duplicate": "error",
				     "txt.other": "warning"}
	domain.txt("_mta-sts", *others, "v=STSv1; id=1;")
	assert domain.check()[1] == {"txt.other": "warning"}
	domain.txt("_mta-sts", "v=STSv1; id=1;")
	domain.txt("_smtp._tls", *others, "v=TLSRPTv1; rua=mailto:a@b.test")
	assert domain.check() == (0, {})
	domain.dns.set(domain.name, "TXT", '"v=STSv1; id=1;"',
		       *[f'"{text}"' for text in others])
	assert domain.check()[1] == {"txt.at-root": "error"}


def test_policy_host(domain):
	domain.dns.set(f"mta-sts.{domain.name}", "A")
	domain.dns.set(f"mta-sts.{domain.name}", "CNAME", "gone.test.")
	assert domain.check() == (2, {"host.alias": "error"})
	domain.dns.set(f"mta-sts.{domain.name}", "CNAME")
	domain.dns.set(f"mta-sts.{domain.name}", "A", "127.0.0.1")
	domain.host.serve_body("", "301 Moved", more="Location: /\r\n")
	assert domain.check() == (2, {"http.redirect": "error"})
	domain.host.serve_body(BODY.format(domain.name), kind="text/html")
	assert domain.check() == (2, {"http.content-type": "error"})
	domain.host.serve_body("version: STSv1\r\n\r\nmode: enforce\r\n"
			       f"mx: mx.{domain.name}\r\nmax_age: 60\r\n")
	assert domain.check() == (2, {"policy.blank-line": "warning",
				      "policy.max-age-short": "error"})


@pytest.mark.parametrize("name_of, ends, found", [
	("mta-sts.other.test", 80, "cert.name"),
	("mta-sts.{}", -1, "cert.expired"),
	("mta-sts.{}", 1, "cert.soon"),
])
def test_certificate_of_the_policy_host(domain, name_of, ends, found):
	domain.host.context = domain.ca.context(
		name_of.format(domain.name), ends=ends)
	assert list(domain.check()[1]) == [found]


def test_a_certificate_for_part_of_a_label_is_for_no_name(domain):
	"""No sender takes "m*.example.org" for mx.example.org."""
	domain.mail.context = domain.ca.context(f"m*.{domain.name}")
	assert domain.check() == (2, {"smtp.cert-name": "error"})
	domain.host.context = domain.ca.context(f"mta-s*.{domain.name}")
	assert domain.check() == (2, {"smtp.cert-name": "error",
				      "cert.name": "error"})


def test_certificate_of_an_unknown_authority(domain, tmp_path, rig):
	(tmp_path / "elsewhere").mkdir()
	domain.ca.root = rig.pebble.trust
	status, found = domain.check()
	assert status == 2
	assert found == {"cert.untrusted": "error",
			 "smtp.cert-untrusted": "error"}


def test_mail_servers(domain):
	domain.dns.set(domain.name, "MX", f"10 mx.{domain.name}.",
		       f"20 b.{domain.name}.")
	domain.dns.set(f"b.{domain.name}", "A", "127.0.0.1")
	status, found = domain.check()
	assert status == 2
	assert found == {"mx.not-covered": "error", "smtp.cert-name": "error"}

	domain.dns.set(domain.name, "MX", f"10 mx.{domain.name}.")
	domain.mail.starttls = False
	assert domain.check() == (2, {"smtp.no-starttls": "error"})
	domain.mail.starttls = True
	domain.mail.greeting = b"554 go away\r\n"
	assert domain.check() == (1, {"smtp.refused": "warning"})
	domain.mail.close()
	assert domain.check() == (1, {"smtp.unreachable": "warning"})
	assert domain.check("--no-smtp") == (0, {"smtp.not-tested": "note"})


def test_every_address_is_tried(domain):
	"""One of many, and not the first: senders take any of them."""
	mx, host = f"mx.{domain.name}", f"mta-sts.{domain.name}"
	mail = [MailServer(domain.ca.context(mx),
			   (f"127.0.0.{n}", domain.mail.port))
		for n in (2, 3, 4)]
	hosts = [PolicyHost(domain.ca.context(host), BODY.format(domain.name),
			    at=(f"127.0.0.{n}", domain.host.port))
		 for n in (2, 3, 4)]
	four = [f"127.0.0.{n}" for n in (1, 2, 3, 4)]
	domain.dns.set(mx, "A", *four)
	domain.dns.set(host, "A", *four)
	assert domain.check() == (0, {})
	assert all(one.said for one in mail)
	assert all(one.names for one in hosts)

	for n in range(3):
		good = mail[n].context, hosts[n].context
		mail[n].context = domain.ca.context("wrong.test")
		assert domain.check() == (2, {"smtp.cert-name": "error"})
		mail[n].context = good[0]
		hosts[n].context = domain.ca.context("wrong.test")
		assert domain.check() == (2, {"cert.name": "error"})
		hosts[n].context = good[1]
	hosts[1].close()
	assert domain.check() == (2, {"host.unreachable": "error"})
	domain.dns.set(host, "A", "127.0.0.1")

	domain.dns.set(mx, "A", *four, "127.0.0.5")
	assert domain.check() == (0, {"mx.addresses": "note"})
	assert "4 of the 5 addresses" in " ".join(domain.run().stdout.split())
	domain.dns.set(mx, "A", *four[:2])
	domain.dns.set(mx, "AAAA", "::1")
	assert domain.check() in [(0, {"smtp.v6-unreachable": "note"}),
				  (0, {"mx.addresses": "note"})]  # no IPv6
	for one in mail + hosts:
		one.close()


def test_a_name_in_mx_that_is_none_of_a_host(domain):
	"""Nothing is tested there, and so it must be said."""
	for bad in f"mx_2.{domain.name}.", "192.0.2.1.":
		domain.dns.set(domain.name, "MX", f"10 mx.{domain.name}.",
			       f"20 {bad}")
		assert domain.check() == (2, {"mx.bad-name": "error"})
		domain.dns.set(domain.name, "MX", f"20 {bad}")
		assert domain.check() == (2, {"mx.bad-name": "error"})
		assert f'"{bad[:-1]}"' in " ".join(domain.run().stdout.split())


def test_caa_forbids(domain):
	domain.dns.set(f"mta-sts.{domain.name}", "CAA", '0 issue ";"')
	assert domain.check() == (1, {"caa.forbids": "warning"})


def test_a_flood_is_cut_short(domain):
	def flood(connection):
		connection.sendall(b"HTTP/1.1 200 OK\r\n"
				   b"Content-Type: text/plain\r\n\r\n")
		for _ in range(100):		# ten megabytes, in ten seconds
			connection.sendall(b"mx: a.test\r\n" * 8738)
			sent.append(1)
			time.sleep(0.1)

	sent = []
	domain.host.answer = flood
	assert domain.check() == (2, {"policy.too-big": "error"})
	assert len(sent) < 50


def test_a_drip_ends_in_time(domain):
	def drip(connection):
		connection.sendall(b"HTTP/1.1 200 OK\r\n"
				   b"Content-Type: text/plain\r\n\r\n")
		for _ in range(100):
			connection.sendall(b"x")
			time.sleep(0.2)

	domain.host.answer = drip
	began = time.monotonic()
	assert domain.check("--timeout", "2s") == (2, {"host.timeout": "error"})
	assert time.monotonic() - began < 10


def chat(text, pause=0.0, times=10 ** 9):
	def talk(connection):
		for _ in range(times):
			connection.sendall(text)
			time.sleep(pause)
	return talk


@pytest.mark.parametrize("at", ["", "EHLO", "STARTTLS", "NOOP"])
@pytest.mark.parametrize("talk", [
	chat(b"250-and then there was\r\n" * 100),
	chat(b"250-word by word\r\n", pause=0.1),
	chat(b"2" * 1000),
	chat(b"2", pause=0.1),
	chat(b"", pause=30, times=1),
], ids=["lines", "slow-lines", "one-line", "slow-line", "silence"])
def test_a_mail_server_that_talks_for_ever(domain, at, talk):
	"""It costs its share of time and no more, and hides nothing else."""
	domain.mail.chatter = {at: talk}
	began = time.monotonic()
	status, found = domain.check("--timeout", "2s")
	assert time.monotonic() - began < 8
	if at == "NOOP":	# all that matters was seen before
		assert (status, found) == (0, {})
	else:
		assert status == 1 and len(found) == 1
		assert set(found) <= {"smtp.refused", "smtp.unreachable"}


def test_handshakes_that_never_come(domain):
	domain.mail.chatter = {"STARTTLS": chat(b"220 go ahead\r\n", pause=20,
						times=1)}
	domain.host.serve = chat(b"", pause=20, times=1)
	began = time.monotonic()
	assert domain.check("--timeout", "2s") == (2, {
		"host.timeout": "error", "smtp.refused": "warning"})
	assert time.monotonic() - began < 8


def test_resolvers_that_fail(domain):
	dead = f"127.0.0.1:{free_port()}"
	assert domain.check(resolvers=[dead, domain.dns.address]) == \
		(0, {"dns.resolver": "note"})
	status, found = domain.check(resolvers=[dead])
	assert status == 2	# nothing could be checked
	assert set(found.values()) == {"warning", "note"}
	assert found["txt.timeout"] == "warning"
	assert "txt.server-failed" not in found

	flaky = FlakyDns(domain.dns, 1.0)
	status, found = domain.check(resolvers=[flaky.address])
	flaky.close()
	assert status == 2
	assert found["txt.server-failed"] == "error"
	assert "txt.timeout" not in found


def test_private_addresses_are_left_alone(domain):
	assert domain.check(private=False) == (2, {
		"host.private": "error", "mx.private": "warning"})
	assert not domain.host.names
	assert not domain.mail.said


def test_a_domain_of_the_box(rig, name, tmp_path):
	"""domain check knows what is expected; and checks others as well."""
	daemon = rig.daemon(allow_private=True).start()
	mail = MailServer(Authority(tmp_path).context(f"mx.{name}"))
	rig.dns.point(name)
	rig.dns.set(f"mx.{name}", "A", "127.0.0.1")
	rig.dns.set(name, "MX", f"10 mx.{name}.")
	daemon.add(name)
	root = tmp_path / "roots.pem"
	root.write_bytes(rig.pebble.root().read_bytes()
			 + (tmp_path / "root.pem").read_bytes())

	def check(one=name, http_port=daemon.http_port):
		done = daemon.ctl(
			"domain", "check", one, "--json", "--ca-file", root,
			"--http-port", http_port,
			"--https-port", daemon.https_port,
			"--smtp-port", mail.port)
		assert not done.err, done.err
		return done.status, {f["id"] for f in
				     json.loads(done.out)["findings"]}

	def announce(txt):
		rig.dns.set(f"_mta-sts.{name}", "TXT", f'"v=STSv1; id={txt};"')

	old = daemon.domain(name)["policy"]["id"]
	announce(old)
	status, found = check()
	assert status == 1 and "rpt.missing" in found
	assert {"id.in-step", "host.ok", "mx.covered", "smtp.ok"} <= found

	assert "host.port80" not in found
	assert "host.port80" in check(http_port=free_port())[1]
	assert "host.port80" not in check("nobody.test", free_port())[1]

	daemon.settings["allow_private"] = False
	daemon.reload()
	wait_for("the new settings", lambda: "host.private" in check()[1])
	daemon.settings["allow_private"] = True
	daemon.reload()
	wait_for("the old ones", lambda: "host.private" not in check()[1])

	daemon.ok("policy", "set", name, "--max-age", "30d")
	assert "id.behind" in check()[1]
	announce(daemon.domain(name)["policy"]["id"])
	assert "id.in-step" in check()[1]
	announce("99991231T000000Z")
	assert "id.ahead" in check()[1]

	rig.dns.point(name, address="127.0.0.9")
	status, found = check()
	assert status == 2
	assert {"id.foreign", "host.not-here", "host.unreachable"} <= found

	status, found = check("nobody.test")
	assert status == 2
	assert {"txt.missing", "host.missing", "mx.missing"} <= found
	assert not {"id.foreign", "host.not-here"} & found
	mail.close()


def test_caa_is_judged_by_the_authorities_of_the_box(rig, make_fakeca, name):
	"""By their names, our account there, and both ways to validate."""
	daemon = rig.daemon(allow_private=True)
	first, second = (make_fakeca(daemon.http_port) for _ in range(2))
	for ca, identity in (first, "first.test"), (second, "second.test"):
		ca.set(caa_identities=[identity])
	daemon.use(first, rig.dns)
	daemon.more_cas["second"] = {"directory": second.directory,
				     "trust": second.trust}
	rig.dns.point(name)
	daemon.start().add(name)
	wait_for("both to be known", lambda: all(
		ca["caa_identities"] for ca in cas(daemon)))
	[ours] = [ca["account_url"] for ca in cas(daemon)
		  if ca["name"] != "second"]

	def found(*values):
		rig.dns.set(name, "CAA", *[f'0 issue "{v}"' for v in values])
		view = json.loads(daemon.ctl(
			"domain", "check", name, "--json", "--no-smtp",
			"--http-port", daemon.http_port).out)
		return {f["id"]: f["text"] + f["todo"] for f in view["findings"]
			if f["id"].startswith("caa.")}

	assert list(found()) == ["caa.ok"]
	assert list(found("first.test", "second.test")) == ["caa.ok"]
	assert sorted(found("first.test")) == ["caa.not-all", "caa.ok"]
	assert " second issue" in found("first.test")["caa.not-all"]
	assert 'issue "first.test"' in found("other.test")["caa.forbids"]
	assert list(found("first.test; validationmethods=dns-01")) == \
		["caa.forbids"]
	assert "caa.ok" in found("first.test; validationmethods=tls-alpn-01")
	assert ours in found("first.test; accounturi=https://a.test/1")[
		"caa.forbids"]
	assert "caa.ok" in found(f"first.test; accounturi={ours}")

	daemon.stop()		# what directories said is forgotten then
	first.stop()
	second.stop()
	daemon.start()
	assert list(found("other.test")) == ["caa.ok"]
	daemon.ca["caa_identities"] = ["first.test"]
	daemon.more_cas["second"]["caa_identities"] = ["second.test"]
	daemon.reload()
	wait_for("the new settings", lambda: "caa.forbids" in
		 found("other.test"))
	rig.dns.set(name, "CAA")


def cas(daemon):
	return daemon.api("GET", "/v1/check")[1]["cas"]


def test_wrong_usage(domain):
	for words in [], ["a.test", "b.test"], ["--no-such", "a.test"], \
			["192.0.2.1"], ["--timeout", "x", "a.test"]:
		done = subprocess.run([BUILD / "mtasts-check", *words],
				      capture_output=True, text=True)
		assert done.returncode == 64, words
		assert done.stderr
