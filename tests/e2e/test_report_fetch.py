"""What `mtastsctl report fetch` takes out of a real IMAP server's mailbox.

The server is dovecot; the daemon is a stand-in that says what it is told
(harness/submit.py). With the real one: test_report_mail.py.
"""

import base64
import contextlib
import gzip
import itertools
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness import dovecot, letters, submit
from harness.daemon import BUILD
from harness.mailbox import Cutter, Mailbox
from harness.outside import Authority
from harness.process import free_port, wait_for
from test_report_import import is_bounded

FINE, REFUSED, TEMPFAIL = 0, 3, 75

pytestmark = pytest.mark.skipif(bool(dovecot.why_not()),
				reason=str(dovecot.why_not()))


@pytest.fixture
def door():
	door = submit.Submit()
	yield door
	door.close()


@pytest.fixture
def authority(tmp_path):
	return Authority(tmp_path)


@pytest.fixture
def make_server(authority):
	servers = []

	def make(name="localhost", **options):
		servers.append(dovecot.Dovecot(authority.chain(name),
					       **options).start())
		return servers[-1]

	yield make
	for one in servers:
		one.close()


def mailbox_at(server, door, authority, folder):
	box = Mailbox(server, door.socket, authority, folder)
	box.door = door
	return box


@pytest.fixture
def box(make_server, door, authority, tmp_path):
	return mailbox_at(make_server(), door, authority, tmp_path)


class Script:
	"""A server that says one thing, OK to the rest, and hears it."""

	def __init__(self, greeting, context=None):
		self.greeting, self.heard = greeting, b""
		self.context = context
		self._socket = socket.create_server(("127.0.0.1", 0))
		self.port = self._socket.getsockname()[1]

	def __enter__(self):
		threading.Thread(target=self._serve, daemon=True).start()
		return self

	def __exit__(self, *what):
		self._socket.close()

	def _serve(self):
		with contextlib.suppress(OSError):
			peer, _ = self._socket.accept()
			if self.context:
				peer = self.context.wrap_socket(
					peer, server_side=True)
			peer.sendall(self.greeting)
			while data := peer.recv(4096):
				self.heard += data
				self._answer(peer, *data.split()[:2])

	def _answer(self, peer, tag, word):
		more = self.greeting.split(b"[")[-1]
		if word == b"AUTHENTICATE" and b"PLAIN" in self.greeting:
			peer.sendall(b"+ \r\n")
			self.heard += peer.recv(4096)
		if word == b"CAPABILITY":
			peer.sendall(b"* " + more.split(b"]")[0] + b"\r\n")
		peer.sendall(tag + b" OK\r\n")


def letter(number=0, **more):
	return letters.google(letters.report_of("shop.test", number), **more)


def flags(server, folder="INBOX"):
	"""As a Maildir has them: S is seen; lower case is a word of ours."""
	return sorted(server.messages(folder))


def test_what_is_taken_is_marked_and_not_taken_again(box):
	box.server.deliver(letter(1), letters.plain(), letter(2))
	assert box.sum() == {"messages": 3, "stored": 2, "no_report": 1}
	assert len(box.door.posts) == 2
	assert box.door.posts[0][1] == {"via": "imap", "about": "shop.test"}
	assert flags(box.server) == ["S", "S", "a"]
	assert box.sum() == {}
	box.server.deliver(letter(3))
	assert box.sum() == {"messages": 1, "stored": 1}


def test_root_is_left_before_mail_is_read(box):
	box.server.deliver(letter())
	box.sum()
	assert box.door.peers == [pwd.getpwnam("nobody").pw_uid]


def test_starttls(box):
	box.server.deliver(letter())
	box.use(port=box.server.starttls_port, starttls=True)
	assert box.sum() == {"messages": 1, "stored": 1}


