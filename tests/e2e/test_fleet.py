"""Many domains from a file, and into one: domain import, export, apply.

	FLEET_LINES=10000	as many in the long import (400): make fleet
"""

import csv
import http.server
import io
import json
import os
import pty
import signal
import sqlite3
import socketserver
import subprocess
import threading
import time

import pytest

from harness.daemon import BUILD
from harness.process import wait_for

FINE, ERRORS, REFUSED, UNREACHABLE, USAGE = 0, 2, 3, 4, 64
TEMPFAIL = 75
LINES = int(os.environ.get("FLEET_LINES") or 400)


@pytest.fixture
def write(tmp_path):
	def write(text, name="fleet"):
		path = tmp_path / name
		path.write_bytes(text if isinstance(text, bytes)
				 else text.encode())
		return path
	return write


def rows(daemon):
	"""What is hosted, by name, as far as a file can say it."""
	return {d["name"]: (d["label"], d["policy"]["mode"],
			    d["policy"]["max_age"], d["policy"]["mx"],
			    d["rua"], d["policy"]["version"])
		for d in daemon.json("domain", "list")["domains"]}


def events(daemon):
	return daemon.json("log", "--limit", "1000")["events"]


def summary(result):
	return result.out.splitlines()[-1]


# import

FORCED = ["--force", "--reason", "ticket 9"]
QUOTED = (b"\xef\xbb\xbfName,MX,mode,max_age,label,rua\r\n"
	  b'a.test,"mx1.a.test mx2.a.test",enforce,7d,"Smith, ""Bob"" & Co",'
	  b"mailto:r@a.test\r\n"
	  b'"b.test","mx1.b.test\r\nmx2.b.test",,,,\r\n'
	  b"\r\n"
	  b"B\xc3\xbccher.test.,mx.b.test;*.b.test,testing,86400, acme ,\r\n")


def test_quotes_line_ends_and_empty_cells(daemon, write):
	result = daemon.ctl("domain", "import", write(QUOTED), *FORCED)

	assert result.status == FINE, result
	assert summary(result) == "3 added, 0 already there, 0 refused"
	week = 7 * 86400
	assert rows(daemon) == {
		"a.test": ('Smith, "Bob" & Co', "enforce", week,
			   ["mx1.a.test", "mx2.a.test"], ["mailto:r@a.test"],
			   1),
		"b.test": ("", "testing", week, ["mx1.b.test", "mx2.b.test"],
			   [], 1),
		"xn--bcher-kva.test": ("acme", "testing", 86400,
				       ["mx.b.test", "*.b.test"], [], 1)}


BAD = """name,mx,preset,max_age
a.test,mx.a.test,,
localhost,mx.b.test,,
c.test,,,
d.test,mx.d.test,,soon
e.test,mx.e.test,
f.test,"mx.f.test" x,,
g.test,,yahoo,
h.test,mx.h.test,,1s
a.test,mx.other.test,,
a.test,mx.a.test,,
"i.test,mx.i.test,,
j.test,,google,30d
"""


def test_every_bad_line_is_named_and_the_rest_goes_in(daemon, write):
	result = daemon.ctl("domain", "import", write(BAD))

	assert result.status == REFUSED, result
	said = result.err.splitlines()
	for line, (number, words) in zip(said, [
			(3, "localhost"), (4, "c.test: which hosts"),
			(5, 'd.test: max_age: "soon"'), (6, "3 fields"),
			(7, "quotation marks"), (8, "yahoo"), (9, "h.test"),
			(10, "with other settings"),
			(12, "never closed")], strict=True):
		assert line.startswith(f"mtastsctl: line {number}: "), line
		assert words in line
	assert summary(result) == "2 added, 1 already there, 9 refused"
	assert list(rows(daemon)) == ["a.test", "j.test"]


@pytest.mark.parametrize("text, said", [
	("name,lable\na.test,x\n", "did you mean label?"),
	("name;mx\na.test;x\n", "separated by commas"),
	("a.test,mx.a.test\n", "there are name, mx"),
	('{"domains": 1}', "domain export writes"),
	('[{"name":"a.test",}]', "line 1: the JSON is broken"),
])
def test_a_file_that_is_none(daemon, write, text, said):
	result = daemon.ctl("domain", "import", write(text))
	assert result.status == REFUSED and said in result.err, result
	assert rows(daemon) == {}


@pytest.mark.parametrize("words", [
	["import"], ["import", "/nowhere"], ["import", "a", "b"],
	["import", "/dev/null", "--format", "xml"], ["export", "file"],
	["export", "--format", "xml"], ["apply"],
	["import", "/dev/null", "--prune"]])
