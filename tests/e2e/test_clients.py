"""Every version of a policy passes every parser that is known."""

import subprocess
from dataclasses import replace

import pytest

from harness.clients import CLIENTS, Rejected, Seen, mta_sts_query
from harness.daemon import BUILD
from harness.unbound import Unbound

TXT = "v=STSv1; id=20261123T201500Z;"
BODY = (b"version: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\n"
	b"max_age: 1209600\r\n")
GOOD = Seen([TXT], BODY)
NONE = BODY.replace(b"enforce", b"none")

ALL = {client.__name__ for client in CLIENTS}


def body(old, new, base=BODY):
	assert old in base
	return replace(GOOD, body=base.replace(old, new))


def txts(*texts):
	return replace(GOOD, txts=list(texts))


# What is done to a good policy, and who then takes none: nobody else.
CASES = {
	"it is good": (GOOD, set()),
	"LF only": (body(b"\r\n", b"\n"), set()),
	"a charset": (replace(GOOD, kind="text/plain; charset=utf-8"), set()),
	"mode none": (replace(GOOD, body=NONE), set()),

	"no record": (txts(), ALL - {"mimecast", "mailauth", "google"}),
	"two records": (txts(TXT, TXT.replace("2026", "2027")),
			ALL - {"chasquid", "mimecast", "mailauth", "google"}),
	"another TXT beside": (txts(TXT, "v=spf1 -all"),
			       {"maddy", "kumomta", "checkdmarc"}),
	"a space before the ;": (txts(TXT.replace(";", " ;", 1)),
				 {"chasquid"}),
	"no id": (txts("v=STSv1;"),
		  ALL - {"chasquid", "mimecast", "mailauth", "google"}),
	"an id that is none": (txts("v=STSv1; id=2026-11-23;"),
			       {"postfix_tlspol"}),

	"status 404": (replace(GOOD, status=404), ALL - {"stalwart"}),
	"status 204": (replace(GOOD, status=204), ALL - {"stalwart",
							 "mailauth"}),
	"text/html": (replace(GOOD, kind="text/html"),
		      ALL - {"mox", "stalwart", "mimecast", "mailauth",
			     "google"}),
	"Text/Plain": (replace(GOOD, kind="Text/Plain"), {"kumomta"}),
	"12 KB": (body(b"max_age", b"mx: mx.a.test\r\n" * 800 + b"max_age"),
		  {"chasquid"}),
	"70 KB": (body(b"max_age", b"mx: mx.a.test\r\n" * 4700 + b"max_age"),
		  {"mox", "chasquid", "postfix_mta_sts_resolver",
		   "postfix_tlspol", "mimecast", "google"}),

	"a blank line": (body(b"mode", b"\r\nmode"),
			 {"mox", "postfix_tlspol", "maddy"}),
	"a blank line at the end": (replace(GOOD, body=BODY + b"\r\n"),
				    {"mox", "postfix_tlspol", "maddy"}),
	"a line without colon": (body(b"mode", b"nonsense\r\nmode"),
				 ALL - {"chasquid", "postfix_mta_sts_resolver",
					"stalwart", "mailauth"}),
	"an unknown key": (body(b"mode", b"x: y\r\nmode"), {"checkdmarc"}),
	"a value with a colon": (body(b"mode", b"x: y:z\r\nmode"),
				 {"maddy", "mimecast", "checkdmarc"}),
	"not printable": (body(b"mode", b"x: \x01\r\nmode"),
			  {"mox", "postfix_tlspol", "checkdmarc"}),
	"not ASCII": (body(b"mode", "x: \u00fc\r\nmode".encode()),
		      {"postfix_mta_sts_resolver", "postfix_tlspol",
		       "checkdmarc"}),
	"a U-label": (body(b"mx.a.test", "b\u00fc.test".encode()),
		      {"mox", "postfix_mta_sts_resolver", "postfix_tlspol"}),
	"the same key twice": (body(b"mode", b"max_age: 1209600\r\nmode"),
			       {"kumomta", "checkdmarc"}),
	"twice, the last is bad": (
		replace(GOOD, body=BODY + b"mode: report\r\n"),
		ALL - {"postfix_tlspol", "mimecast", "google"}),
	"twice, the first is bad": (
		body(b"mode:", b"mode: report\r\nmode:"),
		ALL - {"chasquid", "postfix_mta_sts_resolver", "mailauth"}),
	"two max_age, the last is short": (
		replace(GOOD, body=BODY + b"max_age: 60\r\n"),
		{"kumomta", "checkdmarc"}),
	"version is not first": (
		replace(GOOD, body=BODY.replace(b"version: STSv1\r\n", b"")
			+ b"version: STSv1\r\n"), {"google"}),
	"another version": (body(b"STSv1", b"STSv2"), ALL),
	"no version": (body(b"version: STSv1\r\n", b""), ALL - {"stalwart"}),
	"no mode": (body(b"mode: enforce\r\n", b""),
		    ALL - {"stalwart", "mailauth"}),
	"no max_age": (body(b"max_age: 1209600\r\n", b""),
		       ALL - {"stalwart"}),
	"nothing": (replace(GOOD, body=b""), ALL),
	"no mx": (body(b"mx: mx.a.test\r\n", b""), ALL),
	"none, no mx": (body(b"mx: mx.a.test\r\n", b"", NONE),
			{"chasquid", "stalwart"}),
	"max_age 0": (body(b"1209600", b"0"), {"chasquid", "google"}),
	"max_age 3600": (body(b"1209600", b"3600"), {"google"}),
	"none, max_age 3600": (body(b"1209600", b"3600", NONE), {"google"}),
	"max_age of more than a year": (
		body(b"1209600", b"31557601"),
		{"chasquid", "postfix_mta_sts_resolver", "mailauth",
		 "checkdmarc", "google"}),
	"max_age with a unit": (body(b"1209600", b"14d"), ALL - {"stalwart"}),
	"an mx that ends in a dot": (body(b"mx.a.test", b"mx.a.test."),
				     {"mox", "postfix_tlspol"}),
	"an mx that is an address": (body(b"mx.a.test", b"192.0.2.1"),
				     {"postfix_tlspol"}),
	"an mx with a * within": (body(b"mx.a.test", b"mx.*.test"),
				  {"mox", "postfix_tlspol"}),
}


