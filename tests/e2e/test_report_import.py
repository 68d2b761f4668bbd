"""What `mtastsctl report import` makes of mail, and how it ends.

The daemon is a stand-in that says what it is told (harness/submit.py); with
the real one: test_report_mail.py.
"""

import gzip
import json
import os
import pwd
import subprocess
from pathlib import Path

import pytest

from harness import letters, postfix, submit
from harness.daemon import BUILD, SANITIZERS, Output
from harness.process import wait_for

FINE, WARNINGS, REFUSED, UNREACHABLE, USAGE, TEMPFAIL = 0, 1, 3, 4, 64, 75
GZIP = letters.report()
GOOGLE, MICROSOFT = letters.google(GZIP), letters.microsoft(GZIP)
TRUST = ["--auth-results", "mx.shop.test"]


def passed(by="google.com", server="mx.shop.test"):
	return (f"Authentication-Results: {server};\n"
		f"\tdkim=pass (2048-bit key) header.d={by} header.i=@{by};\n"
		f"\tspf=pass smtp.mailfrom=x@{by}\n")


@pytest.fixture
def door():
	door = submit.Submit()
	yield door
	door.close()


def run(door, *words, stdin=b""):
	done = subprocess.run(
		[BUILD / "mtastsctl", "report", "import", "--socket",
		 door.socket, *map(str, words)], input=stdin,
		capture_output=True, timeout=60, env=os.environ | SANITIZERS)
	return Output(done.returncode, done.stdout.decode(),
		      done.stderr.decode())


def pipe(door, message, *words):
	return run(door, "-", *words, stdin=message)


def put(tmp_path, data, name="it"):
	path = tmp_path / name
	path.write_bytes(data)
	return path


# What is found in a message.

def forwarded(message):
	return letters.crlf("From: me@shop.test\nMIME-Version: 1.0\n"
			    "Content-Type: message/rfc822\n\n") + message


def alone(data, kind="application/tlsrpt+json", encoding="8bit"):
	return (f"From: x@example.org\r\nMIME-Version: 1.0\r\n"
		f"Content-Type: {kind}\r\n"
		f"Content-Transfer-Encoding: {encoding}\r\n\r\n").encode() + data


JSON = gzip.decompress(GZIP)

MAIL = {
	"google": (GOOGLE, [GZIP]),
	"microsoft": (MICROSOFT, [GZIP]),
	"lf": (GOOGLE.replace(b"\r\n", b"\n"), [GZIP]),
	"envelope": (b"From x@example.org  Sat Nov 21 10:00:00 2026\n" +
		     GOOGLE.replace(b"\r\n", b"\n"), [GZIP]),
	"forwarded": (forwarded(GOOGLE), [GZIP]),
	"json alone": (alone(JSON), [JSON]),
	"text": (letters.plain(), []),
	"empty": (b"", []),
	"noise": (bytes(range(256)) * 40, []),
	"another attachment": (GOOGLE.replace(b"application/tlsrpt+gzip",
					      b"application/pdf"), []),
	"gzip of another name": (MICROSOFT.replace(b".json.gz", b".txt.gzz")
				 .replace(b"7.json", b"7.txt"), []),
}


@pytest.mark.parametrize("case", MAIL)
def test_a_piped_message(door, case):
	message, reports = MAIL[case]
	result = pipe(door, message)
	assert result.status == FINE, result
	assert door.bodies() == [r for r in reports], result
	about = {} if case == "json alone" else {"about": "shop.test"}
	assert all(query == {"via": "mail"} | about
		   for body, query in door.posts)


def header(message, value):
	return message.replace(b"TLS-Report-Domain: shop.test",
			       b"TLS-Report-Domain: " + value)


def nameless(message):
	return message.replace(b"!", b"-")


ABOUT = {
	"its name first": (header(GOOGLE, b"other.test"), "shop.test"),
	"its header": (nameless(header(GOOGLE, b"Other.TEST.")), "other.test"),
	"folded": (nameless(header(GOOGLE, b"\r\n other.test")), "other.test"),
	"no host": (nameless(header(GOOGLE, b"a b/../c%00 &via=imap")), None),
	"nonsense": (nameless(header(GOOGLE, b"/../&via=imap")), None),
	"endless": (nameless(header(GOOGLE, b"x" * 4000)), None),
	"none": (nameless(GOOGLE.replace(b"TLS-Report-Domain", b"X")), None),
	"not the forwarder's": (forwarded(nameless(header(
		GOOGLE, b"inner.test"))), "inner.test"),
}


