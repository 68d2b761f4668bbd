"""TLS reports come in by HTTPS, whatever strangers make of them."""

import gzip
import http.client
import json
import multiprocessing
import os
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness.daemon import BUILD, UnixConnection
from harness.process import wait_for
from harness.reports import (GZIP, JSON, Poster, bomb, report, stored, sts)

IS_ASAN = "asan" in BUILD.name


@pytest.fixture
def poster(rig, name, tmp_path):
	daemon = rig.daemon()
	rig.dns.point(name)
	daemon.start()
	daemon.add(name)
	return Poster(daemon, rig.pebble.root(), name, tmp_path)


def kb_of(daemon, what):
	with open(f"/proc/{daemon.process.process.pid}/status") as f:
		return next(int(line.split()[1]) for line in f
			    if line.startswith(what))


def forget_peak(daemon):
	"""From now on VmHWM is the most that it has been since."""
	with open(f"/proc/{daemon.process.process.pid}/clear_refs", "w") as f:
		f.write("5")


# What is taken.

def test_a_report_counts_once(poster):
	daemon, text = poster.daemon, report(poster.domain)

	assert poster.post(gzip.compress(text), kind=GZIP) == 200
	assert stored(daemon, poster.domain) == 1
	assert poster.post(text, kind=JSON) == 200
	assert stored(daemon, poster.domain) == 1
	assert daemon.rows("SELECT successful, failed FROM report") == [(7, 0)]


def test_one_of_an_id_and_day_counts(poster):
	"""Whatever is posted under it: nobody hears that it was refused."""
	daemon, name = poster.daemon, poster.domain
	bodies = [report(name, policies=[sts(name) | {
		"summary": {"total-successful-session-count": n}}])
		for n in (7, 8, 11, 12, 13)]

	assert [poster.post(b, kind=JSON) for b in bodies] == [200] * 5
	assert stored(daemon, name) == 4
	summary = json.loads(daemon.ok("report", "summary", name, "--json"))
	assert (summary["reports"], summary["successful"]) == (1, 7)
	assert daemon.ok("report", "list", name).count("(not counted)") == 3
	assert dropped(daemon, 3) == 1


def test_four_clean_ones_keep_out_none_that_failed(poster):
	"""What others posted under its name and id before is no matter."""
	daemon, name = poster.daemon, poster.domain
	bodies = [report(name, policies=[sts(name) | {
		"summary": {"total-successful-session-count": good,
			    "total-failure-session-count": bad}}])
		for good, bad in ((7, 0), (8, 0), (9, 0), (10, 0), (50, 50),
				  (51, 49))]

	assert [poster.post(b, kind=JSON) for b in bodies] == [200] * 6
	summary = daemon.json("report", "summary", name)
	assert (summary["reports"], summary["successful"],
		summary["failed"]) == (1, 50, 50)
	assert stored(daemon, name) == 4


@pytest.mark.parametrize("kind", ["", "application/octet-stream",
				  "application/gzip", "application/json",
				  "application/x-gzip", "text/json",
				  "binary/octet-stream"])
def test_content_is_looked_at_and_not_its_type(poster, kind):
	first, second = report(poster.domain, 1), report(poster.domain, 2)

	assert poster.post(gzip.compress(first), kind=kind) == 200
	assert poster.post(second, kind=kind) == 200
	assert stored(poster.daemon) == 2


def test_in_chunks_and_with_expect(poster):
	chunked = poster.post(report(poster.domain, 1), "-H",
			      "Transfer-Encoding: chunked", kind=JSON)
	asked = poster.curl(report(poster.domain, 2), "-v", "-H",
			    "Expect: 100-continue", kind=JSON)

	assert chunked == 200
	assert "< HTTP/1.1 100 Continue" in asked.stderr
	assert asked.stdout.endswith("\n200")
	assert stored(poster.daemon) == 2


