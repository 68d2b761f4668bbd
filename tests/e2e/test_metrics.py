"""Prometheus scrapes, somebody asks whether all is well, and the journal
finds a domain's lines."""

import json
import os
import re
import shutil
import socket
import ssl
import tempfile
import threading
import time
from pathlib import Path

import pytest

from harness.metrics import ask, promtool, scrape
from harness.process import free_port, wait_for
from harness.reports import JSON, Poster, report
from harness.shim import build_shim

ROOT = Path(__file__).parents[2]
RULES = ROOT / "packaging/prometheus/mtastsd.rules.yml"
RULES_TEST = ROOT / "packaging/prometheus/mtastsd.rules.test.yml"
DASHBOARD = ROOT / "packaging/grafana/mtastsd.json"
MANUAL = ROOT / "docs/mtastsd.8"
NAME = re.compile(r"\b(?:mtastsd|process)_[a-z_]+")


@pytest.fixture
def box(rig, name, tmp_path):
	"""A daemon with a live domain, which has had visitors."""
	daemon = rig.daemon(metrics_listen=f"127.0.0.1:{free_port()}",
			    backup_folder=tmp_path)
	daemon.port = int(daemon.settings["metrics_listen"].split(":")[1])
	rig.dns.point(name)
	daemon.start()
	daemon.add(name)
	daemon.name = name
	wait_for("a backup", lambda: "mtastsd_backup_timestamp_seconds" in
		 scrape(daemon).names, 20, 0.2)
	return daemon


def shake(daemon, sni, version):
	context = ssl.create_default_context()
	context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
	context.minimum_version = context.maximum_version = version
	with socket.create_connection(("127.0.0.1", daemon.https_port)) as s:
		context.wrap_socket(s, server_hostname=sni).close()


def fresh(daemon):
	"""What was counted in the store is kept for ten seconds or more."""
	began = time.monotonic()
	return wait_for("the store to be counted anew", lambda: (
		m := scrape(daemon))("mtastsd_figures_age_seconds") <
		time.monotonic() - began - 1 and m, 30, 0.2)


# What is told.

def test_what_happened_is_counted(box, rig, tmp_path):
	host, client = f"mta-sts.{box.name}", rig.client(box)
	before = scrape(box)
	for _ in range(3):
		assert client.fetch(host).status == 200
	assert client.fetch(host, path="/").status == 404
	shake(box, host, ssl.TLSVersion.TLSv1_2)
	with pytest.raises(ssl.SSLError):
		shake(box, "elsewhere.test", ssl.TLSVersion.TLSv1_3)
	poster = Poster(box, rig.pebble.root(), box.name, tmp_path)
	assert poster.post(report(box.name), kind=JSON) == 200
	assert poster.post(b"{}", kind=JSON) == 400

	after = fresh(box)

	def more(name, **labels):
		return after(name, **labels) - before(name, **labels)
	assert more("mtastsd_policy_fetches_total") == 3
	assert more("mtastsd_http_responses_total",
		    route="policy", code="2xx") >= 3	# and its own looks
	assert more("mtastsd_http_responses_total",
		    route="other", code="4xx") == 1
	assert more("mtastsd_http_responses_total",
		    route="report", code="2xx") == 1
	assert more("mtastsd_tls_handshakes_total",
		    version="1.2", result="finished") == 1
	assert more("mtastsd_tls_handshakes_total",
		    version="1.3", result="finished") >= 6
	assert more("mtastsd_tls_handshakes_total", result="unknown_name") == 1
	assert more("mtastsd_certificates_presented_total") >= 7
	assert more("mtastsd_certificates_presented_total",
		    **{"from": "memory"}) >= 5	# each thread reads it once
	assert more("mtastsd_reports_total", outcome="stored") == 1
	assert more("mtastsd_reports_total", outcome="no_report") == 1
	assert after("mtastsd_reports_kept") == 1
	assert after("mtastsd_domains") == after("mtastsd_domains",
						 state="live") == 1
	assert after("mtastsd_orders_ended_total", result="done") == 1
	assert after("mtastsd_orders_ended_total", result="dead") == 0
	assert after("mtastsd_challenges_answered_total") >= 1
	assert after("mtastsd_certificate_life_left_ratio_count") == 1
	assert after("mtastsd_certificate_life_left_ratio_bucket",
		     le="0.67") == 0
	assert after("mtastsd_certificate_expiry_seconds") > 1e6
	assert after("mtastsd_ca_last_issued_timestamp_seconds",
		     ca="pebble") == pytest.approx(time.time(), abs=120)
	assert after("mtastsd_database_size_bytes", file="state.db-wal") > 0
	assert after("mtastsd_loop_lag_seconds_count") > 5
	assert after("process_open_fds") > 10