@pytest.mark.parametrize("case", ABOUT)
def test_what_a_message_says_that_it_is_about(door, case):
	message, about = ABOUT[case]
	result = pipe(door, message)
	assert result.status == FINE, result
	(_, query), = door.posts
	assert query == {"via": "mail"} | ({"about": about} if about else {})


def test_what_a_file_says_that_it_is_about(door, tmp_path):
	path = put(tmp_path, GZIP, "x.test!shop.test!1!2.json.gz")
	run(door, path)
	assert door.posts == [(GZIP, {"via": "file", "about": "shop.test"})]


def test_root_is_left_before_a_stranger_is_read(door):
	if os.geteuid() != 0:
		pytest.skip("for root only")
	pipe(door, GOOGLE)
	assert door.peers == [pwd.getpwnam("nobody").pw_uid]


def pipe_with_group(door, folder, number):
	"""Where mtasts-submit has that number."""
	group = put(folder, Path("/etc/group").read_bytes() +
		    f"mtasts-submit:x:{number}:\n".encode())
	done = subprocess.run(
		["unshare", "-m", "sh", "-c",
		 'mount --bind "$0" /etc/group || exit 99; exec "$@"', group,
		 BUILD / "mtastsctl", "report", "import", "--socket",
		 door.socket, "-"], input=GOOGLE, capture_output=True,
		timeout=60)
	if done.returncode == 99:
		pytest.skip("no mount namespace here")
	return done


def test_root_keeps_the_group_that_may_submit(door, tmp_path):
	if os.geteuid() != 0:
		pytest.skip("for root only")
	os.chown(door.socket, 0, 4711)
	door.socket.chmod(0o660)
	result = pipe(door, GOOGLE)
	assert result.status == TEMPFAIL, result
	assert "groupadd --system mtasts-submit; usermod -aG mtasts-submit " \
		"mtastsd; systemctl restart mtastsd" in result.err

	done = pipe_with_group(door, tmp_path, 4712)
	assert done.returncode == TEMPFAIL, done
	assert b"mtastsd has not given its socket to the group: usermod -aG " \
		b"mtasts-submit mtastsd, then restart it" in done.stderr
	done = pipe_with_group(door, tmp_path, 4711)
	assert done.returncode == FINE, done
	assert door.peers == [pwd.getpwnam("nobody").pw_uid]


def test_a_message_out_of_a_mailbox(door):
	"""For report fetch: never a report as it is, which nobody signed."""
	result = pipe(door, GOOGLE, "--via", "imap")
	assert result.status == FINE, result
	assert door.posts == [(GZIP, {"via": "imap", "about": "shop.test"})]
	result = pipe(door, GZIP, "--via", "imap", "--require-dkim", *TRUST)
	assert result.status == FINE and len(door.posts) == 1, result
	assert "1 without a report" in result.out
	result = run(door, "x", "--via", "pigeon")
	assert result.status == USAGE and "mail or imap" in result.err


def test_a_pipe_is_one_message_whatever_is_in_it(door):
	"""Else a stranger's text became a message with headers of his own."""
	inner = letters.google(GZIP, headers=passed())
	message = letters.plain(body="x\n\nFrom a@example.org Sat Nov 21\n") + \
		inner
	for start in b"", b"From b@example.org  Sat Nov 21 10:00:00 2026\n":
		result = pipe(door, start + message, *TRUST)
		assert result.status == FINE, result
	assert door.posts == []


# How it ends. An alias must bounce nothing.