@pytest.mark.parametrize("capability", ["", dovecot.WITHOUT_MOVE])
def test_taken_mail_is_moved(make_server, door, authority, tmp_path,
			     capability):
	"""With MOVE, and where there is none by COPY and UID EXPUNGE."""
	server = make_server(capability=capability)
	box = mailbox_at(server, door, authority, tmp_path)
	box.use(done_folder="Done")
	doveadm(server, "mailbox", "create", "-u", dovecot.USER, "Done")
	server.deliver(letter(1), letters.plain(), letter(2))
	assert box.sum() == {"messages": 3, "stored": 2, "no_report": 1}
	assert flags(server) == ["a"]
	assert flags(server, "Done") == ["S", "S"]
	assert box.sum() == {}


def test_a_folder_that_is_not_there(box):
	box.server.deliver(letter())
	box.use(done_folder="Nowhere")
	result = box.fetch()
	assert result.status == REFUSED, result
	assert "Nowhere" in result.err
	box.use(done_folder=None, folder=r'No\\\"where')
	result = box.fetch()
	assert result.status == REFUSED and 'No\\"where' in result.err, result


def doveadm(server, *words):
	subprocess.run(["doveadm", "-c", server.folder / "dovecot.conf",
			*words], check=True, timeout=60, capture_output=True)


def test_what_cannot_be_taken_now_stays(box):
	box.server.deliver(letter(1), letter(2))
	box.door.say(submit.error(503, "again"))
	result = box.fetch()
	assert result.status == TEMPFAIL and "it is 503" in result.err, result
	assert len(box.door.posts) == 1		# and no more is tried
	assert flags(box.server) == ["", ""]
	box.door.say(submit.OK)
	assert box.sum() == {"messages": 2, "stored": 2}


def flooded(body):
	return submit.error(429, "again") \
		if b"flood.test" in gzip.decompress(body) else submit.OK


def flood(count):
	return [letters.google(letters.report_of("flood.test", i))
		for i in range(count)]


@pytest.mark.parametrize("count", [3, 150])
def test_a_domain_that_is_flooded_holds_up_no_other(box, count):
	box.server.deliver(*flood(count), letter())
	box.door.answer = flooded
	for stored in 1, 0:
		result = box.fetch("--json")
		assert result.status == TEMPFAIL, result
		assert json.loads(result.out)["put_off"] == count
		assert json.loads(result.out)["stored"] == stored
	box.door.say(submit.OK)
	assert box.sum()["stored"] == count


def test_what_has_to_wait_counts_towards_a_limit(box):
	box.server.deliver(*flood(9))
	box.door.answer = flooded
	result = box.fetch("--json", "--limit", "4")
	assert result.status == TEMPFAIL, result
	assert json.loads(result.out)["put_off"] == 4