def test_usage(daemon, words):
	result = daemon.ctl("domain", *words)
	assert result.status == USAGE and len(result.err.splitlines()) == 1


def test_json_comes_in_both_forms(daemon, write):
	mx = {"mx": ["mx.a.test"]}
	listed = [{"name": "a.test", "label": "x"} | mx,
		  {"name": "b.test", "mode": "none", "rua": "mailto:x@a.test",
		   "max_age": 86400} | mx]

	daemon.ok("domain", "import", write(json.dumps(listed, indent=1)))
	again = daemon.ctl("domain", "import",
			   write(json.dumps({"domains": listed})))
	assert summary(again) == "0 added, 2 already there, 0 refused"
	daemon.ok("domain", "import", write(json.dumps(listed)))
	assert rows(daemon)["b.test"][1:5] == \
		("none", 86400, ["mx.a.test"], ["mailto:x@a.test"])

	bad = write('[\n{"name": "c.test", "mx": "c.test"},\n'
		    '{"name": "d.test", "mxs": "c.test"},\n'
		    '{"name": "e.test", "mx": "e.test"}\n]')
	result = daemon.ctl("domain", "import", bad)
	assert result.status == REFUSED
	assert 'line 3: d.test: unknown field "mxs"' in result.err
	assert "did you mean mx?" in result.err
	assert list(rows(daemon)) == ["a.test", "b.test", "c.test", "e.test"]


def test_from_standard_input(daemon):
	done = subprocess.run(
		[BUILD / "mtastsctl", "--socket", daemon.socket, "domain",
		 "import", "-"], input="name,mx\na.test,mx.a.test\n",
		text=True, capture_output=True, timeout=30)
	assert done.returncode == FINE, done
	assert list(rows(daemon)) == ["a.test"]


def test_again_changes_nothing_and_leaves_no_trace(daemon, write):
	path = write("name,mx\na.test,mx.a.test\nb.test,mx.b.test\n")
	daemon.ok("domain", "import", path, "--reason", "ticket 1")
	before = rows(daemon), events(daemon)
	assert [e["reason"] for e in before[1]
		if e["kind"] == "domain.added"] == ["ticket 1"] * 2

	again = daemon.ctl("domain", "import", path, "--reason", "ticket 2")

	assert (again.status, summary(again)) == \
		(FINE, "0 added, 2 already there, 0 refused")
	assert (rows(daemon), events(daemon)) == before


def test_a_label_for_those_without(daemon, write):
	path = write("name,mx,label\na.test,mx.a.test,mine\nb.test,mx.b.test,\n")
	daemon.ok("domain", "import", path, "--label", "acme")
	assert [r[0] for r in rows(daemon).values()] == ["mine", "acme"]
	assert "b.test" in daemon.ok("log", "--label", "acme")
	assert "a.test" not in daemon.ok("log", "--label", "acme")
	daemon.ok("domain", "remove", "b.test", "--reason", "moved away")
	told = daemon.json("log", "--label", "acme")["events"]
	kinds = [e["kind"] for e in told]
	assert {e["name"] for e in told} == {"b.test"}
	assert (kinds[0], kinds[-1]) == ("domain.added", "domain.removed")


def test_limit_goes_in_waves(daemon, write):
	path = write("name,mx\n" + "".join(f"a{i}.test,mx.a.test\n"
					   for i in range(5)))
	for n in [2, 4, 5, 5]:
		result = daemon.ctl("domain", "import", path, "--limit", "2")
		assert result.status == FINE
		assert len(rows(daemon)) == n


def test_dry_run_is_a_table(daemon, write):
	daemon.ok("domain", "add", "b.test", "--mx", "mx.b.test")
	before = rows(daemon), events(daemon)
	path = write("name,mx,label\na.test,mx.a.test,x\nb.test,mx.b.test,\n"
		     "c.test,mx..c,\na.test,mx.a.test,x\n")

	result = daemon.ctl("domain", "import", path, "--dry-run")

	assert result.status == REFUSED
	table = [line.split(None, 3) for line in result.out.splitlines()]
	assert table[0] == ["LINE", "NAME", "WHAT", "SETTINGS"]
	assert table[1] == ["2", "a.test", "add",
			    "policy mode testing, max_age 7d, mx mx.a.test; "
			    "label x"]
	assert table[2] == ["3", "b.test", "already", "there"]
	assert "line 4: c.test" in result.err
	assert "line 5: a.test is on line 2 already" in result.err
	assert summary(result) == \
		"would be 1 added, 1 already there, 2 refused"
	assert (rows(daemon), events(daemon)) == before