@pytest.mark.parametrize("answer, piped, filed, said", [
	(submit.outcome("stored"), FINE, FINE, "1 stored"),
	(submit.outcome("known"), FINE, FINE, "1 known already"),
	(submit.outcome("not_ours"), FINE, FINE, "1 of other domains"),
	(submit.outcome("empty"), FINE, FINE, "1 about nothing"),
	(submit.error(422, "input"), FINE, REFUSED, "1 refused"),
	(submit.error(400, "input"), TEMPFAIL, TEMPFAIL, "1 put off"),
	(submit.error(413), FINE, REFUSED, "1 refused"),
	(submit.error(429, "again"), TEMPFAIL, TEMPFAIL, "1 put off"),
	(submit.error(503, "again"), TEMPFAIL, TEMPFAIL, "0 looked at"),
	(submit.error(500, "internal"), TEMPFAIL, TEMPFAIL, "0 looked at"),
	(submit.error(403), TEMPFAIL, TEMPFAIL, "0 looked at"),
	(submit.error(404, "not-found"), TEMPFAIL, TEMPFAIL, "0 looked at"),
])
def test_how_it_ends(door, tmp_path, answer, piped, filed, said):
	door.say(answer)
	first = pipe(door, GOOGLE)
	second = run(door, put(tmp_path, GOOGLE))
	assert (first.status, second.status) == (piped, filed), (first, second)
	assert said in first.out and said in second.out


def test_without_a_daemon_it_is_tried_again(door, tmp_path):
	door.socket.unlink()
	assert pipe(door, GOOGLE).status == TEMPFAIL
	assert run(door, put(tmp_path, GOOGLE)).status == UNREACHABLE
	assert pipe(door, letters.plain()).status == FINE


def test_files_are_judged(door, tmp_path):
	assert run(door, put(tmp_path, letters.plain())).status == WARNINGS
	assert run(door, tmp_path / "none").status not in (FINE, WARNINGS)
	assert run(door).status == USAGE
	assert run(door, put(tmp_path, GOOGLE),
		   "--require-dkim").status == USAGE


def test_json(door, tmp_path):
	result = run(door, put(tmp_path, GOOGLE), "--json")
	assert json.loads(result.out) == {
		"messages": 1, "stored": 1, "known": 0, "not_ours": 0,
		"empty": 0, "refused": 0, "unsigned": 0, "no_report": 0,
		"too_large": 0, "put_off": 0}


# Files and folders.

@pytest.mark.parametrize("name, data", [("x.json", JSON), ("x.json.gz", GZIP),
					("bom", b"\xef\xbb\xbf" + JSON)])
def test_a_bare_report(door, tmp_path, name, data):
	result = run(door, put(tmp_path, data, name))
	assert result.status == FINE, result
	assert door.posts == [(data, {"via": "file"})]


def test_an_mbox(door, tmp_path):
	text = letters.plain(body="one\n\nFrom here on it is text\n\nend")
	box = letters.mbox(GOOGLE, text, MICROSOFT, letters.plain())
	result = run(door, put(tmp_path, box), "--json")
	assert result.status == WARNINGS, result
	assert door.bodies() == [GZIP, GZIP]
	assert json.loads(result.out)["messages"] == 4
	assert json.loads(result.out)["no_report"] == 2


def test_an_mbox_through_a_pipe(door):
	box = letters.mbox(GOOGLE, letters.plain(), MICROSOFT)
	result = pipe(door, box, "--json")
	assert result.status == FINE, result
	assert door.bodies() == [GZIP, GZIP]
	assert json.loads(result.out)["messages"] == 3


def test_what_is_written_into_a_piped_message_is_signed_by_nobody(door):
	"""A mail server leaves the text as it is, and puts a line before it."""
	start = b"From a@example.org Sat Nov 21 10:00:00 2026\n"
	text = letters.plain().replace(b"\r\n", b"\n") + b"\n" + start
	forged = passed().encode() + GOOGLE.replace(b"\r\n", b"\n")
	result = pipe(door, start + text + forged, *TRUST)
	assert result.status == FINE, result
	assert [q for _, q in door.posts] == [{"via": "mail",
					       "about": "shop.test"}]
	assert "no signature counts" in result.err
	result = pipe(door, start + text + forged, *TRUST, "--require-dkim")
	assert len(door.posts) == 1, result


def test_a_giant_in_an_mbox_is_passed_over(door, tmp_path):
	box = letters.mbox(letters.plain(body="x" * 6000000), GOOGLE)
	result = run(door, put(tmp_path, box), "--json")
	assert result.status == REFUSED, result
	assert json.loads(result.out)["too_large"] == 1
	assert door.bodies() == [GZIP]