def test_a_flood_that_outlasts_every_run_holds_up_no_other(box):
	"""No run comes to its end, and none begins where the last one did."""
	count = 60
	box.server.deliver(*flood(count // 2), letter(), *flood(count // 2))

	def slowly(body):
		time.sleep(0.1)
		return flooded(body)

	box.door.answer = slowly
	box.use(deadline="2s")
	taken = 0
	for _ in range(60):
		result = box.fetch("--json")
		assert result.status == TEMPFAIL, result
		assert json.loads(result.out)["put_off"] < count
		taken += json.loads(result.out)["stored"]
		if taken:
			break
	assert taken == 1
	assert flags(box.server) == [""] * count + ["S"]


class Large(Script):
	"""A folder of so many messages, none of which may be had."""

	def __init__(self, context, count):
		super().__init__(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n",
				 context)
		self.count, self.searched = count, []

	def _answer(self, peer, tag, word):
		if word == b"SELECT":
			peer.sendall(b"* %d EXISTS\r\n" % self.count)
		asked = self.heard.rpartition(b"UID SEARCH ")[2].split(b" ")[0]
		if word == b"UID" and asked not in self.searched:
			self.searched.append(asked)
			first, last = map(int, asked.split(b":"))
			peer.sendall(b"* SEARCH" + b"".join(
				b" %d" % (FIRST_UID + i)
				for i in range(first, last + 1)) + b"\r\n")
		super()._answer(peer, tag, word)


FIRST_UID = 4000000000


def test_a_large_mailbox_is_searched_in_pieces(box, authority):
	"""So that no answer is longer than what one line may have."""
	count, begun = 220000, set()
	for _ in range(2):
		with Large(authority.context("localhost"), count) as server:
			result = box.use(port=server.port,
					 deadline="10s").fetch()
		assert result.status == TEMPFAIL, result
		assert "deadline" in result.err
		pieces = sorted(tuple(map(int, asked.split(b":")))
				for asked in server.searched)
		assert pieces[0][0] == 1 and pieces[-1][1] == count
		assert all(a[1] + 1 == b[0]
			   for a, b in itertools.pairwise(pieces))
		begun.add(server.heard.partition(b"UID FETCH ")[2].split()[0])
	assert len(begun) == 2


class Understating(Script):
	"""A message that is larger than it is said to be."""

	def __init__(self, context, size):
		super().__init__(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n",
				 context)
		self.size = size

	def _answer(self, peer, tag, word):
		asked = self.heard.rpartition(b"UID ")[2]
		if word == b"SELECT":
			peer.sendall(b"* 1 EXISTS\r\n"
				     b"* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n")
		elif word == b"UID" and asked.startswith(b"SEARCH"):
			peer.sendall(b"* SEARCH 7\r\n")
		elif word == b"UID" and b"RFC822.SIZE" in asked:
			peer.sendall(b"* 1 FETCH (UID 7 RFC822.SIZE 9)\r\n")
		elif word == b"UID" and b"BODY" in asked:
			peer.sendall(b"* 1 FETCH (UID 7 BODY[] {%d}\r\n"
				     % self.size + b"x" * self.size + b")\r\n")
		super()._answer(peer, tag, word)


def test_a_message_that_is_larger_than_is_said_is_marked(box, authority):
	"""It ends no run, and is not looked at by each."""
	with Understating(authority.context("localhost"), 5 << 20) as server:
		result = box.use(port=server.port).fetch("--json")
	assert result.status != TEMPFAIL, result
	assert json.loads(result.out)["too_large"] == 1
	assert b"UID STORE 7 +FLAGS" in server.heard
	assert b"NoTLSReport" in server.heard.rpartition(b"STORE")[2]


def test_what_will_never_be_taken_stays_unread(box):
	box.server.deliver(letter(1), letters.google(os.urandom(9000000)))
	box.door.say(submit.error(422, "input"))
	assert box.sum() == {"messages": 2, "refused": 1, "too_large": 1}
	assert flags(box.server) == ["a", "a"]
	assert box.sum() == {}


def test_only_signed_mail(box):
	box.use(auth_results="mx.shop.test", require_dkim=True)
	box.server.deliver(letter(1), letter(2, headers=(
		"Authentication-Results: mx.shop.test; dkim=pass"
		" header.d=google.com\n")))
	assert box.sum() == {"messages": 2, "stored": 1, "unsigned": 1}
	assert box.door.posts[0][1]["signed_by"] == "google.com"


def test_a_limit(box):
	box.server.deliver(*map(letter, range(5)))
	result = box.fetch("--limit", "2")
	assert result.status == FINE and "2 looked at" in result.out, result
	assert box.sum()["messages"] == 3


# Getting in.

def test_a_wrong_password(box):
	box.keys["password_file"].write_text("wrong\n")
	result = box.fetch()
	assert result.status == REFUSED, result
	assert "password" in result.err


def test_a_password_that_everybody_may_read(box):
	box.keys["password_file"].chmod(0o644)
	result = box.fetch()
	assert result.status == REFUSED and "chmod" in result.err, result


@pytest.mark.parametrize("keys", [{"host": "127.0.0.1"}, {"ca_file": None}])
def test_a_certificate_that_does_not_fit(box, keys):
	box.server.deliver(letter())
	result = box.use(**keys).fetch()
	assert result.status == REFUSED, result
	assert "certificate" in result.err
	assert "Login" not in box.server.log()


def test_no_tls_no_mail(box):
	with Script(b"* OK [CAPABILITY IMAP4rev1] hi\r\n") as server:
		result = box.use(port=server.port, starttls=True).fetch()
	assert result.status == REFUSED, result
	assert b"LOGIN" not in server.heard
	assert b"AUTHENTICATE" not in server.heard


def test_a_server_that_is_not_there(box):
	result = box.use(port=free_port()).fetch()
	assert result.status == TEMPFAIL, result
	assert "look at host and port" in result.err, result


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_a_token(box, authority, tmp_path, mechanism):
	"""The bearer token that a command prints is what is sent."""
	command = tmp_path / "token"
	command.write_text("#!/bin/sh\necho \"tok$1\"\n")
	command.chmod(0o755)
	greeting = f"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH={mechanism}] hi"
	with Script(greeting.encode() + b"\r\n",
		    authority.context("localhost")) as server:
		box.use(port=server.port, password_file=None,
			token_command=[str(command), "en"])
		assert box.sum() == {}
	start = f"AUTHENTICATE {mechanism} ".encode()
	sent = server.heard.partition(start)[2].partition(b"\r\n")[0]
	words = base64.b64decode(sent).split(b"\1")
	assert b"auth=Bearer token" in words, words
	assert dovecot.USER.encode() in words[0]


# Microsoft 365 offers the first, Google both.
@pytest.mark.parametrize("oauth, used", [
	("xoauth2", "XOAUTH2"), ("oauthbearer", "OAUTHBEARER"),
	("xoauth2 oauthbearer", "OAUTHBEARER"),
])
def test_a_server_that_takes_tokens(make_server, door, authority, tmp_path,
				    oauth, used):
	server = make_server(oauth=oauth)
	box = with_token(mailbox_at(server, door, authority, tmp_path),
			 f"echo {server.token()}")
	server.deliver(letter(1), letters.plain(), letter(2))
	assert box.sum() == {"messages": 3, "stored": 2, "no_report": 1}
	assert flags(server) == ["S", "S", "a"]
	assert f"method={used}" in server.log()
	box.use(port=server.starttls_port, starttls=True)
	server.deliver(letter(3))
	assert box.sum() == {"messages": 1, "stored": 1}


@pytest.mark.parametrize("oauth", ["xoauth2", "oauthbearer"])
@pytest.mark.parametrize("wrong", [
	{"key": bytes(32)}, {"seconds": -5}, {"user": "somebody else"}])
def test_a_token_that_the_server_refuses(make_server, door, authority,
					 tmp_path, oauth, wrong):
	server = make_server(oauth=oauth)
	box = with_token(mailbox_at(server, door, authority, tmp_path),
			 f"echo {server.token(**wrong)}")
	server.deliver(letter())
	result = box.fetch()
	assert result.status == REFUSED, result
	[line] = result.err.splitlines()
	assert "token_command" in line and "localhost" in line, line
	assert not result.out
	assert not door.posts and flags(server) == [""]


def test_a_server_that_takes_no_tokens(box):
	result = with_token(box, "echo token").fetch()
	assert result.status == REFUSED, result
	[line] = result.err.splitlines()
	assert "token_command" in line, line


def with_token(box, script):
	command = box.keys["password_file"].parent / "token"
	command.write_text(f"#!/bin/sh\n{script}\n")
	command.chmod(0o755)
	return box.use(password_file=None, token_command=[str(command)])


@pytest.mark.parametrize("script, said", [
	("exit 3", "status 3"), ("true", "nothing is in"),
	("kill -9 $$", "nothing is in"),
	("head -c 99999 /dev/zero", "more than"),
])
def test_a_token_that_does_not_come(box, tmp_path, script, said):
	command = tmp_path / "token"
	command.write_text(f"#!/bin/sh\n{script}\n")
	command.chmod(0o755)
	result = box.use(password_file=None,
			 token_command=[str(command)]).fetch()
	assert result.status != FINE, result
	[line] = result.err.splitlines()
	assert "token_command" in line and said in line, result


# A run has an end.

def running_in(group):
	"""The state of each process of a group that is more than a zombie."""
	for stat in Path("/proc").glob("[0-9]*/stat"):
		with contextlib.suppress(OSError):
			state, _, of = stat.read_text().rpartition(")")[2] \
				.split()[:3]
			if of == group and state not in "ZX":
				yield state


@pytest.mark.parametrize("script", [
	"echo token; exec >&-; sleep 45",	# all is said, and no end comes
	"sleep 45", "echo token; sleep 45 & exit",
], ids=["closes", "silent", "leaves another"])
def test_a_token_command_that_does_not_end(box, tmp_path, script):
	"""It is ended, and what it started as well."""
	with_token(box, f"cd {tmp_path}; echo $$ >pid; {script}")
	began = time.monotonic()
	result = box.use(deadline="3s").fetch()
	assert time.monotonic() - began < 3 + 5
	assert result.status == TEMPFAIL, result
	assert "token_command" in result.err and "in time" in result.err
	group = (tmp_path / "pid").read_text().strip()
	wait_for("its end", lambda: not any(running_in(group)), 5)


def test_a_deadline_ends_a_run_and_the_next_goes_on(box):
	count = 12
	box.server.deliver(*map(letter, range(count)))

	def slowly(body):
		time.sleep(0.5)
		return submit.OK

	box.door.answer = slowly
	began = time.monotonic()
	first = box.use(deadline="3s").fetch("--json")
	assert time.monotonic() - began < 3 + 5
	assert first.status == TEMPFAIL, first
	assert "messages are left to the next" in first.err
	taken = json.loads(first.out)["stored"]
	assert 0 < taken < count
	assert flags(box.server) == [""] * (count - taken) + ["S"] * taken
	box.door.say(submit.OK)
	assert box.use(deadline=None).sum() == {"messages": count - taken,
						"stored": count - taken}
	assert len(set(box.door.bodies())) == len(box.door.bodies()) == count


@pytest.mark.parametrize("drip", [b"* OK still here\r\n", b""],
			 ids=["talks", "silent"])
def test_a_server_that_never_comes_to_an_end_is_left(box, authority, drip):
	"""It says something now and then, so that no single wait is long."""
	with Drip(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n",
		  authority.context("localhost"), drip) as server:
		began = time.monotonic()
		result = box.use(port=server.port, deadline="3s").fetch()
	assert result.status == TEMPFAIL, result
	assert 2 < time.monotonic() - began < 3 + 5
	assert "deadline" in result.err and "once more" not in result.err


@pytest.mark.skipif("asan" in BUILD.name, reason="its shadow is larger")
def test_memory_is_bounded_before_a_word_is_heard(box):
	with socket.create_server(("127.0.0.1", 0)) as server:
		box.use(port=server.getsockname()[1], deadline="2s")
		box.write()
		with subprocess.Popen(box.words(), stderr=subprocess.PIPE,
				      stdout=subprocess.DEVNULL) as waits:
			peer, _ = server.accept()
			try:
				assert is_bounded(waits)
			finally:
				peer.close()


@pytest.mark.parametrize("deadline", ["0s", "soon", "2d"])
def test_a_deadline_that_is_none(box, deadline):
	result = box.use(deadline=deadline).fetch()
	assert result.status == 64 and "deadline" in result.err, result


# A message is read by a process that has nothing else.

def memory(pid):
	"""All that it could read itself."""
	with open(f"/proc/{pid}/maps") as maps, \
			open(f"/proc/{pid}/mem", "rb", 0) as mem:
		for line in maps:
			first, last = (int(n, 16) for n in
				       line.split()[0].split("-"))
			with contextlib.suppress(OSError, OverflowError):
				mem.seek(first)
				yield mem.read(last - first)


def knows(pid, secret):
	return any(secret in part for part in memory(pid))


def files(pid):
	return {int(f.name): os.readlink(f)
		for f in Path(f"/proc/{pid}/fd").iterdir()}


class Onlooker:
	"""Looks at the process that hands in a report, while that waits."""

	def __init__(self, door, *secrets):
		self.door, self.secrets = door, secrets

	def __call__(self, body):
		me = Path(f"/proc/{self.door.pid}")
		self.parent = int(re.search(r"PPid:\s*(\d+)", (
			me / "status").read_text())[1])
		self.files = files(self.door.pid)
		self.parent_files = files(self.parent)
		self.environ = (me / "environ").read_bytes()
		self.words = (me / "cmdline").read_bytes()
		self.limits = (me / "limits").read_text()
		parent = Path(f"/proc/{self.parent}")
		self.parent_limits = (parent / "limits").read_text()
		self.parent_memory_of = (parent / "mem").stat().st_uid
		self.has = [knows(self.door.pid, s) for s in self.secrets]
		self.parent_has = [knows(self.parent, s) for s in self.secrets]
		return submit.OK


@pytest.mark.skipif("asan" in BUILD.name, reason="its shadow is too large")
@pytest.mark.parametrize("by", ["password", "token"])
def test_a_message_is_read_by_who_holds_no_secret(make_server, door, authority,
						  tmp_path, monkeypatch, by):
	server = make_server(oauth="xoauth2" if by == "token" else "")
	box = mailbox_at(server, door, authority, tmp_path)
	secret = dovecot.PASSWORD
	if by == "token":
		secret = server.token()
		with_token(box, f"echo {secret}")
	monkeypatch.setenv("CLIENT_SECRET", "secret of the environment")
	server.deliver(letter())
	door.answer = seen = Onlooker(door, secret.encode(),
				      b"secret of the environment")
	assert box.sum() == {"messages": 1, "stored": 1}
	assert seen.parent_has == [True, True]
	assert seen.has == [False, False]
	assert seen.parent_memory_of == 0	# not of the user it became
	assert re.search(r"Max core file size +0 +0 ", seen.parent_limits)
	assert seen.environ == b""
	assert secret.encode() not in seen.words
	assert [seen.files.pop(f).split(":")[0] for f in range(3)] == [
		"/memfd"] * 3
	ours = {f for f in seen.files.values() if f.startswith("socket:")}
	assert ours == set(seen.files.values())		# to the daemon
	assert not ours & set(seen.parent_files.values())
	# Not equal: at the hard one it is SIGKILL, which says nothing.
	assert re.search(r"Max cpu time +20 +21 ", seen.limits)
	assert "unlimited" not in next(
		line for line in seen.limits.splitlines()
		if line.startswith("Max address space"))


@pytest.mark.skipif("asan" in BUILD.name, reason="its own end is another")
@pytest.mark.parametrize("end", [signal.SIGSEGV, signal.SIGXCPU])
def test_a_message_that_ends_its_reader_ends_nothing_else(box, end):
	box.server.deliver(letter(1), letter(2), letter(3))

	def answer(body):
		if b"shop.test_2" in gzip.decompress(body):
			os.kill(box.door.pid, end)
		return submit.OK

	box.door.answer = answer
	result = box.fetch("--json")
	assert result.status == FINE, result
	counts = json.loads(result.out)
	assert (counts["messages"], counts["stored"], counts["refused"]) == (
		3, 2, 1)
	[line] = result.err.splitlines()
	assert re.match(fr"mtastsctl: message \d+: .* signal {int(end)}\b", line)
	assert flags(box.server) == ["S", "S", "a"]
	assert box.sum() == {}


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM,
				 signal.SIGINT, signal.SIGHUP])