def rejects(client, seen):
	try:
		client(seen)
	except Rejected:
		return True
	return False


@pytest.mark.parametrize("case", CASES)
def test_each_is_as_strict_as_it_is_known_to_be(case):
	seen, who = CASES[case]
	assert {c.__name__ for c in CLIENTS if rejects(c, seen)} == who


NAMES = {"Stalwart": "stalwart", "Mimecast": "mimecast", "KumoMTA": "kumomta",
	 "Google": "google"}


def lint_names(body):
	"""Of each fault, those who reject the policy for it."""
	out = subprocess.run([BUILD / "rejected-by"], input=body, check=True,
			     capture_output=True).stdout.decode()
	return set().union(*map(who, out.splitlines()))


def who(words):
	"""\"a, b\", or \"every sender\", or \"every sender but a, b\"."""
	but = words.removeprefix("every sender").removeprefix(" but ")
	named = {NAMES.get(one, one.replace("-", "_"))
		 for one in but.split(", ") if one}
	assert named <= ALL
	return ALL - named if words.startswith("every") else named


@pytest.mark.parametrize("case", CASES)
def test_the_lint_names_those_who_reject_it(case):
	seen, _ = CASES[case]
	only_its_body = replace(GOOD, body=seen.body)
	assert lint_names(seen.body) == {c.__name__ for c in CLIENTS
					 if rejects(c, only_its_body)}


def test_what_they_make_of_it():
	def with_max_age(text):
		return {c.__name__: c(body(b"1209600", text)).max_age
			for c in CLIENTS if not rejects(c, body(b"1209600",
								text))}

	assert set(with_max_age(b"1209600").values()) == {1209600}
	assert with_max_age(b"86400")["mimecast"] == 604800
	assert with_max_age(b"3000")["stalwart"] == 86400
	assert with_max_age(b"40000000")["postfix_tlspol"] == 31557600
	[mimecast] = [c for c in CLIENTS if c.__name__ == "mimecast"]
	assert mimecast(GOOD).warnings == []
	assert mimecast(body(b"\r\n", b"\n")).warnings == ["not CRLF"]
	assert mimecast(body(b"mode", b"\r\nmode")).warnings == ["a blank line"]
	assert mimecast(replace(GOOD, kind="a/b")).warnings


# ---- the versions of the daemon ----

MANY = [f"mx{n}.a-rather-long-name-of-a-provider.example" for n in range(50)]

VERSIONS = [
	("testing", 604800, ["mx.one.example"], []),
	("testing", 86400, None, ["--max-age", "1d"]),
	("enforce", 1209600, None, ["--mode", "enforce", "--max-age", "14d",
				   "--force", "--reason", "story"]),
	("enforce", 31557600, ["*.one.example"],
	 ["--mx", "*.one.example", "--max-age", "31557600s"]),
	("enforce", 31557600, MANY, [w for m in MANY for w in ("--mx", m)]),
	("enforce", 31557600, ["xn--bcher-kva.example"],
	 ["--mx", "b\u00fccher.example"]),
	("none", 86400, None, ["--mode", "none", "--max-age", "1d"]),
	("testing", 86400, None, ["--mode", "testing"]),
]


def test_every_version_passes_every_parser(rig, daemon, name, tmp_path):
	host, txt = f"mta-sts.{name}", f"_mta-sts.{name}"
	rig.dns.point(name)
	daemon.ok("domain", "add", name, "--mx", "mx.one.example", "--wait")
	client, trust = rig.client(daemon), rig.pebble.root()
	resolver = Unbound(tmp_path, rig.dns).start()
	bodies, ids, known = set(), set(), None
	daemon.wait_announced(name)

	for mode, max_age, mx, words in VERSIONS:
		if words:
			daemon.ok("policy", "set", name, *words)
		known = mx or known
		reply = client.fetch(host)
		record = published(daemon, name)
		seen = Seen([record], reply.body, reply.headers["content-type"],
			    reply.status)
		for one in CLIENTS:
			policy = one(seen)
			assert (policy.mode, policy.mx) == (mode, known), one
			assert policy.max_age >= max_age, one
			assert not policy.warnings, one

		rig.dns.set(txt, "TXT", f'"{record}"')
		found = mta_sts_query(name, daemon, resolver, trust)
		assert "STSFetchResult.VALID" in found
		assert f"'mode': '{mode}'" in found
		assert f"'max_age': {max_age}" in found
		assert all(f"'{one}'" in found for one in known)
		assert record.split("id=")[1].rstrip(";") in found
		bodies.add(reply.body)
		ids.add(record)
	resolver.stop()
	assert len(bodies) == len(ids) == len(VERSIONS)


def published(daemon, name):
	_, answer = daemon.api("GET", f"/v1/domains/{name}/records")
	[value] = [r["value"] for r in answer["records"]
		   if r["name"] == f"_mta-sts.{name}"]
	return value