def test_nothing_was_sent_is_a_report(poster):
	assert poster.post(report(poster.domain, policies=[]), kind=JSON) == 200
	assert stored(poster.daemon, poster.domain) == 1


def test_what_others_wrote_of_us_is_dropped_and_counted(poster):
	text = report(poster.domain, policies=[sts(poster.domain),
					       sts("other.test")])

	assert poster.post(text, kind=JSON) == 200
	assert stored(poster.daemon) == 1
	wait_for("it to be counted", lambda: dropped(poster.daemon, 0) == 1, 30)


def dropped(daemon, why):
	"""enum report_drop, store/report.h"""
	return sum(n for n, in daemon.rows("SELECT count FROM report_drop"
					   " WHERE why = ?", why))


def test_dns_is_to_say_where(rig, name, tmp_path):
	"""The URI that is printed is the one that takes them."""
	daemon = rig.daemon().start()
	rig.dns.point(name)
	daemon.ok("domain", "add", name, "--mx", f"mx.{name}", "--wait",
		  "--rua", f"mailto:tls@{name}")
	poster = Poster(daemon, rig.pebble.root(), name, tmp_path)
	lines = daemon.ok("domain", "records", name, "--format", "zone")
	record = next(line for line in lines.splitlines()
		      if line.startswith(f"_smtp._tls.{name}. "))
	uri, mail = record.split("rua=")[1].rstrip('"').split(",")

	assert mail == f"mailto:tls@{name}"
	assert uri.startswith(f"https://{poster.host}/")
	path = uri.removeprefix(f"https://{poster.host}")
	assert poster.post(report(name), path=path, kind=JSON) == 200
	assert stored(daemon, name) == 1


# What is not taken.

NESTED = b"[" * 10000 + b"]" * 10000
DETAIL = {"result-type": "certificate-expired", "failed-session-count": 1,
	  "sending-mta-ip": "192.0.2.1", "receiving-mx-hostname": "mx.a.test",
	  "additional-information": "x" * 400}


def five_mb(domain):
	return report(domain, policies=[sts(domain, [DETAIL] * 9000)])


def largest(domain):
	"""Of all that is taken: 5,000 failures of which each field is given."""
	def detail(i):
		return {"result-type": "certificate-expired",
			"sending-mta-ip": f"192.0.2.{i % 256}",
			"receiving-mx-hostname": f"mx{i}.{domain}",
			"receiving-mx-helo": f"helo{i}.{domain}",
			"receiving-ip": f"198.51.100.{i % 256}",
			"failed-session-count": i,
			"additional-information": f"{i:05}" * 25,
			"failure-reason-code": f"reason {i}"}

	body = report(domain, 5000, [sts(domain, [*map(detail, range(5000))])])
	assert 1900 << 10 < len(body) < 2 << 20
	return gzip.compress(body)


def hostile(domain):
	"""(what it is, the body, the status)"""
	good = gzip.compress(report(domain))
	return [
		("a gzip bomb", bomb(1 << 30), 413),
		("the same, within a body", bomb(900 << 20), 413),
		("nested arrays", NESTED, 413),
		("nested arrays, gzip", gzip.compress(NESTED), 413),
		("nested arrays in a report",
		 report(domain)[:-1] + b', "x": ' + NESTED + b"}", 413),
		("5 MB of details", five_mb(domain), 413),
		("5 MB of details, gzip", gzip.compress(five_mb(domain)), 413),
		("a truncated gzip", good[:-20], 400),
		("gzip and something else", good + b"something", 400),
		("nothing", b"", 400),
		("no JSON", b"hello", 400),
		("no report", b'{"organization-name": "x"}', 400),
		("another's report", report("other.test"), 422),
	]