def test_a_message_whose_reader_is_killed_is_for_later(box, end):
	box.server.deliver(letter(1), letter(2), letter(3))

	def answer(body):
		if b"shop.test_2" in gzip.decompress(body):
			os.kill(box.door.pid, end)
		return submit.OK

	box.door.answer = answer
	result = box.fetch("--json")
	assert result.status == TEMPFAIL, result
	assert f"signal {int(end)}\n" in result.err
	counts = json.loads(result.out)
	assert (counts["stored"], counts["refused"]) == (2, 0)
	assert flags(box.server) == ["", "S", "S"]
	box.door.say(submit.OK)
	assert box.sum() == {"messages": 1, "stored": 1}


def test_a_reader_that_hangs_is_ended(box):
	box.server.deliver(letter())

	def answer(body):
		os.kill(box.door.pid, signal.SIGSTOP)
		return submit.OK

	box.door.answer = answer
	began = time.monotonic()
	result = box.use(deadline="2s").fetch()
	assert time.monotonic() - began < 2 + 15
	assert result.status == TEMPFAIL and "in time" in result.err, result
	assert not list(running_in(str(box.door.pid)))
	assert flags(box.server) == [""]
	box.door.say(submit.OK)
	assert box.use(deadline=None).sum() == {"messages": 1, "stored": 1}