def test_as_json(daemon, write):
	path = write("name,mx\na.test,mx.a.test\nlocalhost,x\n")
	result = daemon.ctl("domain", "import", path, "--json")
	added, bad, total = map(json.loads, result.out.splitlines())
	assert (added["name"], added["changed"]) == ("a.test", True)
	assert bad["line"] == 3 and bad["error"]["kind"] == "input"
	assert total == {"added": 1, "taken_back": 0, "already_there": 0,
			 "refused": 1, "failed": 0, "put_off": 0}


def fleet_of(count, bad=()):
	lines = ["name,mx,label"]
	for i in range(count):
		name = "bad..name" if i in bad else f"many{i}.test"
		lines.append(f"{name},mx.many{i}.test,many")
	return "\n".join(lines) + "\n"


def start(daemon, *words, wrapper=(), **more):
	return subprocess.Popen(
		[*wrapper, BUILD / "mtastsctl", "--socket", daemon.socket,
		 *words], **more)


def count(daemon):
	return daemon.rows("SELECT count(*) FROM domain")[0][0]


def test_killed_half_way_and_gone_on_with(daemon, write):
	path = write(fleet_of(LINES))
	process = start(daemon, "domain", "import", path,
			stdout=subprocess.DEVNULL)
	wait_for("a part to be there", lambda: count(daemon) >= LINES // 4, 60,
		 0.01)
	process.send_signal(signal.SIGKILL)
	process.wait()
	time.sleep(0.3)
	part = count(daemon)
	assert LINES // 4 <= part < LINES

	again = daemon.ctl("domain", "import", path, seconds=300)

	assert f"{LINES - part} added, {part} already there, 0 refused\n" \
		in again.out
	assert count(daemon) == LINES
	assert daemon.rows("SELECT count(*) FROM policy")[0][0] == LINES


def test_a_daemon_that_ends_is_told_and_gone_on_from(daemon, write):
	path = write(fleet_of(LINES))
	process = start(daemon, "domain", "import", path, text=True,
			stdout=subprocess.PIPE, stderr=subprocess.PIPE)
	wait_for("a part to be there", lambda: count(daemon) >= 20, 60, 0.01)
	daemon.kill()
	out, err = process.communicate(timeout=90)
	assert process.returncode == UNREACHABLE, (out, err)
	assert "run it again" in err and len(err.splitlines()) == 2
	assert ", 1 failed" in out
	daemon.start()
	daemon.ok("domain", "import", path, seconds=300)
	assert count(daemon) == LINES