def test_hostile_bodies_cost_nothing(poster):
	"""Not even for a moment: it is the peak of each that is looked at."""
	daemon, domain = poster.daemon, poster.domain
	bodies = hostile(domain)
	assert poster.post(report(domain, 99), kind=JSON) == 200
	before, grew = kb_of(daemon, "VmRSS"), {}
	# twice: what the first round grew by, the second need not; and last
	# the largest that is none of them
	for what, body, status in [*bodies, *bodies, (
			"the largest", largest(domain), 200)]:
		forget_peak(daemon)
		assert (what, poster.post(body, kind=GZIP)) == (what, status)
		grew[what] = max(grew.get(what, 0),
				 kb_of(daemon, "VmHWM") - before)
	print(f"RSS grew by so many KB at most: {grew}")
	if not IS_ASAN:
		assert max(grew.values()) < 16 * 1024, grew
	assert stored(daemon) == 2
	assert daemon.is_running()
	assert poster.post(report(poster.domain), kind=JSON) == 200


def test_who_is_refused_hears_why(poster):
	"""In a sentence of ours; and the box counts it, by reasons."""
	evil = b'{"date-range": {"start-datetime": "<evil>"}}'
	daemon = poster.daemon

	assert poster.curl(evil, kind=JSON).stdout.startswith(
		"400 Bad Request: the start-datetime of the report is no date\n")
	assert poster.curl(report("other.test"), kind=JSON).stdout.startswith(
		"422 Unprocessable Content: none of its policies is of this "
		"domain\n")
	assert "415 Unsupported Media Type: a TLS report is" in poster.curl(
		evil, kind="text/plain").stdout
	assert "413 Content Too Large: a TLS report is at most 1 MiB\n" in (
		poster.curl(bytes(1 << 21), kind=JSON).stdout)
	assert poster.post(evil, path="/tlsrpt/x", kind=JSON) == 404

	def told():
		return daemon.json("status")["reports"]
	wait_for("it to be counted",
		 lambda: told()["dropped"]["no_report"] == 1, 30)
	assert told()["refused"] == {"path": 1, "type": 1, "large": 1,
				     "busy": 0, "slow": 0}
	assert told()["bytes"] == 0 and told()["shed_last"] is None


def test_many_bombs_at_once(poster):
	body, statuses = bomb(1000 << 20), []
	before = kb_of(poster.daemon, "VmRSS")
	forget_peak(poster.daemon)

	def run(i):
		folder = poster.folder / str(i)
		folder.mkdir()
		one = Poster(poster.daemon, poster.root, poster.domain, folder)
		statuses.extend(one.post(body, kind=GZIP) for _ in range(5))

	threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
	for t in threads:
		t.start()
	for t in threads:
		t.join()
	worst = kb_of(poster.daemon, "VmHWM") - before
	print(f"RSS grew by {worst} KB at most")
	assert set(statuses) <= {413, 503}
	if not IS_ASAN: # there all may come to their time's end
		assert 413 in statuses
		assert worst < 16 * 1024
	wait_for("one alone to be read",
		 lambda: poster.post(body, kind=GZIP) == 413, 30)


@pytest.mark.parametrize("path, kind, status", [
	("/tlsrpt/0123456789abcdef0123456789abcdef", GZIP, 404),
	("/tlsrpt/", GZIP, 404),
	(None, "text/plain", 415),
])
def test_what_is_refused_unseen(poster, path, kind, status):
	"""Also with so much of a body that nobody waits for its end."""
	small, large = report(poster.domain), bytes(1 << 20)

	assert poster.post(small, path=path, kind=kind) == status
	assert poster.post(large, path=path, kind=kind) == status
	assert poster.post(large, "-H", "Expect:", path=path,
			   kind=kind) == status
	assert stored(poster.daemon) == 0


def test_other_methods_and_other_names(poster, rig):
	other = f"b-{poster.domain}"
	rig.dns.point(other)
	poster.daemon.add(other)
	beside = Poster(poster.daemon, poster.root, other, poster.folder)

	assert poster.post(b"", "--get") == 405
	assert poster.post(b"{}", "--request", "PUT") == 405
	# the path of one name is nothing at another
	assert beside.post(report(other), path=poster.path, kind=JSON) == 404
	# and a report of the other is not of this
	assert poster.post(report(other), kind=JSON) == 422
	assert stored(poster.daemon) == 0