def test_a_ca_that_is_down_is_told(rig, name):
	daemon = rig.daemon()
	daemon.ca["directory"] = f"https://127.0.0.1:{free_port()}/dir"
	rig.dns.point(name)
	daemon.start()
	daemon.add(name, wait=False)
	wait_for("its breaker to open", lambda: scrape(daemon)(
		"mtastsd_ca_breaker_open", ca="pebble") == 1, 60, 0.5)
	m = scrape(daemon)
	assert m("mtastsd_ca_down_seconds", ca="pebble") > 0
	assert m("mtastsd_ca_problem", ca="pebble") == 1


def test_no_label_is_a_strangers(box, rig):
	before = scrape(box)
	for sni in "evil.test", f"mta-sts.x{box.name}":
		with pytest.raises(ssl.SSLError):
			shake(box, sni, ssl.TLSVersion.TLSv1_3)
	rig.client(box).fetch(f"mta-sts.{box.name}", path="/evil")
	box.add("another.test", wait=False)
	after = fresh(box)
	assert "evil" not in after.text and box.name not in after.text
	assert "another" not in after.text
	assert set(after.values) == set(before.values)


# By whom, and how.

def test_promtool_has_nothing_against_it(box):
	assert promtool("check", "metrics", text=scrape(box).text) == ""
	assert promtool("check", "metrics",	# it can complain
			text=scrape(box).text + "x_total_ms 1\n") != ""


def test_by_tcp_there_are_two_paths_and_nothing_else(box):
	def status(path, method="GET"):
		return ask(box, path, method, port=box.port)[0]

	assert scrape(box, port=box.port).names == scrape(box).names
	assert status("/healthz") == 200
	assert status("/v1/status") == status("/") == 404
	assert status("/v1/domains", "POST") == 404
	assert status("/metrics", "POST") == status("/healthz", "PUT") == 405
	for path in "/metrics", "/healthz":
		_, headers, text = ask(box, path, "HEAD", port=box.port)
		assert text == "" and int(headers["Content-Length"]) > 20
	assert ask(box, "/metrics", sock="submit.sock")[0] == 403


def test_connections_by_tcp_are_few(box):
	held = [socket.create_connection(("127.0.0.1", box.port))
		for _ in range(60)]
	time.sleep(0.5)
	for s in held:
		s.setblocking(False)
	cut = [s for s in held if is_cut(s)]
	assert 20 <= len(cut) < 60
	assert scrape(box).text			# others are not in its way
	for s in held:
		s.close()
	wait_for("there to be room again",
		 lambda: answers(box, "/metrics"), 10, 0.2)


def is_cut(s):
	try:
		return s.recv(1) == b""
	except BlockingIOError:
		return False
	except ConnectionResetError:
		return True


def answers(box, path):
	try:
		return ask(box, path, port=box.port)[0] == 200
	except OSError:
		return False


def test_who_leaves_before_the_answer_is_no_trouble(box):
	for _ in range(3):
		for _ in range(20):
			with socket.create_connection(
					("127.0.0.1", box.port)) as s:
				s.sendall(b"GET /metrics HTTP/1.1\r\n"
					  b"Host: x\r\n\r\n")
		time.sleep(0.1)
	assert scrape(box, port=box.port).text
	box.stop()				# it ends well


def test_a_port_that_is_taken_is_tried_again(rig):
	"""It stops nobody from serving, and status says so meanwhile."""
	with socket.create_server(("127.0.0.1", 0)) as taken:
		port = taken.getsockname()[1]
		daemon = rig.daemon(metrics_listen=f"127.0.0.1:{port}").start()
		assert "there are no metrics by TCP" in daemon.log.read_text()
		assert scrape(daemon).text
		assert "box.metrics-port" in ids(daemon)
		said = daemon.ctl("status")
		assert said.status == 1
		assert f"listen on 127.0.0.1:{port}" in said.out
		assert "change metrics_listen" in said.out
		time.sleep(6)			# once more, in vain
		assert daemon.log.read_text().count("by TCP") == 1
	wait_for("the metrics", lambda: "box.metrics-port" not in ids(daemon),
		 20)
	assert scrape(daemon, port=port).text
	assert "can be had at" in daemon.log.read_text()