# A connection that breaks.

@pytest.mark.parametrize("words", [b"", b"* BYE done\r\n", b"x" * 1100000],
			 ids=["none", "bye", "endless"])
def test_a_server_that_closes_at_logout(box, authority, words):
	"""Without an answer: all has been said that matters."""
	with Closer(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n",
		    authority.context("localhost")) as server:
		server.last = words
		assert box.use(port=server.port).sum() == {}
	assert b"LOGOUT" in server.heard


class Closer(Script):
	"""Says some last words at LOGOUT, and is gone."""

	last = b""

	def _answer(self, peer, tag, word):
		if word == b"LOGOUT":
			peer.sendall(self.last)
			peer.close()
			raise OSError
		super()._answer(peer, tag, word)


class Drip(Script):
	"""Never ends its answer to a search."""

	def __init__(self, greeting, context, drip):
		super().__init__(greeting, context)
		self.drip = drip

	def _answer(self, peer, tag, word):
		if word == b"SELECT":
			peer.sendall(b"* 1 EXISTS\r\n")
		while word == b"UID":
			peer.sendall(self.drip)
			time.sleep(0.2)
		super()._answer(peer, tag, word)


@pytest.mark.parametrize("after", [1000, 12000, 30000, 30001])
def test_a_broken_connection_is_made_once_more(box, after):
	count = 20
	box.server.deliver(*map(letter, range(count)))
	with Cutter(box.server.port, [after]) as cutter:
		box.use(port=cutter.port)
		result = box.fetch("--json")
	assert result.status == (FINE if after > 1000 else TEMPFAIL), result
	if after > 1000:
		assert "once more" in result.err
		assert json.loads(result.out)["messages"] == count
		assert len(set(box.door.bodies())) == count
		assert flags(box.server) == ["S"] * count
	assert cutter.cut == 1
	assert "GLib" not in result.err


