"""What measures must see what is wrong: else a fast wrong answer is fast."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from bench import bench, crowds, refetch, senders, servers, swap
from bench.bounds import BOUNDS, Seen
from bench.figures import Lag
from bench.worlds import World
from harness.daemon import BUILD
from harness.fetch import Reply
from harness.metrics import scrape
from harness.process import wait_for
from harness.shim import SyncCount

COUNT = 12


@pytest.fixture
def world(tmp_path):
	folder = tmp_path / "world"
	subprocess.run([BUILD / "bench/world", folder, str(COUNT)], check=True)
	return World(folder, COUNT)


@pytest.fixture
def serve(tmp_path, monkeypatch):
	monkeypatch.setattr(servers, "pinned", lambda core: [])
	monkeypatch.setattr(senders, "pinned", lambda core: [])
	made = []

	def start(kind, world):
		made.append(kind(world, tmp_path / f"server{len(made)}"))
		return made[-1].start()

	yield start
	for server in made:
		server.stop()


@pytest.mark.parametrize("kind", [servers.Bare, servers.Mtastsd])
def test_right_answers_are_counted(serve, world, kind):
	server = serve(kind, world)
	before = server.cpu_ns()
	seen = bench.load(server, "--count", 60)
	assert seen["fetches"] == seen["connections"] == 60
	assert seen["failures"] == seen["resumed"] == seen["rude"] == 0
	assert 0 < seen["p50_us"] <= seen["p99_us"] <= seen["max_us"]
	# A handshake takes more than a tenth of a millisecond on any machine.
	assert server.cpu_ns() - before > 60 * 100_000
	assert server.rss() > 1_000_000


@pytest.mark.parametrize("words, fetches", [
	(["--in-turn", "--count", COUNT], COUNT),
	(["--zipf", "1.0", "--count", 30], 30),
	(["--tls12", "--count", 20], 20),
	(["--keep-alive", 5, "--count", 4], 20),
	(["--rate", 50, "--count", 50], 50),
])
def test_manners(serve, world, words, fetches):
	server = serve(servers.Mtastsd, world)
	assert bench.load(server, *words)["fetches"] == fetches


def test_who_is_idle_is_held_and_counted_when_ended(serve, world):
	server = serve(servers.Bare, world)
	client = bench.start_load(server, "--idle", "--connections", 5,
				  "--seconds", 60)
	with pytest.raises(subprocess.TimeoutExpired):
		client.wait(1)
	client.terminate()
	seen = bench.finish(server, client)
	assert (seen["most_open"], seen["ended"]) == (5, 0)


def test_a_flood_is_answered_and_reset(serve, world):
	server = serve(servers.Mtastsd, world)
	client = senders.start_load(server, "--flood", "--count", 60)
	seen = senders.finish(server, client)
	assert seen["hellos"] >= 40 and seen["fetches"] == seen["ended"] == 0
	# Who was kept from looking may have shaken hands before the reset.
	wait_for("all of them to be counted",
		 lambda: scrape(server.daemon)("mtastsd_tls_handshakes_total",
					       version="1.3") >=
		 seen["hellos"], 20)


def test_who_is_half_open_is_held_from_elsewhere(serve, world):
	server = serve(servers.Mtastsd, world)
	before = server.open_files()
	client = senders.start_load(server, "--half-open", "--connections", 20,
				    "--seconds", 60, *crowds.ELSEWHERE)
	wait_for("twenty of them",
		 lambda: server.open_files() >= before + 20)
	peers = subprocess.run(["ss", "-Htn", "sport", "=",
				f":{server.port}"], capture_output=True,
			       text=True, check=True).stdout.split()
	assert len({p for p in peers if p.startswith("127.2.0.")}) == 20
	client.terminate()
	seen = senders.finish(server, client)
	assert (seen["most_open"], seen["ended"], seen["failures"]) == (20, 0, 0)


def test_who_means_no_good_makes_up_for_no_lost_time(serve, world):
	"""Where ten may be open, a rate of twenty stays one."""
	server = serve(with_settings(max_connections=10), world)
	client = senders.start_load(server, "--half-open", "--connections", 30,
				    "--rate", 20, "--seconds", 4)
	seen = senders.finish(server, client)
	assert seen["connections"] <= 82 and seen["ended"] >= 60


def with_settings(**settings):
	return type("Other", (servers.Mtastsd,), {"settings": settings})


def test_who_has_no_patience_gives_up_and_that_is_a_figure(serve, world):
	server = serve(servers.Bare, world)
	os.kill(server.process.pid, signal.SIGSTOP)
	timer = threading.Timer(1.5, os.kill, (server.process.pid,
					       signal.SIGCONT))
	timer.start()
	seen = senders.load_with_patience(
		server, "--connections", 5, "--count", 20, "--patience", 1)
	timer.join()
	assert seen["failures"] == seen["failed"]["late"] >= 5
	assert seen["fetches"] == 20 - seen["failures"]
	assert seen["max_us"] <= 1e6
	with pytest.raises(bench.Failed, match="load ended with 1"):
		senders.load_with_patience(server, "--count", 5, "--status", 404)


def test_all_ids_change_and_the_old_policy_is_a_failure(serve, world):
	server = serve(servers.Mtastsd, world)
	changed, _, policy = refetch.change(server, 864000)
	assert changed == COUNT
	assert bench.load(server, "--policy", policy, "--count", 20)
	refused(server, "body")
	with pytest.raises(RuntimeError, match="^0 ids of 12 changed"):
		refetch.change(server, 864000)


@pytest.mark.parametrize("kind, cipher, tickets", [
	(servers.Mtastsd, "TLS_AES_128_GCM_SHA256", 0),
	(servers.Bare, "TLS_AES_128_GCM_SHA256", 0),
	(servers.NginxStatic, "TLS_AES_256_GCM_SHA384", 2),
	(servers.NginxVariable, "TLS_AES_256_GCM_SHA384", 2),
	(servers.NginxStaticEqual, "TLS_AES_128_GCM_SHA256", 0),
	(servers.NginxVariableEqual, "TLS_AES_128_GCM_SHA256", 0),
])
def test_who_is_made_equal_does_the_same(serve, world, kind, cipher, tickets):
	if not servers.is_there(kind):
		pytest.skip("without nginx")
	assert serve(kind, world).look() == (cipher, tickets)


def refused(server, kind, *words):
	with pytest.raises(bench.Failed, match=f"{kind}: ") as failed:
		bench.load(server, "--count", 20, *words)
	return str(failed.value)


def altered(world, tmp_path):
	"""The same for the server, while the senders know the right one."""
	folder = tmp_path / "altered"
	shutil.copytree(world.folder, folder)
	return World(folder, COUNT)


def test_another_body_fails(serve, world, tmp_path):
	wrong = altered(world, tmp_path)
	wrong.policy.write_text("version: STSv1\r\nmode: enforce\r\n")
	server = serve(servers.Bare, wrong)
	server.world = world
	refused(server, "body")


def test_another_names_certificate_fails(serve, world, tmp_path):
	wrong = altered(world, tmp_path)
	one, other = wrong.hosts()[5:7]
	shutil.copy(wrong.pem(one), wrong.pem(other))
	server = serve(servers.Bare, wrong)
	server.world = world
	assert other in refused(server, "certificate", "--in-turn")


def test_a_strange_root_fails(serve, world, tmp_path):
	server = serve(servers.Bare, world)
	other = tmp_path / "other"
	subprocess.run([BUILD / "bench/world", other, "1"], check=True)
	server.world = World(world.folder, COUNT)
	server.world.root = World(other, 1).root
	refused(server, "certificate")


def test_a_status_that_was_not_expected_fails(serve, world):
	refused(serve(servers.Bare, world), "status", "--status", 404)


def test_a_server_that_is_gone_fails(serve, world):
	server = serve(servers.Bare, world)
	server.stop()
	refused(server, "refused")


def test_the_floor_is_below_the_bare_loop(serve, world):
	out = subprocess.run([BUILD / "bench/floor", world.folder, "200"],
			     capture_output=True, text=True, check=True).stdout
	floor = bench.json.loads(out)
	assert floor["fetches"] == 200
	assert floor["cipher"] == "TLS_AES_128_GCM_SHA256"
	server, figures = serve(servers.Bare, world), bench.Figures()
	bench.sweep(server)
	bench.one_round(server, figures, "--count", 200)
	assert 50 < floor["cpu_us"] < figures.cpu_us[0]


def test_the_whole_bench_fails_of_one_name(world, monkeypatch, capfd):
	one, other = world.hosts()[5:7]
	shutil.copy(world.pem(one), world.pem(other))
	monkeypatch.setattr(bench, "world", lambda build, count: world)
	monkeypatch.setattr(bench, "QUICK", [servers.Bare])
	monkeypatch.setattr(sys, "argv", ["bench", "--quick", "--rounds", "1"])
	with pytest.raises(SystemExit) as ended:
		bench.main()
	assert ended.value.code == 1
	told = capfd.readouterr()
	assert f"{other}: certificate: " in told.err
	assert told.out.count("| not in this run | – |") == len(BOUNDS)


def test_the_share_from_memory(serve, world):
	server = serve(servers.Mtastsd, world)
	cold = server.presented()
	bench.sweep(server)
	swept = server.presented()
	bench.sweep(server)
	assert bench.from_memory(cold, swept) < 0.5
	assert bench.from_memory(swept, server.presented()) == 1


def test_a_cache_is_warm_when_its_share_grows_no_more(serve, world,
						       monkeypatch):
	server, shares = serve(servers.Mtastsd, world), []
	assert bench.warm(server, []) == COUNT
	monkeypatch.setattr(bench, "from_memory", lambda *_: shares.pop(0))
	for shares, quarters in (([0.1, 0.2, 0.3, 0.301], 4),
				 ([0.1, 0.1, 0.1, 0.2, 0.3, 0.29, 0.5], 6),
				 ([n / 20 for n in range(20)], bench.WARMINGS)):
		assert bench.warm(server, ["--zipf", "1.0"]) == \
			quarters * 5 * COUNT


# What is told of it.

@pytest.mark.parametrize("key, value, instead, row", [
	("bare loop", 1.15, None, "≤ 1.15 | 1.150 | yes"),
	("bare loop", 1.1501, None, "≤ 1.15 | 1.150 | **no**"),
	("lag", 50, None, "< 50 ms | 50 ms | **no**"),
	("orders", 49.9, None, "≥ 50 | 49.9 | **no**"),
	("refetch", 0, None, "= 0 | 0 | yes"),
	("refetch", 1, None, "= 0 | 1 | **no**"),
	# 30 MB, 96 MiB, and 80 KiB for each of 10000
	("attack rss", 951, None, "≤ 950 MB | 951 MB | **no**"),
	("rss", 20, "10 domains", "≤ 150 MB | 20 MB (10 domains) | –"),
])
def test_what_was_seen_stands_beside_its_bound(capsys, key, value, instead,
					       row):
	seen = Seen()
	seen.note(key, value, instead)
	seen.tell()
	told = capsys.readouterr().out
	assert f"| {BOUNDS[key].what} | {row} |\n" in told
	assert told.count("not in this run") == len(BOUNDS) - 1
	seen.tell(whole=False)
	assert len(capsys.readouterr().out.splitlines()) == 6


def test_what_is_not_judged_stands_beside(capsys):
	seen = Seen()
	seen.note("nginx, static", 0.9, beside="0.84 of the other")
	seen.tell(whole=False)
	assert "| ≤ 1 | 0.900; 0.84 of the other | yes |\n" in \
		capsys.readouterr().out


def test_nginx_is_judged_by_what_does_the_same():
	part = bench.Bench(None, "/")
	part.note_compared({servers.Mtastsd: [90.0], servers.Bare: [100.0],
			    servers.NginxStatic: [120.0],
			    servers.NginxStaticEqual: [100.0]})
	found = part.seen.found
	assert found["nginx, static"] == (
		"0.900; 0.75 of it as Debian has it", "yes")
	assert found["the aim"][1] == "**no**"
	assert found["bare loop"] == ("0.900", "yes")
	assert "nginx, by variable" not in found


class Renewing:
	"""A daemon, and a sender, that are as slow as they are told to be."""

	def __init__(self, call, presented):
		self.call = call	# s
		self.serials = iter(presented)
		self.asked = 0

	def api(self, *_):
		self.renewed = time.monotonic()
		return 200, {}

	def serial(self, _):
		time.sleep(self.call)
		self.asked += 1
		return 1 if self.asked < 3 else 2

	def fetch(self, _):
		return Reply(200, {}, b"", next(self.serials))


def test_a_slow_call_counts_for_the_swap():
	box = Renewing(0.2, ["2"] * swap.IN_A_ROW)
	assert 0.4 <= swap.renew(box, box, "a.example") < 0.6


def test_a_swap_is_over_when_both_threads_have_it():
	old_again = ["1", "2", "2", "1"] + ["2"] * swap.IN_A_ROW
	box = Renewing(0, old_again)
	swap.renew(box, box, "a.example")
	assert next(box.serials, None) is None


class Answers:
	"""A daemon's admin API, as far as Lag asks it."""

	def __init__(self, **statuses):
		self.statuses = statuses

	def api(self, _, path):
		time.sleep(0.05 if path == "slow" else 0)
		if path not in self.statuses:
			raise ConnectionRefusedError(path)
		return self.statuses[path], {}


def ask(daemon, *paths):
	lag = Lag(daemon, *paths)
	while not all(lag.waits.values()):
		time.sleep(0.01)
	return lag


def test_each_call_is_timed_by_itself():
	lag = ask(Answers(slow=200, fast=200), "slow", "fast")
	assert lag.stop().startswith("p50 ")
	worst = lag.worst_ms()
	assert worst["slow"] >= 50 and set(worst) == {"slow", "fast"}


@pytest.mark.parametrize("path, why", [("no", "404"), ("gone", "Refused")])
def test_a_call_that_is_refused_is_no_quick_one(path, why):
	lag = ask(Answers(fast=200, no=404), "fast", path)
	with pytest.raises(RuntimeError, match=f"{path}: .*{why}"):
		lag.stop()


def test_syncs_are_counted(tmp_path):
	syncs = SyncCount(tmp_path)
	sync_twice = ("import os; f = open('x', 'w');"
		      "os.fsync(f.fileno()); os.fdatasync(f.fileno())")
	for count in 2, 4:
		subprocess.run([sys.executable, "-c", sync_twice], check=True,
			       cwd=tmp_path, env=os.environ | syncs.env)
		assert int(syncs) == count