def test_a_reload_brings_metrics(rig):
	"""Where nothing listens yet; what does, stays until a restart."""
	daemon = rig.daemon().start()
	first, second = free_port(), free_port()
	with socket.create_server(("127.0.0.1", 0)) as taken:
		reload_with(daemon, taken.getsockname()[1])
		wait_for("a finding", lambda: "box.metrics-port" in ids(daemon))
		reload_with(daemon, first)
		wait_for("the metrics", lambda:
			 "box.metrics-port" not in ids(daemon))
	assert scrape(daemon, port=first).text
	assert "at a restart only" not in daemon.log.read_text()
	reload_with(daemon, second)
	wait_for("a word", lambda: "at a restart only" in
		 daemon.log.read_text())
	assert scrape(daemon, port=first).text


def ids(daemon):
	return [f["id"] for f in daemon.json("status")["findings"]]


def reload_with(daemon, port):
	daemon.settings["metrics_listen"] = f"127.0.0.1:{port}"
	daemon.reload()


# Is all well?

def test_it_is_well(box):
	for how in {"port": box.port}, {"sock": "admin.sock"}, {}:
		status, _, text = ask(box, "/healthz", **how)
		assert status == 200
		assert json.loads(text) == {"status": "ok", "reasons": []}
		assert text.count("\n") == 1


@pytest.mark.alone
def test_a_disk_that_does_not_answer_is_a_reason(rig, name, tmp_path):
	hang = tmp_path / "hang"
	daemon = rig.daemon()
	with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
		daemon.state = Path(memory) / "state"
		daemon.settings["state_dir"] = daemon.state
		daemon.start(env={
			"LD_PRELOAD": str(build_shim("slowsync", tmp_path)),
			"SLOWSYNC_MS": "1", "SLOWSYNC_HANG": str(hang),
			"ASAN_OPTIONS": "verify_asan_link_order=0"})
		assert ask(daemon, "/healthz")[0] == 200
		rig.dns.point(name)
		daemon.add(name, wait=False)
		hang.touch()
		wait_for("healthz to say so", lambda: failing(daemon), 60, 0.5)
		since = time.monotonic()
		assert failing(daemon)
		assert time.monotonic() - since < 0.7	# others wait a second
		m = scrape(daemon)
		assert time.monotonic() - since < 3
		assert m("mtastsd_store_sync_wait_seconds") > 0
		hang.unlink()
		wait_for("it to be well again", lambda: ask(
			daemon, "/healthz")[0] == 200, 60, 0.5)


def failing(daemon):
	status, _, text = ask(daemon, "/healthz")
	return status == 503 and "has not answered" in text


# What is made of it.

def used_in(text):
	return set(NAME.findall(text))


def test_rules_and_dashboard_name_what_there_is(box):
	names = scrape(box).names
	rules = re.sub(r"^\s*#.*", "", RULES.read_text(), flags=re.M)
	expressions = [target["expr"]
		       for panel in json.loads(DASHBOARD.read_text())["panels"]
		       for target in panel["targets"]]
	assert len(expressions) > 30
	assert used_in(rules) - names == set()
	assert used_in("\n".join(expressions)) - names == set()


def test_the_labels_they_ask_for_exist(box):
	"""As they stand there: name{label="value"}; = only, for others match."""
	metrics = scrape(box)
	text = RULES.read_text() + DASHBOARD.read_text().replace('\\"', '"')
	asked = re.findall(r'((?:mtastsd|process)_[a-z_]+)\{([^}]*)\}', text)
	assert len(asked) > 30
	for name, selector in asked:
		labels = dict(re.findall(r'([a-z]+)="([^"]*)"', selector))
		labels.pop("job", None)
		metrics(name, **labels)


def test_the_manual_names_them_all(box):
	manual = MANUAL.read_text()
	assert scrape(box).families - used_in(manual) == set()
	assert {n for n in used_in(manual)} - scrape(box).names \
		- scrape(box).families == set()