def test_a_mark_that_was_lost_is_made_up_for(box):
	"""The connection breaks between the daemon's answer and the mark."""
	box.server.deliver(*map(letter, range(5)))
	with Cutter(box.server.port, []) as cutter:
		def answer(body):
			if len(box.door.posts) == 2:
				cutter.cut_now()
			return submit.OK

		box.door.answer = answer
		assert box.use(port=cutter.port).sum() == {
			"messages": 5, "stored": 5}
	assert cutter.cut == 1
	assert len(set(box.door.bodies())) == len(box.door.bodies()) == 5
	assert flags(box.server) == ["S"] * 5


def test_two_broken_connections_are_enough_for_a_run(box):
	count = 60
	box.server.deliver(*map(letter, range(count)))
	with Cutter(box.server.port, [40000, 30000]) as cutter:
		box.use(port=cutter.port)
		first = box.fetch("--json")
		assert first.status == TEMPFAIL, first
		assert "lost" in first.err
		assert 0 < json.loads(first.out)["messages"] < count
		assert cutter.cut == 2
		second = box.fetch("--json")
	assert second.status == FINE, second
	assert len(set(box.door.bodies())) == count
	assert len(box.door.bodies()) <= count + 1	# a mark that was lost
	assert flags(box.server) == ["S"] * count