def test_a_box_may_collect_none(rig, name, tmp_path):
	daemon = rig.daemon(collect_reports=False)
	rig.dns.point(name)
	daemon.start()
	daemon.add(name)
	poster = Poster(daemon, rig.pebble.root(), name, tmp_path)

	assert poster.post(report(name), kind=JSON) == 404
	daemon.settings["collect_reports"] = True
	daemon.reload()
	wait_for("it to be taken",
		 lambda: poster.post(report(name), kind=JSON) == 200)


# Peers that are slow, or leave.

def connect(poster):
	context = ssl.create_default_context(cafile=poster.root)
	raw = socket.create_connection(("127.0.0.1", poster.daemon.https_port),
				       20)
	return context.wrap_socket(raw, server_hostname=poster.host)


def say_head(tls, poster, length):
	tls.sendall(f"POST {poster.path} HTTP/1.1\r\nHost: {poster.host}\r\n"
		    f"Content-Length: {length}\r\n\r\n".encode())


def test_slow_bodies_and_peers_that_leave(rig, name, tmp_path):
	daemon = rig.daemon(connection_deadline="3s")
	rig.dns.point(name)
	daemon.start()
	daemon.add(name)
	poster = Poster(daemon, rig.pebble.root(), name, tmp_path)
	text = report(name)

	slow, gone, hasty = (connect(poster) for _ in range(3))
	for tls in slow, gone, hasty:
		say_head(tls, poster, len(text))
	gone.sendall(text[:-10])
	gone.close()
	hasty.sendall(text)
	hasty.close()	# it does not hear that it is stored
	since = time.monotonic()
	try:
		for i in range(60):
			slow.sendall(text[i:i + 1])
			time.sleep(0.1)
	except OSError:
		pass
	assert 2 < time.monotonic() - since < 5
	wait_for("the hasty one's", lambda: stored(daemon) == 1)
	assert poster.post(text, kind=JSON) == 200
	assert stored(daemon) == 1


# What is promised by a 2xx.

@pytest.mark.parametrize("i", range(3))
def test_a_kill_after_2xx_loses_nothing(poster, i):
	text = report(poster.domain, i)

	with connect(poster) as tls:
		say_head(tls, poster, len(text))
		tls.sendall(text)
		assert tls.recv(12) == b"HTTP/1.1 200"
		poster.daemon.kill()
	assert stored(poster.daemon, poster.domain) == 1
	poster.daemon.start()
	assert poster.post(text, kind=JSON) == 200
	assert stored(poster.daemon, poster.domain) == 1


def test_a_stop_answers_all(poster):
	"""With 200 and it is there, or with 503: nobody is left without."""
	statuses = {}

	def run(i):
		text = report(poster.domain, i)
		try:
			with connect(poster) as tls:
				say_head(tls, poster, len(text))
				tls.sendall(text)
				statuses[i] = int(tls.recv(4096).split()[1])
		except (OSError, IndexError):
			pass	# it was not accepted any more

	threads = [threading.Thread(target=run, args=(i,)) for i in range(40)]
	for i, t in enumerate(threads):
		t.start()
		if i == 20:
			poster.daemon.process.process.terminate()
	for t in threads:
		t.join()
	assert poster.daemon.process.process.wait(30) == 0
	there = {int(i.split("@")[0]) for i, in
		 poster.daemon.rows("SELECT report_id FROM report")}
	print(statuses)
	assert set(statuses.values()) <= {200, 503}
	assert {i for i, s in statuses.items() if s == 200} <= there


# A burst.