def test_every_metric_is_on_the_dashboard(box):
	shown = used_in(DASHBOARD.read_text())
	missing = {f for f in scrape(box).families
		   if not any(n.startswith(f) for n in shown)}
	assert missing <= {"process_start_time_seconds",
			   "process_virtual_memory_bytes",
			   "mtastsd_figures_failures_total"}


def test_rules_do_what_they_say():
	assert promtool("check", "rules", RULES) == ""
	assert promtool("test", "rules", RULES_TEST) == ""


def test_rules_that_do_not_are_found_out(tmp_path):
	shutil.copy(RULES_TEST, tmp_path)
	(tmp_path / RULES.name).write_text(RULES.read_text().replace(
		"mtastsd_frozen == 1", "mtastsd_frozen == 2"))
	assert promtool("test", "rules", tmp_path / RULES_TEST.name) != ""


# The journal.

IN_A_JOURNAL = """
mount -t tmpfs none /run && mkdir -p /run/systemd/journal &&
touch /run/systemd/journal/socket &&
mount --bind "$0" /run/systemd/journal/socket && exec "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a journal's socket")
def test_lines_of_a_domain_are_found_by_its_name(rig, name, tmp_path):
	daemon = rig.daemon()
	daemon.log.parent.mkdir(exist_ok=True)
	daemon.log.touch()
	st = daemon.log.stat()
	with Journal(tmp_path / "journal") as journal:
		rig.dns.point(name)
		daemon.start(env={"JOURNAL_STREAM":
				  f"{st.st_dev}:{st.st_ino}"},
			     wrapper=["unshare", "-m", "sh", "-c",
				      IN_A_JOURNAL, tmp_path / "journal"])
		daemon.add(name)
		daemon.ok("freeze", "--reason", "story")
		entries = wait_for("the last line", lambda: any(
			"frozen" in e["MESSAGE"] for e in journal.entries)
			and list(journal.entries))
	own = [e for e in entries if e.get("MTASTS_DOMAIN") == name]
	others = [e for e in entries if "MTASTS_DOMAIN" not in e]
	assert len(own) >= 2 and all(name in e["MESSAGE"] for e in own)
	assert any("ready (version" in e["MESSAGE"] for e in others)
	assert not any(name in e["MESSAGE"] for e in others)
	assert {e["SYSLOG_IDENTIFIER"] for e in entries} == {"mtastsd"}
	assert {e["PRIORITY"] for e in entries} <= {"3", "4", "6"}
	assert "ready" not in daemon.log.read_text()	# and not twice


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a journal's socket")
def test_a_journal_that_does_not_read_holds_up_nobody(rig, name, tmp_path):
	daemon = rig.daemon(log_level="debug")
	daemon.log.parent.mkdir(exist_ok=True)
	daemon.log.touch()
	st = daemon.log.stat()
	names = [f"n{i}.{name}" for i in range(600)]	# more than any queue
	with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
		deaf.bind(str(tmp_path / "journal"))
		daemon.start(env={"JOURNAL_STREAM":
				  f"{st.st_dev}:{st.st_ino}"},
			     wrapper=["unshare", "-m", "sh", "-c",
				      IN_A_JOURNAL, tmp_path / "journal"])
		daemon.ok("domain", "add", *names, "--mx", "mx.test")
		assert names[-1] in daemon.log.read_text()
		daemon.stop()


class Journal:
	"""Reads what it is sent, all the time."""

	def __init__(self, path):
		self.entries = []
		self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		self.socket.bind(str(path))
		self.socket.settimeout(0.1)
		self.is_over = False
		self.thread = threading.Thread(target=self.read)

	def __enter__(self):
		self.thread.start()
		return self

	def __exit__(self, *_):
		self.is_over = True
		self.thread.join()
		self.socket.close()

	def read(self):
		while not self.is_over:
			try:
				datagram = self.socket.recv(65536).decode()
			except TimeoutError:
				continue
			self.entries.append(dict(
				line.split("=", 1)
				for line in datagram.splitlines()))


def test_without_a_journal_lines_are_as_they_were(rig, name):
	daemon = rig.daemon()
	rig.dns.point(name)
	daemon.start(env={"JOURNAL_STREAM": "1:1"})
	daemon.add(name)
	lines = daemon.log.read_text().splitlines()
	assert any(re.match(rf"<6>domain {name}: ", line) for line in lines)
	assert not any("MTASTS_DOMAIN" in line for line in lines)