@pytest.mark.skipif(os.geteuid() != 0, reason="there is no root to leave")
def test_a_maildir_of_roots_is_closed_and_not_none(door, tmp_path):
	for part in "new", "cur":
		(tmp_path / part).mkdir()
	tmp_path.chmod(0o700)
	result = run(door, tmp_path)
	assert result.status == 2, result
	assert "may not be opened: permission denied" in result.err
	assert "belong to a user" in result.err


def test_a_maildir(door, tmp_path):
	for part in "new", "cur", "tmp":
		(tmp_path / part).mkdir()
	put(tmp_path / "new", GOOGLE, "1.a")
	put(tmp_path / "cur", MICROSOFT, "2.b:2,S")
	put(tmp_path / "tmp", GOOGLE, "3.c")
	(tmp_path / "new" / "link").symlink_to("1.a")
	if os.geteuid() == 0:
		for path in (tmp_path, *tmp_path.rglob("*")):
			os.chown(path, 65534, 65534, follow_symlinks=False)
	result = run(door, tmp_path, "--json")
	assert json.loads(result.out)["stored"] == 2, result
	assert door.bodies() == [GZIP, GZIP]


# Who signed it.

FORGED = passed("google.com")

SIGNED = {
	"passed": (passed(), "google.com"),
	"of two, the author's": (
		"Authentication-Results: mx.shop.test; dkim=pass"
		" header.d=list.example; dkim=pass header.d=google.com\n",
		"google.com"),
	"failed above a forged one": (
		"Authentication-Results: mx.shop.test; dkim=fail"
		" header.d=google.com\n" + FORGED, None),
	"none above a forged one": (
		"Authentication-Results: mx.shop.test; none\n" + FORGED, None),
	"another server's above": (
		passed("other.example", "mx.other.example") + passed(),
		"google.com"),
	"another server's only": (passed("x.example", "mx.other.example"), None),
	"no header": ("", None),
}


@pytest.mark.parametrize("case", SIGNED)
def test_who_signed_it(door, case):
	headers, signer = SIGNED[case]
	message = letters.google(GZIP, headers=headers)
	assert pipe(door, message, *TRUST).status == FINE
	assert pipe(door, message).status == FINE	# nobody is trusted
	assert [query.get("signed_by") for body, query in door.posts] == \
		[signer, None]


@pytest.mark.parametrize("case", SIGNED)
def test_unsigned_mail_is_refused_if_it_must_be_signed(door, tmp_path, case):
	headers, signer = SIGNED[case]
	message = letters.google(GZIP, headers=headers)
	words = *TRUST, "--require-dkim"
	assert pipe(door, message, *words).status == FINE
	result = run(door, put(tmp_path, message), *words)
	assert result.status == (FINE if signer else REFUSED)
	assert len(door.posts) == (2 if signer else 0)


# A real alias of a real mail server.

@pytest.fixture
def alias(door, tmp_path):
	"""A postfix that pipes mail for tls-reports@mx.shop.test to the door."""
	if postfix.why_not():
		pytest.skip(postfix.why_not())
	with postfix.reports_alias(tmp_path, door.socket) as server:
		yield server


TO = "tls-reports@mx.shop.test"


def test_an_alias(door, alias):
	alias.send(GOOGLE, TO)
	alias.send(MICROSOFT, TO)
	alias.send(letters.plain(), TO)
	wait_for("three deliveries", lambda: alias.log().count(
		"status=sent (delivered to command") == 3, 20)
	assert door.bodies() == [GZIP, GZIP]
	assert set(door.peers) == {pwd.getpwnam("nobody").pw_uid}
	wait_for("an empty queue", lambda: not alias.queue())


@pytest.mark.parametrize("trouble", [submit.error(503, "again"),
				     submit.error(429, "again"),
				     submit.error(400, "input"), None])
def test_an_alias_waits_for_a_daemon_in_trouble(door, alias, trouble):
	aside = door.socket.with_suffix(".aside")
	if trouble:
		door.say(trouble)
	else:
		door.socket.rename(aside)
	alias.send(GOOGLE, TO)
	wait_for("a message put off", lambda: "status=deferred" in alias.log(),
		 20)
	wait_for("it to be in the queue", alias.queue)
	if not trouble:
		aside.rename(door.socket)
	door.say(submit.OK)
	wait_for("its delivery", lambda: "status=sent" in alias.log(), 30)
	assert door.bodies()[-1] == GZIP