def post_each(poster, bodies, statuses):
	"""On one connection, and another when its time is over."""
	connection = None
	for body in bodies:
		if connection is None:
			connection = http.client.HTTPSConnection(poster.host)
			connection.sock = connect(poster)
		try:
			connection.request("POST", poster.path, body,
					   {"Host": poster.host})
			reply = connection.getresponse()
			reply.read()
		except (OSError, http.client.HTTPException):
			connection = None
			continue
		statuses.append(reply.status)
	connection.close()


def burst(poster, bodies, connections):
	"""In a process of its own, as senders have machines of their own: it
	is not to slow who measures. The statuses come back by a queue."""
	results = multiprocessing.Queue()

	def run():
		os.nice(10)
		statuses = []
		threads = [threading.Thread(target=post_each, args=(
			poster, bodies[i::connections], statuses))
			   for i in range(connections)]
		for t in threads:
			t.start()
		for t in threads:
			t.join()
		results.put(statuses)

	process = multiprocessing.get_context("fork").Process(target=run)
	process.start()
	return process, results


def fetch_until(client, host, is_over):
	took = []
	while not is_over():
		before = time.monotonic()
		assert client.fetch(host).status == 200
		took.append(time.monotonic() - before)
		time.sleep(0.005)
	took.sort()
	return took