class Troubled(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
	"""A daemon that can do nothing just now, but for what it is told."""
	daemon_threads = True

	def __init__(self, path, works):
		self.works, self.asked = works, 0
		super().__init__(str(path), TroubledHandler)


class TroubledHandler(http.server.BaseHTTPRequestHandler):
	protocol_version = "HTTP/1.1"

	def do_POST(self):
		self.server.asked += 1
		self.rfile.read(int(self.headers["Content-Length"]))
		works = self.server.asked in self.server.works
		answer = {"changed": True} if works else {"error": {
			"kind": "again", "message": "the disk is full",
			"hint": "make room"}}
		text = json.dumps(answer).encode()
		self.send_response(200 if works else 503)
		self.send_header("Content-Length", str(len(text)))
		self.end_headers()
		self.wfile.write(text)

	def log_message(self, *words):
		pass


@pytest.mark.parametrize("works, asked", [(set(), 10), ({10}, 20)])
def test_ten_failures_in_a_row_are_enough(tmp_path, write, works, asked):
	with Troubled(tmp_path / "socket", works) as server:
		threading.Thread(target=server.serve_forever).start()
		done = subprocess.run(
			[BUILD / "mtastsctl", "--socket", tmp_path / "socket",
			 "domain", "import", write(fleet_of(40)), "--json"],
			text=True, capture_output=True, timeout=30)
		server.shutdown()
	assert done.returncode == ERRORS, done
	assert server.asked == asked
	assert json.loads(done.stdout.splitlines()[-1]) == {
		"added": len(works), "taken_back": 0, "already_there": 0,
		"refused": 0, "failed": asked - len(works), "put_off": 0}
	assert "given up" in done.stderr and "run it again" in done.stderr


def kb_of(daemon, what):
	"""VmRSS, or VmHWM: the most that it ever was."""
	status = open(f"/proc/{daemon.process.pid}/status").read()
	return int(status.split(f"{what}:")[1].split()[0])


def test_one_percent_of_bad_lines(daemon, write, tmp_path):
	bad = set(range(50, LINES, 100))
	before = kb_of(daemon, "VmRSS")
	path = write(fleet_of(LINES, bad))
	status = tmp_path / "status"
	began = time.monotonic()
	process = start(daemon, "domain", "import", path, text=True,
			wrapper=["/usr/bin/time", "-f", "%M", "-o", status],
			stdout=subprocess.PIPE, stderr=subprocess.PIPE)
	out, err = process.communicate(timeout=600)
	seconds = time.monotonic() - began

	assert process.returncode == REFUSED
	assert [int(line.split()[2].rstrip(":")) for line in err.splitlines()] \
		== [i + 2 for i in sorted(bad)]
	good = LINES - len(bad)
	assert f"{good} added, 0 already there, {len(bad)} refused" in out
	assert count(daemon) == good
	resident = int(status.read_text().split()[-1])
	most = kb_of(daemon, "VmHWM")
	print(f"{LINES} lines in {seconds:.1f} s; mtastsctl {resident} kB, "
	      f"mtastsd {before} kB before and {most} kB at most")
	if "asan" not in BUILD.name:
		assert resident < 32 * 1024
		assert most < 64 * 1024
	again = daemon.ctl("domain", "import", path, seconds=300)
	assert f"0 added, {good} already there" in again.out
	assert count(daemon) == good


def test_progress_is_for_a_terminal(daemon, write):
	path = write(fleet_of(LINES))
	ours, theirs = pty.openpty()
	process = start(daemon, "domain", "import", path, stderr=theirs,
			stdout=subprocess.DEVNULL)
	os.close(theirs)
	seen = b""
	try:
		while chunk := os.read(ours, 4096):
			seen += chunk
	except OSError:		# the other end is closed
		pass
	assert process.wait(60) == FINE
	os.close(ours)
	assert b"%" in seen and b"#" in seen and b" domains" in seen
	assert seen.endswith(b"\r\x1b[K")	# it is wiped out
	quiet = daemon.ctl("domain", "import", path)
	assert quiet.err == ""


# export

def fill(daemon):
	daemon.ok("domain", "add", "a.test", "--mx", "mx1.a.test,*.a.test",
		  "--label", 'Smith, "Bob" & Co', "--max-age", "86401s",
		  "--rua", "mailto:r@a.test,https://r.a.test/x", "--mode",
		  "enforce", "--track-mx", "yes", *FORCED)
	daemon.ok("domain", "add", "bücher.test", "--preset", "m365")
	daemon.ok("domain", "add", "c.test", "--mx", "mx.c.test", "--label",
		  "\u202eevil")


@pytest.mark.parametrize("words", [[], ["--format", "csv"],
				   ["--format", "json"], ["--json"]])
def test_export_is_read_back_to_the_same(rig, daemon, write, words):
	fill(daemon)
	text = daemon.ok("domain", "export", *words)
	path = write(text)

	nothing = daemon.ctl("domain", "apply", path, "--prune")
	assert nothing.out == "0 added, 0 changed, 0 handed over, " \
		"0 removed; 3 already so, 0 refused\n", nothing
	before = rows(daemon)
	daemon.stop()
	other = rig.daemon().start()
	other.ok("domain", "import", path, *FORCED)
	assert rows(other) == before
	assert other.ok("domain", "export", *words) == text
	assert "already there" in other.ok("domain", "import", path)


def test_what_an_export_looks_like(daemon):
	assert daemon.ok("domain", "export", "--format", "json") == \
		'{"domains": [\n]}\n'
	fill(daemon)
	read = list(csv.DictReader(io.StringIO(daemon.ok("domain", "export"))))
	assert [r["name"] for r in read] == ["a.test", "c.test",
					     "xn--bcher-kva.test"]
	assert read[0] == {
		"name": "a.test", "mx": "mx1.a.test *.a.test",
		"mode": "enforce", "max_age": "86401s",
		"label": 'Smith, "Bob" & Co',
		"rua": "mailto:r@a.test https://r.a.test/x",
		"track_mx": "yes", "template": ""}
	assert read[1]["label"] == "\u202eevil"
	named = json.loads(daemon.ok("domain", "export", "--label",
				     'Smith, "Bob" & Co', "--json"))
	assert [d["name"] for d in named["domains"]] == ["a.test"]
	assert named["domains"][0]["max_age"] == 86401


def test_an_export_that_cannot_be_written_is_no_success(daemon):
	fill(daemon)
	with open("/dev/full", "w") as full:
		process = start(daemon, "domain", "export", stdout=full,
				stderr=subprocess.PIPE, text=True)
		err = process.communicate(timeout=30)[1]
	assert process.returncode == ERRORS
	assert "not whole" in err and "No space left" in err


def test_an_export_has_many_pages(daemon, write):
	daemon.ok("domain", "import", write(fleet_of(450)))
	read = list(csv.DictReader(io.StringIO(daemon.ok("domain", "export"))))
	assert {r["name"] for r in read} == {f"many{i}.test"
					     for i in range(450)}
	assert len(json.loads(daemon.ok("domain", "export", "--json"))
		   ["domains"]) == 450


# templates

TEMPLATED = """name,mx,mode,max_age,template
a.test,,,,gold
b.test,mx.b.test,,,gold
c.test,,enforce,30d,gold
d.test,mx.d.test,,,
"""


def policies(daemon):
	return {d["name"]: (d["template"], d["policy"]["mx"],
			    d["policy"]["mode"], d["policy"]["max_age"] // 86400,
			    d["policy"]["version"])
		for d in daemon.json("domain", "list")["domains"]}


GOLD = {
	"a.test": ("gold", ["mx.gold.test"], "testing", 14, 1),
	"b.test": ("gold", ["mx.b.test"], "testing", 14, 1),
	"c.test": ("gold", ["mx.gold.test"], "enforce", 30, 1),
	"d.test": (None, ["mx.d.test"], "testing", 7, 1)}


def test_a_template_is_written_and_read_back(rig, daemon, write):
	path = write(TEMPLATED)
	refused = daemon.ctl("domain", "import", path, *FORCED)
	assert refused.status == REFUSED
	assert "line 2: a.test: there is no template gold" in refused.err
	daemon.ok("domain", "remove", "d.test")
	daemon.ok("template", "set", "gold", "--mx", "mx.gold.test",
		  "--max-age", "14d")

	daemon.ok("domain", "import", path, *FORCED)

	assert policies(daemon) == GOLD
	again = daemon.ctl("domain", "import", path, *FORCED)
	assert summary(again) == "0 added, 4 already there, 0 refused"
	assert [(d["own"]) for d in daemon.json("domain", "list")["domains"]] \
		== [[], ["mx"], ["max_age"], None]
	texts = {form: daemon.ok("domain", "export", "--format", form)
		 for form in ("csv", "json")}
	for text in texts.values():
		same = daemon.ctl("domain", "apply", write(text), "--prune")
		assert "4 already so, 0 refused" in same.out, same
	read = list(csv.DictReader(io.StringIO(texts["csv"])))
	assert [(r["mx"], r["max_age"], r["template"]) for r in read] == [
		("", "", "gold"), ("mx.b.test", "", "gold"),
		("", "30d", "gold"), ("mx.d.test", "7d", "")]
	daemon.stop()
	for form, text in texts.items():
		other = rig.daemon().start()
		other.ok("template", "set", "gold", "--mx", "mx.gold.test",
			 "--max-age", "14d")
		other.ok("domain", "import", write(text), *FORCED)
		assert policies(other) == GOLD
		assert other.ok("domain", "export", "--format", form) == text
		other.stop()


def test_an_export_does_not_bind_who_follows_a_template(daemon, write):
	"""Its template is changed: an older file has nothing against it."""
	daemon.ok("template", "set", "gold", "--mx", "mx.gold.test")
	daemon.ok("domain", "add", "a.test", "--template", "gold")
	text = daemon.ok("domain", "export")
	daemon.ok("template", "set", "gold", "--mx", "mx.new.test")
	wait_for("it to follow", lambda: policies(daemon)["a.test"][1] ==
		 ["mx.new.test"])
	assert "1 already so" in daemon.ok("domain", "apply", write(text))
	assert policies(daemon)["a.test"][1] == ["mx.new.test"]


def test_apply_gives_and_takes_a_template(daemon, write):
	daemon.ok("template", "set", "gold", "--mx", "mx.gold.test",
		  "--max-age", "14d")
	for name in "a.test", "b.test", "c.test", "d.test":
		daemon.ok("domain", "add", name, "--mx", f"mx.{name}")
	path = write(TEMPLATED)
	dry = daemon.ctl("domain", "apply", path, "--dry-run", *FORCED)
	table = [line.split() for line in dry.out.splitlines()]
	assert ["change", "a.test", "template", "gold"] in table
	assert ["change", "a.test", "mx", "mx.a.test", "mx.gold.test"] in table
	assert ["change", "b.test", "template", "gold"] in table
	assert "mx.b.test" not in dry.out

	daemon.ok("domain", "apply", path, *FORCED)

	after = policies(daemon)
	assert {n: p[:4] for n, p in after.items()} == GOLD | {
		"a.test": GOLD["a.test"][:4], "c.test": GOLD["c.test"][:4],
		"b.test": ("gold", ["mx.b.test"], "testing", 7),
		"d.test": GOLD["d.test"][:4]}
	assert (after["a.test"][4], after["b.test"][4]) == (2, 1)
	time.sleep(1.5)		# no later turn thinks otherwise
	assert policies(daemon) == after
	assert "4 already so" in daemon.ok("domain", "apply", path, *FORCED)

	# One that went its own way is told to follow again.
	daemon.ok("policy", "set", "a.test", "--mx", "own.a.test")
	daemon.ok("domain", "apply", path, *FORCED)
	assert policies(daemon)["a.test"][1] == ["mx.gold.test"]
	let_go = write("name,template\na.test,\n")
	daemon.ok("domain", "apply", let_go)
	assert policies(daemon)["a.test"][:2] == (None, ["mx.gold.test"])


# apply

HEADER = "name,mx,mode,max_age,label,rua\n"
WANTED = (HEADER +
	  "a.test,mx.a.test,,,acme,\n"		# as it is
	  "b.test,mx9.b.test,enforce,,other,\n"	# both differ
	  "c.test,mx.c.test,,30d,,\n"		# its policy, and its label
	  "new.test,mx.new.test,,,acme,mailto:r@a.test\n")


@pytest.fixture
def live(rig, daemon, name):
	rig.dns.point(name)
	daemon.add(name)
	return daemon, name


@pytest.fixture
def hosted(daemon):
	for name in "a.test", "b.test", "c.test", "d.test":
		daemon.ok("domain", "add", name, "--mx", f"mx.{name}",
			  "--label", "acme")
	return daemon


def test_apply_makes_it_so(hosted, write):
	path = write(WANTED)
	before = rows(hosted), events(hosted)
	dry = hosted.ctl("domain", "apply", path, "--dry-run", *FORCED)
	assert (rows(hosted), events(hosted)) == before

	done = hosted.ctl("domain", "apply", path, *FORCED)

	assert (dry.status, done.status) == (FINE, FINE), done
	assert summary(dry) == "would be " + summary(done)
	assert summary(done) == \
		"1 added, 2 changed, 0 handed over, 0 removed; 1 already so, " \
		"0 refused"
	for table in dry.out, done.out:
		table = [line.split() for line in table.splitlines()]
		assert table[0] == ["DO", "NAME", "WHAT", "NOW", "THEN"]
		assert ["change", "b.test", "mx", "mx.b.test",
			"mx9.b.test"] in table
		assert ["change", "b.test", "label", "acme", "other"] in table
		assert ["change", "c.test", "max_age", "7d", "30d"] in table
		assert ["add", "new.test", "label", "acme"] in table
		assert "a.test" not in [cell for line in table for cell in line]
	week, month = 7 * 86400, 30 * 86400
	assert rows(hosted) == {
		"a.test": ("acme", "testing", week, ["mx.a.test"], [], 1),
		"b.test": ("other", "enforce", week, ["mx9.b.test"], [], 2),
		"c.test": ("", "testing", month, ["mx.c.test"], [], 2),
		"d.test": ("acme", "testing", week, ["mx.d.test"], [], 1),
		"new.test": ("acme", "testing", week, ["mx.new.test"],
			     ["mailto:r@a.test"], 1)}
	again = hosted.ctl("domain", "apply", path, *FORCED)
	assert again.out == \
		"0 added, 0 changed, 0 handed over, 0 removed; 4 already so, " \
		"0 refused\n"


def test_who_what_and_why_is_in_the_trail(hosted, write):
	hosted.ok("domain", "apply", write(WANTED), "--prune", *FORCED)
	told = {(e["kind"], e["name"]): e for e in events(hosted)
		if e["reason"] == "ticket 9"}
	assert set(told) == {
		("domain.changed", "b.test"), ("policy.changed", "b.test"),
		("domain.changed", "c.test"), ("policy.changed", "c.test"),
		("domain.added", "new.test"), ("domain.removed", "d.test")}
	assert "label acme -> other" in told["domain.changed", "b.test"]["text"]
	assert "max_age 7d -> 30d" in told["policy.changed", "c.test"]["text"]
	assert {e["actor"] for e in told.values()} == \
		{events(hosted)[0]["actor"]}
	text = hosted.ok("log", "--since", "1h", "--actor", "uid", "--label",
			 "other")
	assert "label acme -> other" in text and "(ticket 9)" in text
	assert "c.test" not in text


def test_enforce_is_refused_until_it_is_ready(hosted, write):
	path = write("name,mx,mode\na.test,mx.a.test,enforce\n"
		     "b.test,mx2.b.test,\nnew.test,mx.new.test,enforce\n")
	result = hosted.ctl("domain", "apply", path)
	assert result.status == REFUSED
	assert "line 2: a.test is not ready" in result.err
	assert "line 4: new.test is not ready" in result.err
	assert summary(result) == \
		"0 added, 1 changed, 0 handed over, 0 removed; 0 already so, 2 " \
		"refused"
	result = hosted.ctl("domain", "import", path)
	assert result.status == REFUSED
	assert "line 4: new.test is not ready" in result.err
	assert "new.test" not in rows(hosted)
	hosted.ok("domain", "apply", path, *FORCED)
	assert [rows(hosted)[n][1] for n in ("a.test", "new.test")] == \
		["enforce"] * 2


def test_what_is_leaving_is_left_to_leave(live, write):
	"""What is pruned may go on elsewhere: no `none`, and nothing is lost."""
	daemon, name = live
	daemon.ok("domain", "add", "a.test", "--mx", "mx.a.test")
	text = daemon.ok("domain", "export")
	before = daemon.domain(name)["policy"]
	only = write("name\na.test\n")
	dry = daemon.ctl("domain", "apply", only, "--prune", "--dry-run")
	assert ["hand", "over", name, "state", "live", "handing-over"] in [
		line.split() for line in dry.out.splitlines()]
	assert "domain remove NAME" in dry.out
	assert daemon.domain(name)["state"] == "live"

	done = daemon.ctl("domain", "apply", only, "--prune")

	assert summary(done) == "0 added, 0 changed, 1 handed over, 0 removed; " \
		"1 already so, 0 refused"
	assert summary(dry) == "would be " + summary(done)
	assert daemon.domain(name)["state"] == "handing-over"
	assert daemon.domain(name)["policy"] == before
	assert name not in daemon.ok("domain", "export")
	again = daemon.ctl("domain", "apply", only, "--prune")
	assert "0 handed over, 0 removed; 1 already so" in again.out, again

	dry = daemon.ok("domain", "import", write(text), "--dry-run")
	assert [name, "take", "back"] in [
		line.split()[1:4] for line in dry.splitlines()]
	assert "would be 0 added, 1 taken back, 1 already there" in dry
	back = daemon.ctl("domain", "apply", write(text))

	assert back.status == FINE, back
	assert ["take", "back", name, "state"] in [
		line.split()[:4] for line in back.out.splitlines()]
	assert summary(back).startswith("0 added, 1 taken back, 0 changed"), back
	assert daemon.domain(name)["state"] == "live"
	assert daemon.ok("domain", "export") == text


def test_prune_removes_what_was_never_live(hosted, write):
	path = write("name\na.test\nb.test\nc.test\n")
	dry = hosted.ctl("domain", "apply", path, "--prune", "--dry-run")
	assert "remove  d.test" in dry.out and "1 removed" in summary(dry)
	assert "d.test" in rows(hosted)
	assert summary(hosted.ctl("domain", "apply", path)) == \
		"0 added, 0 changed, 0 handed over, 0 removed; 3 already so, " \
		"0 refused"
	assert "d.test" in rows(hosted)

	done = hosted.ctl("domain", "apply", path, "--prune")

	assert done.status == FINE and "1 removed" in summary(done)
	assert "handed" not in done.out.rsplit("\n", 2)[0]
	assert list(rows(hosted)) == ["a.test", "b.test", "c.test"]


@pytest.mark.parametrize("text, said", [
	("", "names no domain"),
	("name,mx\n", "names no domain"),
	("[]", "names no domain"),
	("name\na.test\nlocalhost\n", "not every line"),
	("name\na.test\na.test\n", "not every line"),
	("name,mx\na.test,bad..mx\n", "not every line"),
	("name,mx\nnew.test,\n", "not every line"),
	("name\na.test\n\"b.test\n", "not every line"),
	("nom\na.test\n", "not every line"),
	('[{"name": "a.test"}', "not every line"),
	('{"domains": [{"name": "a.test"}]', "not every line"),
])
def test_prune_is_refused_when_in_doubt(hosted, write, text, said):
	before = rows(hosted)
	for more in ["--dry-run"], []:
		result = hosted.ctl("domain", "apply", write(text), "--prune",
				    *more)
		assert result.status == REFUSED
		assert "nothing is pruned" in result.err
		assert said in result.err
		assert "0 removed" in result.out
		assert rows(hosted) == before


def test_a_bad_line_keeps_no_other_from_being_done(hosted, write):
	path = write("name,mx\na.test,mx2.a.test\nlocalhost,x\n")
	result = hosted.ctl("domain", "apply", path)
	assert result.status == REFUSED
	assert summary(result) == \
		"0 added, 1 changed, 0 handed over, 0 removed; 0 already so, 1 " \
		"refused"
	assert rows(hosted)["a.test"][3] == ["mx2.a.test"]


def test_a_label_bounds_what_is_pruned(hosted, write):
	hosted.ok("domain", "add", "e.test", "--mx", "mx.e.test", "--label",
		  "else")
	path = write("name,mx\na.test,mx.a.test\nnew.test,mx.new.test\n")
	hosted.ok("domain", "apply", path, "--prune", "--label", "acme")
	assert {name: r[0] for name, r in rows(hosted).items()} == \
		{"a.test": "acme", "e.test": "else", "new.test": "acme"}


def test_limit_caps_the_changes(hosted, write):
	path = write(HEADER + "a.test,mx2.a.test,,,acme,\n"
		     "x.test,mx.x.test,,,acme,\n")
	wave = hosted.ctl("domain", "apply", path, "--prune", "--limit", "2")
	assert summary(wave) == "1 added, 1 changed, 0 handed over, " \
		"0 removed; 0 already so," \
		" 0 refused; 3 left for the next run, as --limit says"
	assert len(rows(hosted)) == 5
	wave = hosted.ctl("domain", "apply", path, "--prune", "--limit", "2")
	assert "2 removed; 2 already so" in wave.out
	assert "1 left" in wave.out
	hosted.ok("domain", "apply", path, "--prune", "--limit", "2")
	assert list(rows(hosted)) == ["a.test", "x.test"]


def unsee(daemon):
	"""Their MX were seen a quarter of an hour ago; no look is due soon."""
	daemon.stop()
	now = int(time.time())
	with sqlite3.connect(daemon.state / "state.db") as db:
		db.execute("INSERT OR IGNORE INTO watch(domain_id)"
			   " SELECT id FROM domain")
		db.execute("UPDATE watch SET failures = 0, unanswered = 0,"
			   " mx_look = 1, mx = '',"	# there were none
			   " looked_at = ?1 - 900, mx_at = ?1 - 900,"
			   " mx_since = ?1 - 99999, due_at = ?1 + 3600", (now,))
	db.close()
	daemon.start()


def test_who_is_looked_at_first_stops_no_other(daemon, write):
	"""A dozen that DNS is asked about, before one that is well."""
	names = [f"n{i:02}.test" for i in range(12)]
	both = "".join(f"{n},mx1.{n} mx2.{n},enforce\n" for n in names)
	one = "".join(f"{n},mx1.{n},enforce\n" for n in names)
	daemon.ok("domain", "import", write("name,mx,mode\n" + both), *FORCED)
	path = write("name,mx,mode\n" + one + "new.test,mx.new.test,\n")
	unsee(daemon)
	dry = daemon.ctl("domain", "apply", path, "--dry-run")
	assert dry.status == TEMPFAIL, dry
	assert "would be 1 added, 0 changed" in dry.out
	assert "; 12 put off" in summary(dry) and "given up" not in dry.err
	unsee(daemon)

	done = daemon.ctl("domain", "apply", path)

	assert "given up" not in done.err, done
	assert done.out.count("once its MX are seen") == 12
	assert "1 added," in summary(done) and "new.test" in rows(daemon)
	assert daemon.ctl("domain", "apply", path, *FORCED).status == FINE


def test_who_is_looked_at_first_counts_for_the_limit(daemon, tmp_path):
	names = [f"n{i:02}.test" for i in range(12)]
	path = tmp_path / "names"
	path.write_text("\n".join(names))
	both = ["--mx", "mx1.a.test", "--mx", "mx2.a.test"]
	daemon.ok("domain", "add", "--file", path, *both)
	daemon.ok("policy", "enforce", "--all", *FORCED)
	unsee(daemon)
	only = ["policy", "set", "--mx", "mx1.a.test", "--limit", "2"]
	done = daemon.ctl(*only, "--file", path)
	assert done.status == TEMPFAIL, done
	assert done.err.count("were not seen lately") == 2
	# What is refused for good is not to be tried again for ever.
	both = daemon.ctl(*only, "n03.test", "localhost")
	assert both.status == REFUSED, both


def test_apply_as_json(hosted, write):
	path = write(WANTED)
	for more, dry in (["--dry-run"], True), ([], False):
		result = hosted.ctl("domain", "apply", path, "--prune", "--json",
				    *FORCED, *more)
		*changes, total = map(json.loads, result.out.splitlines())
		assert [c["name"] for c in changes] == \
			["b.test", "b.test", "c.test", "c.test", "new.test",
			 "d.test"]
		assert all(c["dry_run"] is dry and c["changed"]
			   for c in changes)
		assert total == {"added": 1, "taken_back": 0, "changed": 2,
				 "handed_over": 0, "removed": 1,
				 "already_so": 1, "refused": 0, "failed": 0,
				 "put_off": 0, "left": 0}