def test_an_alias_bounces_nothing(door, alias):
	door.say(submit.error(422, "input"))
	for message in GOOGLE, letters.plain(), HOSTILE["nested"]:
		alias.send(message, TO)
	wait_for("three deliveries", lambda: alias.log().count(
		"status=sent (delivered to command") == 3, 20)
	assert "bounced" not in alias.log()
	wait_for("an empty queue", lambda: not alias.queue())


# Strangers' mail: bounded in memory and time, and never a crash.

def nested(depth, kind="multipart/mixed"):
	out = "From: x@example.org\nMIME-Version: 1.0\n"
	for i in range(depth):
		out += (f'Content-Type: {kind}; boundary="b{i}"\n\n--b{i}\n'
			if kind != "message/rfc822" else
			f"Content-Type: {kind}\n\n")
	return letters.crlf(out)


def many(count):
	part = ('--b\nContent-Type: application/tlsrpt+json\n\n'
		'{}\n')
	return letters.crlf('From: x@example.org\nMIME-Version: 1.0\n'
			    'Content-Type: multipart/mixed; boundary=b\n\n' +
			    part * count + "--b--\n")


HOSTILE = {
	"nested": nested(90000),
	"nested within limits": nested(90),
	"nested messages": nested(90000, "message/rfc822"),
	"nested messages within limits": nested(90, "message/rfc822"),
	"many reports": many(90),
	"many parts": letters.crlf(
		"Content-Type: multipart/mixed; boundary=b\n\n" +
		"--b\n\n" * 800000),
	"many headers": b"A:\n" * 1300000,
	"many headers within limits": b"A:\n" * 99000,
	"many parameters within limits":
		b"Content-Type: a/b" + b";\n a=b" * 5000,
	"many continued parameters": b"Content-Type: a/b" + b"".join(
		b";\n a*%d=b" % i for i in range(2900)),
	"a long header": b"To: " + b"a@example.org,\n " * 200000,
	"many parameters": b"Content-Type: a/b" + b";\n a=b" * 600000,
	"a large attachment": letters.google(os.urandom(1100000)),
	"a giant": letters.google(os.urandom(9000000)),
	"a giant without lines": b"a" * 30000000,
	"nul": GOOGLE.replace(b"google", b"g\0ogle"),
	"no end": GOOGLE[:-400],
	"8bit": GOOGLE.replace(b"aggregate", b"\xff\xfe\x80"),
	"open comment": letters.google(GZIP, headers="Authentication-Results:"
				       " mx.shop.test (((((\n")
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_mail(door, tmp_path, case):
	path = put(tmp_path, HOSTILE[case])
	done = subprocess.run(
		["/usr/bin/python3", "-c", MEASURE, path, BUILD / "mtastsctl",
		 "report", "import", "-", *TRUST, "--socket", door.socket],
		capture_output=True, text=True, timeout=60,
		env=os.environ | SANITIZERS)
	status, kib, seconds = done.stdout.split()[-3:]
	assert int(status) == FINE, done
	assert int(float(kib)) < (64 if not is_sanitized() else 400) * 1024
	assert float(seconds) < 10


def is_bounded(process):
	"""As the kernel has it, of a program that waits for mail."""
	with open(f"/proc/{process.pid}/limits") as limits:
		most, = [line.split()[3:5] for line in limits
			 if line.startswith("Max address space")]
	return most == [str(512 << 20)] * 2


@pytest.mark.skipif("asan" in BUILD.name, reason="its shadow is larger")
def test_memory_is_bounded_before_a_byte_is_read(door):
	"""Whatever the parser may be made to do by what nobody foresaw."""
	with subprocess.Popen(
			[BUILD / "mtastsctl", "report", "import", "-",
			 "--socket", door.socket], stdin=subprocess.PIPE,
			stdout=subprocess.DEVNULL) as waits:
		try:
			wait_for("the bound", lambda: is_bounded(waits), 5)
		finally:
			waits.stdin.close()
	assert waits.returncode == FINE


MEASURE = """
import resource, subprocess, sys, time
begin = time.monotonic()
status = subprocess.run(sys.argv[2:], stdin=open(sys.argv[1], "rb")).returncode
print()
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
      time.monotonic() - begin)
"""


def is_sanitized():
	return b"__asan_init" in (BUILD / "mtastsctl").read_bytes()