@pytest.mark.alone
def test_a_thousand_in_a_burst(rig, poster):
	bodies = [gzip.compress(report(poster.domain, n)) for n in range(1000)]
	client = rig.client(poster.daemon)

	end = time.monotonic() + 2
	idle = fetch_until(client, poster.host,
			   lambda: time.monotonic() > end)
	since = time.monotonic()
	process, results = burst(poster, bodies, 16)
	took = fetch_until(client, poster.host, lambda: not results.empty())
	seconds = time.monotonic() - since
	statuses = results.get()
	process.join()
	p99 = took[len(took) * 99 // 100]
	print(f"1000 reports in {seconds:.2f} s; {len(took)} fetches beside,"
	      f" p99 {p99 * 1000:.0f} ms, worst {took[-1] * 1000:.0f} ms;"
	      f" before, p99 {idle[len(idle) * 99 // 100] * 1000:.0f} ms;"
	      f" loop {poster.daemon.api('GET', '/v1/status')[1]['loop']}")
	assert statuses == [200] * 1000
	assert stored(poster.daemon, poster.domain) == 1000
	if not IS_ASAN:
		assert p99 < 0.1


@pytest.mark.alone
def test_too_many_are_told_to_come_later(poster):
	"""A burst of 2,000 is an address's own; then ten in a second."""
	process, results = burst(poster, [b"{}"] * 2300, 8)
	statuses = results.get(timeout=120)
	process.join()

	assert statuses.count(400) >= 1990
	assert statuses.count(503) >= 50
	assert set(statuses) == {400, 503}
	late = ""
	# Each second there is room for ten again, which others take.
	process, results = burst(poster, [b"{}"] * 2300, 8)
	while "HTTP/1.1 503 Service Unavailable" not in late and \
			process.is_alive():
		late = poster.curl(b"{}", "--include", kind="").stdout
	results.get(timeout=120)
	process.join()
	assert "HTTP/1.1 503 Service Unavailable" in late
	assert "Retry-After: " in late
	assert serves(poster)


def serves(poster):
	with connect(poster) as tls:
		tls.sendall(f"GET /.well-known/mta-sts.txt HTTP/1.1\r\n"
			    f"Host: {poster.host}\r\n\r\n".encode())
		return tls.recv(12) == b"HTTP/1.1 200"


# By the socket of those who bring reports.

def submit(daemon, body, path="/v1/reports", method="POST", door="submit"):
	connection = UnixConnection(daemon.run / f"{door}.sock", 20)
	connection.request(method, path, body)
	reply = connection.getresponse()
	answer = json.loads(reply.read())
	connection.close()
	return reply.status, answer


def test_reports_by_mail(poster):
	daemon, domain = poster.daemon, poster.domain
	text = gzip.compress(report(domain, policies=[sts(domain),
						      sts("other.test")]))
	path = "/v1/reports?via=mail&signed_by=Sender.TEST"

	status, answer = submit(daemon, text, path)
	assert (status, answer) == (200, {
		"outcome": "stored", "organization": "Sender Inc.",
		"report_id": "1@sender.test", "domains": [domain],
		"dropped": 1})
	assert submit(daemon, text, path)[1]["outcome"] == "known"
	assert submit(daemon, text, door="admin")[1]["outcome"] == "known"
	assert submit(daemon, report("other.test"))[1]["outcome"] == "not_ours"
	assert submit(daemon, report(domain, policies=[]))[1][
		"outcome"] == "empty"
	assert daemon.rows("SELECT via, signed_by FROM report") == [
		(1, "sender.test")]


@pytest.mark.parametrize("body, path, status", [
	(b"hello", "", 422),
	(b"", "", 422),
	(NESTED, "", 413),
	(b"x" * (1 << 20) + b"x", "", 413),
	(b"{}", "?via=https", 400),
	(b"{}", "?signed_by=..", 400),
	(b"{}", "?colour=red", 400),
], ids=["text", "nothing", "nested", "large", "by https", "no signer",
	"a colour"])
def test_what_the_submit_socket_refuses(poster, body, path, status):
	assert submit(poster.daemon, body, f"/v1/reports{path}")[0] == status
	assert stored(poster.daemon) == 0


def test_the_submit_socket_does_nothing_else(poster):
	for method, path in [("GET", "/v1/status"), ("GET", "/v1/domains"),
			     ("POST", "/v1/domains"), ("POST", "/v1/freeze"),
			     ("DELETE", f"/v1/domains/{poster.domain}"),
			     ("GET", "/v1/log"), ("GET", "/v1/cas")]:
		status, answer = submit(poster.daemon, b"", path, method)
		assert (path, status) == (path, 403)
		assert "for TLS reports only" in answer["error"]["message"]
	assert submit(poster.daemon, b"{}", door="read")[0] == 403


def test_a_submit_that_leaves_is_no_trouble(poster):
	text = report(poster.domain)
	for _ in range(5):
		with socket.socket(socket.AF_UNIX) as s:
			s.connect(str(poster.daemon.run / "submit.sock"))
			s.sendall(f"POST /v1/reports HTTP/1.1\r\nHost: x\r\n"
				  f"Content-Length: {len(text)}\r\n\r\n".encode()
				  + text)
	wait_for("it to be stored", lambda: stored(poster.daemon) == 1)
	assert submit(poster.daemon, text)[1]["outcome"] == "known"


GROUP = 64998	# nobody's, in place of mtasts-submit


def test_who_is_in_the_submit_group_alone(poster):
	"""Such a one can bring a report, and can do nothing else."""
	if os.geteuid() != 0:
		pytest.skip("only root can be somebody else")
	daemon = poster.daemon
	for folder in (daemon.run, daemon.folder, daemon.folder.parent):
		os.chmod(folder, 0o711)
	for door in "admin", "read", "submit":
		socket_file = daemon.run / f"{door}.sock"
		assert os.stat(socket_file).st_mode & 0o777 == 0o660
	os.chown(daemon.run / "submit.sock", -1, GROUP)

	def ask(door, *options):
		return subprocess.run(
			["setpriv", "--reuid", "65534", "--regid", str(GROUP),
			 "--clear-groups", "curl", "--silent", "--unix-socket",
			 daemon.run / f"{door}.sock", *options],
			input=report(poster.domain), capture_output=True,
			check=False).stdout

	brought = ask("submit", "--data-binary", "@-",
		      "http://x/v1/reports?via=mail")
	assert json.loads(brought)["outcome"] == "stored"
	assert b"for TLS reports only" in ask("submit", "http://x/v1/status")
	assert ask("read", "http://x/v1/status") == b""
	assert ask("admin", "http://x/v1/status") == b""
