"""The operator's own zone: three CNAMEs set once, and nobody's hand after."""

import json
import os
import shutil
import subprocess
import time

import pytest

from harness.clock import Leaps
from harness.daemon import BUILD
from harness.owndns import OwnDns
from harness.pebble import Pebble
from harness.process import free_port, wait_for
from harness.told import Command
from harness.unbound import Unbound

ZONE = OwnDns.ZONE
HOST = f"box.{ZONE}"
FORCE = ["--force", "--reason", "a story"]
QUICK = {"alert_publish": "1s", "alert_gather": "1s", "collect_reports": False}

# What a provider's API would do: the zone as a file of JSON, name by name.
HOOK = """#!/usr/bin/python3
import json, os, sys, time
zone, calls = {zone!r}, {calls!r}
records = json.load(sys.stdin)
with open(calls, "a") as f:
	print(json.dumps(records), file=f)
if os.path.exists({slow!r}):
	time.sleep(60)
if os.path.exists({broken!r}):
	sys.exit("the provider says: 503")
content = json.load(open(zone)) if os.path.exists(zone) else {{}}
for r in records:
	content.pop(r["name"] + " " + r["type"], None)
for r in records:
	if r["value"] is not None:
		content.setdefault(r["name"] + " " + r["type"], []).append(
			r["value"])
open(zone + ".new", "w").write(json.dumps(content))
os.rename(zone + ".new", zone)
"""


class HookZone:
	"""The same questions as to a DNS server, of what a hook wrote."""

	def __init__(self, folder):
		self.zone, self.calls = folder / "zone.json", folder / "calls"
		self.slow, self.broken = folder / "slow", folder / "broken"
		self.program = folder / "hook"
		self.program.write_text(HOOK.format(
			zone=str(self.zone), calls=str(self.calls),
			slow=str(self.slow), broken=str(self.broken)))
		self.program.chmod(0o755)

	def settings(self):
		return {"delegate_zone": ZONE,
			"publish_hook": [str(self.program), "a b; c"]}

	def ask(self, name, kind):
		if not self.zone.exists():
			return []
		return sorted(json.loads(self.zone.read_text()).get(
			f"{name} {kind}", []))

	def batches(self):
		if not self.calls.exists():
			return []
		return [json.loads(line) for line in
			self.calls.read_text().splitlines()]


@pytest.fixture
def own(tmp_path):
	dns = OwnDns(tmp_path / "own").start()
	yield dns
	dns.stop()


@pytest.fixture(params=["rfc2136", "hook"])
def zone(request, tmp_path):
	if request.param == "hook":
		yield HookZone(tmp_path)
		return
	dns = OwnDns(tmp_path / "own").start()
	yield dns
	dns.stop()


def make(rig, zone, **more):
	return rig.daemon(host_name=HOST, **zone.settings(), **QUICK, **more)


def enforce(daemon, name):
	daemon.ok("policy", "enforce", name, *FORCE)


def sts_of(name):
	return f"{name}._mta-sts.{ZONE}"


def tls_of(name):
	return f"{name}._tls.{ZONE}"


def announced(daemon, name):
	"""The TXT of the policy that is served now."""
	return f"v=STSv1; id={daemon.domain(name)['policy']['id']};"


def wait_shown(zone, name, kind, *values, seconds=20):
	wait_for(f"{name} {kind} to be {values}, not {zone.ask(name, kind)}",
		 lambda: zone.ask(name, kind) == sorted(values), seconds, 0.1)


def alerts(daemon):
	return [a for a in daemon.api("GET", "/v1/alerts")[1]["alerts"]
		if a["kind"] == "zone.unpublished"]


def test_the_customer_sets_three_cnames_once(rig, zone, name):
	daemon = make(rig, zone).start()
	wait_shown(zone, HOST, "A", "127.0.0.1")
	daemon.add(name, wait=False)
	records = daemon.json("domain", "records", name)
	now = {r["name"]: (r["type"], r["value"]) for r in records["records"]
	       if r["publish"] == "now"}
	assert now == {f"mta-sts.{name}": ("CNAME", f"{HOST}."),
		       f"_mta-sts.{name}": ("CNAME", f"{sts_of(name)}."),
		       f"_smtp._tls.{name}": ("CNAME", f"{tls_of(name)}.")}
	assert zone.ask(sts_of(name), "TXT") == []	# nobody is to look yet

	rig.dns.point(name)
	daemon.wait_state("live", name)
	wait_shown(zone, sts_of(name), "TXT", announced(daemon, name))

	seen = set()
	for verb in (["policy", "enforce", *FORCE], ["policy", "testing"],
		     ["policy", "set", "--mx", "mx9.example.org"]):
		daemon.ok(*verb[:2], name, *verb[2:])
		wait_shown(zone, sts_of(name), "TXT", announced(daemon, name))
		seen.add(announced(daemon, name))
	assert len(seen) == 3

	daemon.ok("domain", "set", name, "--rua", "mailto:tls@example.org")
	wait_shown(zone, tls_of(name), "TXT",
		   "v=TLSRPTv1; rua=mailto:tls@example.org")
	daemon.settings["public_addresses"] = ["127.0.0.1", "192.0.2.7",
					       "2001:db8::7"]
	daemon.reload()
	wait_shown(zone, HOST, "A", "127.0.0.1", "192.0.2.7")
	wait_shown(zone, HOST, "AAAA", "2001:db8::7")
	daemon.settings["public_addresses"] = ["127.0.0.1"]
	daemon.reload()
	wait_shown(zone, HOST, "A", "127.0.0.1")
	wait_shown(zone, HOST, "AAAA")

	wait_for("nothing to be due", lambda: daemon.domain(name)[
		"publication"]["state"] == "published", 10)
	shown = daemon.ok("domain", "show", name)
	assert sts_of(name) in shown and announced(daemon, name) in shown
	assert "has all that it needs" in daemon.ok("status")
	daemon.ok("domain", "remove", name, "--now")
	wait_shown(zone, sts_of(name), "TXT")
	wait_shown(zone, tls_of(name), "TXT")
	assert zone.ask(HOST, "A") == ["127.0.0.1"]


# The same as a sender sees it, by a resolver that follows the customer's CNAMEs,
# which are set once and before anything else. The hook speaks to a server, too.
DNS_HOOK = """#!/usr/bin/python3
import json, subprocess, sys
lines = []
for r in (records := json.load(sys.stdin)):
	lines.append(f"update delete {{r['name']}}. {{r['type']}}")
for r in records:
	if r["value"] is not None:
		value = f'"{{r["value"]}}"' if r["type"] == "TXT" else r["value"]
		lines.append(f"update add {{r['name']}}. {{r['ttl']}} "
			     f"{{r['type']}} {{value}}")
subprocess.run(["knsupdate", "-v", "-k", {key!r}], text=True, check=True,
	       input="\\n".join(["server 127.0.0.1 {port}", "zone {zone}.",
				 *lines, "send", ""]))
"""


def by_hook(own, folder):
	program = folder / "dns-hook"
	program.write_text(DNS_HOOK.format(key=str(own.key_file), port=own.port,
					   zone=ZONE))
	program.chmod(0o755)
	return {"delegate_zone": ZONE, "publish_hook": [str(program)]}


@pytest.fixture
def seen(rig, own, tmp_path):
	"""A resolver in front of both zones, and a CA that asks it as well."""
	resolver = Unbound(tmp_path, rig.dns, **{ZONE: own}).start()
	pebble = Pebble(tmp_path / "ca", resolver.port, rig.http_port)
	pebble.launch()
	pebble.wait_ready()
	yield resolver, pebble
	pebble.process.stop()
	resolver.stop()


@pytest.mark.parametrize("how", ["rfc2136", "hook"])
def test_a_sender_sees_it_through_the_customers_cnames(rig, own, seen, tmp_path,
						       name, how):
	resolver, pebble = seen
	settings = (own.settings() if how == "rfc2136"
		    else by_hook(own, tmp_path))
	daemon = rig.daemon(host_name=HOST, **settings, **QUICK)
	daemon.use(pebble, rig.dns)
	daemon.settings["resolvers"] = [resolver.address]
	daemon.start()
	daemon.add(name, wait=False)
	for record in daemon.json("domain", "records", name)["records"]:
		if record["publish"] == "now":
			assert record["type"] == "CNAME"
			rig.dns.set(record["name"], "CNAME", record["value"])
	serial = rig.dns.serial
	daemon.wait_state("live", name)

	def is_seen(host, kind, *values):
		wait_shown(resolver, host, kind, *values)

	def follows():
		"""A sender has the id, and the box knows that he has."""
		is_seen(f"_mta-sts.{name}", "TXT", announced(daemon, name))
		daemon.api("POST", f"/v1/domains/{name}/look", {})
		wait_for("it to be in step", lambda: (daemon.domain(name)["dns"]
			 or {"txt": {"is": ""}})["txt"]["is"] == "in-step", 20)

	follows()
	seen_ids = {announced(daemon, name)}
	for verb in (["policy", "enforce", *FORCE], ["policy", "testing"],
		     ["policy", "set", "--mx", "mx9.example.org"]):
		daemon.ok(*verb[:2], name, *verb[2:])
		follows()
		seen_ids.add(announced(daemon, name))
	assert len(seen_ids) == 4
	daemon.ok("domain", "set", name, "--rua", "mailto:tls@example.org")
	is_seen(f"_smtp._tls.{name}", "TXT",
		"v=TLSRPTv1; rua=mailto:tls@example.org")

	is_seen(f"mta-sts.{name}", "A", "127.0.0.1")
	daemon.settings["public_addresses"] = ["127.0.0.1", "192.0.2.7",
					       "2001:db8::7"]
	daemon.reload()
	is_seen(f"mta-sts.{name}", "A", "127.0.0.1", "192.0.2.7")
	is_seen(f"mta-sts.{name}", "AAAA", "2001:db8::7")
	daemon.settings["public_addresses"] = ["127.0.0.1"]
	daemon.reload()
	is_seen(f"mta-sts.{name}", "A", "127.0.0.1")
	is_seen(f"mta-sts.{name}", "AAAA")
	assert rig.dns.serial == serial		# nobody's hand


def test_many_changes_are_few_updates(rig, tmp_path):
	zone = HookZone(tmp_path)
	daemon = make(rig, zone).start()
	wait_shown(zone, HOST, "A", "127.0.0.1")
	names = [f"many{i}.test" for i in range(150)]
	zone.broken.touch()	# what comes meanwhile is gathered
	for n in names:
		status, answer = daemon.api("POST", "/v1/domains", {
			"name": n, "mx": [f"mx.{n}"],
			"rua": ["mailto:a@example.org"]})
		assert status == 200, answer
	wait_for("a failure", lambda: alerts(daemon), 20)
	failed = len(zone.batches())
	zone.broken.unlink()
	for n in names:
		wait_shown(zone, tls_of(n), "TXT",
			   "v=TLSRPTv1; rua=mailto:a@example.org", seconds=40)
	sizes = [len(batch) for batch in zone.batches()]
	assert max(sizes) <= 100
	assert len(sizes) - failed < 30
	wait_for("the end of the alert", lambda: not alerts(daemon), 20)


def test_a_server_that_is_down_for_a_while(rig, own, tmp_path, name):
	command = Command(tmp_path)
	daemon = make(rig, own, notify=[str(command.path)]).start()
	rig.dns.point(name)
	daemon.add(name)
	before = announced(daemon, name)
	wait_shown(own, sts_of(name), "TXT", before)

	own.stop()
	enforce(daemon, name)
	begun, = command.wait("zone.unpublished", 1)
	assert begun["what"] == "begun"
	assert ZONE in begun["alerts"][0]["text"]
	result = daemon.ctl("status")
	assert "1 name to be told" in result.out
	assert "cannot be published" in result.out
	assert "waits for its turn" in daemon.ok("domain", "show", name)

	own.start(fresh=False)
	wait_shown(own, sts_of(name), "TXT", announced(daemon, name),
		   seconds=40)
	assert announced(daemon, name) != before
	command.wait("zone.unpublished", 2)
	assert command.whats("zone.unpublished") == ["begun", "ended"]


def test_killed_between_the_change_and_its_publication(rig, own, name):
	daemon = make(rig, own).start()
	rig.dns.point(name)
	daemon.add(name)
	wait_shown(own, sts_of(name), "TXT", announced(daemon, name))
	own.stop()
	enforce(daemon, name)
	daemon.ok("policy", "testing", name)
	expected = announced(daemon, name)
	daemon.kill()
	own.start(fresh=False)
	daemon.start()
	assert announced(daemon, name) == expected
	# One that the dead one has begun may still come: it is waited for.
	wait_shown(own, sts_of(name), "TXT", expected, seconds=60)


# Changed back while nobody knows what became of the update: it is told again.
def test_killed_while_an_update_is_under_way(rig, tmp_path, name):
	zone = HookZone(tmp_path)
	daemon = make(rig, zone).start()
	daemon.add(name, wait=False)
	daemon.ok("domain", "set", name, "--rua", "mailto:a@example.org")
	first = "v=TLSRPTv1; rua=mailto:a@example.org"
	wait_shown(zone, tls_of(name), "TXT", first)
	zone.slow.touch()
	calls = len(zone.batches())
	daemon.ok("domain", "set", name, "--rua", "mailto:b@example.org")
	wait_for("the hook", lambda: len(zone.batches()) > calls, 10)
	daemon.kill()
	zone.slow.unlink()
	calls = len(zone.batches())
	daemon.start()
	daemon.ok("domain", "set", name, "--rua", "mailto:a@example.org")
	wait_for("another update", lambda: len(zone.batches()) > calls, 60)
	assert [r["value"] for r in zone.batches()[-1]
		if r["name"] == tls_of(name)] == [first]


def test_a_wrong_key_is_one_clear_alert(rig, own, tmp_path, name):
	command = Command(tmp_path)
	settings = own.settings() | {"publish_key_file": own.write_key(
		"wrong.key", "d3JvbmcgZm9yIHN1cmUsIGFuZCBsb25nIGVub3VnaA==")}
	daemon = rig.daemon(host_name=HOST, notify=[str(command.path)],
			    **settings, **QUICK).start()
	for i in range(3):
		daemon.add(f"key{i}.{name}", wait=False)
		daemon.ok("domain", "set", f"key{i}.{name}", "--rua",
			  "mailto:a@example.org")
	begun, = command.wait("zone.unpublished", 1)
	assert len(begun["alerts"]) == 1
	alert = begun["alerts"][0]
	assert "BADSIG" in alert["text"]
	assert "publish_key_file" in alert["hint"]
	time.sleep(8)	# more failures have nothing to add
	assert command.whats("zone.unpublished") == ["begun"]

	daemon.settings["publish_key_file"] = own.key_file
	daemon.reload()
	wait_shown(own, tls_of(f"key2.{name}"), "TXT",
		   "v=TLSRPTv1; rua=mailto:a@example.org", seconds=40)
	command.wait("zone.unpublished", 2)
	assert command.whats("zone.unpublished") == ["begun", "ended"]


def test_a_key_for_everybody_is_refused(rig, own):
	own.key_file.chmod(0o644)
	daemon = make(rig, own).launch()
	assert daemon.process.wait(20) != 0
	assert "everybody may read publish_key_file" in daemon.process.text()
	assert "chmod o=" in daemon.process.text()


def test_one_that_the_provider_does_not_take_holds_up_nobody(rig, tmp_path):
	zone = HookZone(tmp_path)
	program = zone.program.read_text()
	zone.program.write_text(program.replace(
		'content = json', 'if "bad.test" in str(records):\n'
		'\tsys.exit("no such customer")\ncontent = json', 1))
	daemon = make(rig, zone).start()
	for n in "bad.test", "good1.test", "good2.test", "good3.test":
		daemon.add(n, wait=False)
		daemon.ok("domain", "set", n, "--rua", "mailto:a@example.org")
	for n in "good1.test", "good2.test", "good3.test":
		wait_shown(zone, tls_of(n), "TXT",
			   "v=TLSRPTv1; rua=mailto:a@example.org", seconds=40)
	wait_for("an alert that names it", lambda: any(
		"bad.test: " in a["text"] and "no such customer" in a["text"]
		for a in alerts(daemon)), 30)
	# A change of another one does not wait for it either.
	daemon.ok("domain", "set", "good1.test", "--rua", "mailto:b@example.org")
	wait_shown(zone, tls_of("good1.test"), "TXT",
		   "v=TLSRPTv1; rua=mailto:b@example.org")
	zone.program.write_text(program)
	daemon.ok("domain", "remove", "bad.test", "--now")
	wait_for("the end of the alert", lambda: not alerts(daemon), 20)
	assert any({"name": tls_of("bad.test"), "type": "TXT", "ttl": 300,
		    "value": None} in batch for batch in zone.batches())


def test_a_zone_that_was_made_anew(rig, own, name):
	daemon = make(rig, own).start()
	rig.dns.point(name)
	daemon.add(name)
	wait_shown(own, sts_of(name), "TXT", announced(daemon, name))
	own.stop()
	for f in own.folder.glob("journal*"):
		os.system(f"rm -r {f}")
	own.start()
	assert own.ask(sts_of(name), "TXT") == []
	assert "told again" in daemon.ok("domain", "publish", "--all")
	wait_shown(own, sts_of(name), "TXT", announced(daemon, name))
	wait_shown(own, HOST, "A", "127.0.0.1")


# The zone took it, and has it no more: the watch sees that, and has it told.
def test_what_dns_does_not_show_is_told_again(rig, tmp_path, name):
	zone = HookZone(tmp_path)
	clock = Leaps(tmp_path)
	daemon = rig.daemon(host_name=HOST, **zone.settings(), **QUICK)
	rig.dns.point(name)
	daemon.start(env=clock.env())
	daemon.add(name)
	wait_shown(zone, sts_of(name), "TXT", announced(daemon, name))

	def lose():
		# A hook that still runs when the clock leaps has run for too long.
		wait_for("the hook to have ended", lambda: daemon.domain(name)[
			"publication"]["state"] == "published", 20)
		zone.zone.unlink()
		return len(zone.batches())

	def look():
		looked = daemon.domain(name)["dns"]["looked"]
		def seen():
			daemon.api("POST", f"/v1/domains/{name}/look", {})
			return daemon.domain(name)["dns"]["looked"] > looked
		wait_for("a look", seen, 20)
		time.sleep(3)	# what is due goes out within one

	def step(seconds):
		clock.step(seconds)
		daemon.reload()

	# Its TTL may hold the former answer for so long: that is waited for.
	calls = lose()
	step(300)
	look()
	assert len(zone.batches()) == calls
	step(400)
	look()
	wait_shown(zone, sts_of(name), "TXT", announced(daemon, name))

	# What DNS shows is not told again.
	rig.dns.set(f"_mta-sts.{name}", "TXT", f'"{announced(daemon, name)}"')
	look()		# one that had begun before is over as well
	wait_for("it to be in step", lambda:
		 daemon.domain(name)["dns"]["txt"]["is"] == "in-step", 20)
	calls = lose()
	step(700)
	look()
	assert daemon.domain(name)["dns"]["txt"]["is"] == "in-step"
	assert len(zone.batches()) == calls


def test_publishing_needs_somebody_who_does(daemon, name):
	daemon.add(name, wait=False)
	refused = daemon.ctl("domain", "publish", name)
	assert refused.status == 3 and "publish_hook" in refused.err


# What a box that has moved still knows is not for the zone of the new one.
def mark_of(own):
	return own.ask(f"_mtastsd-owner.{ZONE}", "TXT")


def test_two_boxes_do_not_write_into_one_zone(rig, own, name):
	own.update(f"update add {HOST}. 60 AAAA 2001:db8::9")
	first = make(rig, own).start()
	wait_shown(own, HOST, "A", "127.0.0.1")
	assert own.ask(HOST, "AAAA") == []	# of whoever was there before
	[mark] = mark_of(own)
	rig.dns.point(name)
	first.add(name)
	wait_shown(own, sts_of(name), "TXT", announced(first, name))

	second = make(rig, own, http_port=free_port(),
		      public_addresses=["127.0.0.5"]).start()
	said = wait_for("the alert", lambda: alerts(second), 20)[0]
	assert "another box publishes it" in said["text"]
	assert "mtastsctl zone take" in said["hint"]
	assert own.ask(HOST, "A") == ["127.0.0.1"]
	assert mark_of(own) == [mark] and alerts(first) == []

	second.ok("zone", "take", "--reason", "it has moved")
	wait_shown(own, HOST, "A", "127.0.0.5")
	assert mark_of(own) not in ([mark], [])
	wait_for("its end", lambda: not alerts(second), 20)
	before = own.ask(sts_of(name), "TXT")
	enforce(first, name)
	wait_for("the other's alert", lambda: alerts(first), 20)
	assert own.ask(sts_of(name), "TXT") == before
	assert own.ask(HOST, "A") == ["127.0.0.5"]
	assert "zone.taken" in [e["kind"] for e in
				second.json("log")["events"]]

	# The id is in the store: a start anew takes nothing.
	second.stop()
	second.start()
	time.sleep(3)
	assert alerts(second) == []
	assert "no zone is published" in rig.daemon(
		http_port=free_port()).start().ctl("zone", "take").err


def backup_of(daemon, folder):
	daemon.stop()
	shutil.copy(daemon.state / "state.db", folder / "copy.db")
	daemon.start()
	return folder / "copy.db"


def restore(daemon, copy):
	daemon.write_config()
	daemon.state.mkdir(mode=0o700, exist_ok=True)
	done = subprocess.run([BUILD / "mtastsd", "--config", daemon.config_file,
			       "--restore", copy], capture_output=True,
			      text=True, timeout=60)
	assert done.returncode == 0, done
	return done.stdout


# With the id of the former box they would undo each other's records.
def test_a_backup_on_another_machine_leaves_the_zone(rig, zone, tmp_path, name):
	has_marks = isinstance(zone, OwnDns)
	first = make(rig, zone).start()
	rig.dns.point(name)
	first.add(name)
	wait_shown(zone, sts_of(name), "TXT", announced(first, name))
	second = make(rig, zone, http_port=free_port(),
		      public_addresses=["127.0.0.5"])
	said = restore(second, backup_of(first, tmp_path))
	assert "mtastsctl zone take" in said
	second.start()
	alert = wait_for("the alert", lambda: alerts(second), 20)[0]
	assert "mtastsctl zone take" in alert["hint"]
	assert ("another box publishes it" if has_marks else
		"comes of a backup") in alert["text"]
	assert alert["hint"] in second.ctl("status").out

	# The former one goes on as if there were no other.
	enforce(first, name)
	wait_shown(zone, sts_of(name), "TXT", announced(first, name))
	second.ok("domain", "set", name, "--rua", "mailto:a@example.org")
	time.sleep(3)
	assert zone.ask(HOST, "A") == ["127.0.0.1"]
	assert zone.ask(tls_of(name), "TXT") == [] and not alerts(first)

	# Now the new one does, and the former one no more.
	if not has_marks:
		first.ok("freeze", "--reason", "it moves")
	second.ok("zone", "take", "--reason", "it has moved")
	wait_shown(zone, HOST, "A", "127.0.0.5")
	told = announced(second, name)
	wait_shown(zone, sts_of(name), "TXT", told)
	wait_for("its end", lambda: not alerts(second), 20)
	first.ok("policy", "testing", name)
	if has_marks:
		wait_for("the other's alert", lambda: alerts(first), 20)
	second.stop()
	second.start()
	time.sleep(3)
	assert zone.ask(HOST, "A") == ["127.0.0.5"]
	assert zone.ask(sts_of(name), "TXT") == [told]
	assert not alerts(second)


def test_a_backup_on_the_same_machine_needs_no_hand(rig, zone, tmp_path, name):
	daemon = make(rig, zone).start()
	rig.dns.point(name)
	daemon.add(name)
	wait_shown(zone, sts_of(name), "TXT", announced(daemon, name))
	copy = backup_of(daemon, tmp_path)
	daemon.stop()
	assert "zone take" not in restore(daemon, copy)
	daemon.start()
	daemon.ok("domain", "set", name, "--rua", "mailto:a@example.org")
	wait_shown(zone, tls_of(name), "TXT",
		   "v=TLSRPTv1; rua=mailto:a@example.org", seconds=40)
	assert not alerts(daemon)


def test_where_reports_come_is_published(rig, tmp_path, name):
	"""The box's own address, for as long as it collects."""
	zone = HookZone(tmp_path)
	daemon = rig.daemon(host_name=HOST, **zone.settings(),
			    **QUICK | {"collect_reports": True}).start()
	daemon.ok("domain", "add", name, "--mx", f"mx.{name}", "--rua",
		  "mailto:a@example.org")
	token = daemon.rows("SELECT report_token FROM domain")[0][0]
	own = f"https://mta-sts.{name}/tlsrpt/{token}"

	wait_shown(zone, tls_of(name), "TXT",
		   f"v=TLSRPTv1; rua={own},mailto:a@example.org")
	daemon.settings["collect_reports"] = False
	daemon.reload()
	wait_shown(zone, tls_of(name), "TXT",
		   "v=TLSRPTv1; rua=mailto:a@example.org", seconds=40)


def test_a_frozen_box_publishes_nothing(rig, tmp_path, name):
	zone = HookZone(tmp_path)
	daemon = make(rig, zone).start()
	wait_shown(zone, HOST, "A", "127.0.0.1")
	daemon.add(name, wait=False)
	daemon.ok("freeze")
	daemon.ok("domain", "set", name, "--rua", "mailto:a@example.org")
	time.sleep(3)
	assert zone.ask(tls_of(name), "TXT") == []
	assert "frozen" in daemon.ok("status")
	daemon.ok("thaw")
	wait_shown(zone, tls_of(name), "TXT",
		   "v=TLSRPTv1; rua=mailto:a@example.org")


# The customer leads mta-sts to the other host, and forgets _mta-sts: what it
# leads to stays, and the box says so, until it has left as well.
@pytest.mark.parametrize("links", [0, 2])
def test_a_handover_keeps_what_the_cname_leads_to(rig, tmp_path, name, links):
	zone = HookZone(tmp_path)
	clock = Leaps(tmp_path)
	daemon = make(rig, zone)
	rig.dns.point(name)
	daemon.start(env=clock.env())
	daemon.add(name)
	told = announced(daemon, name)
	wait_shown(zone, sts_of(name), "TXT", told)
	chain = [f"_mta-sts.{name}", *[f"link{i}.{name}" for i in range(links)],
		 sts_of(name)]
	for link, to in zip(chain, chain[1:]):
		rig.dns.set(link, "CNAME", f"{to}.")
	assert "in place of the CNAMEs" in daemon.ok("domain", "handover", name)
	rig.dns.point(name, address="127.0.0.9")

	def look(until):
		def seen():
			daemon.api("POST", f"/v1/domains/{name}/look", {})
			return until(daemon.domain(name))
		wait_for("a look to see it", seen, 20)
		return daemon.domain(name)

	def step(seconds):
		clock.step(seconds)
		daemon.reload()

	shown = look(lambda d: d["leaving"]["waits_for_cname"] and
		     not d["leaving"]["waits_for_dns"])
	assert shown["leaving"]["done"] is None
	assert "txt.leads-here" in [f["id"] for f in shown["findings"]]
	assert "_mta-sts is the other host's" in daemon.ok("domain", "show", name)
	assert name in daemon.ctl("status").out
	step(3 * 86400)
	looked = shown["dns"]["looked"]
	look(lambda d: d["dns"]["looked"] > looked)
	time.sleep(3)
	assert zone.ask(sts_of(name), "TXT") == [told]

	rig.dns.set(f"_mta-sts.{name}", "CNAME")
	shown = look(lambda d: d["leaving"]["done"])
	assert not shown["leaving"]["waits_for_cname"]
	assert "txt.leads-here" not in [f["id"] for f in shown["findings"]]
	step(86400 + 60)
	wait_for("it to be gone", lambda: daemon.api(	# or to be looked at
		"POST", f"/v1/domains/{name}/look", {})[0] == 404, 20)
	wait_shown(zone, sts_of(name), "TXT")


# What is to be done is said in the verbs of the box, and with the customer's
# CNAME, not with a record that nobody would change.
def test_check_advises_what_this_box_wants(rig, tmp_path, name):
	daemon = make(rig, HookZone(tmp_path), allow_private=True).start()
	rig.dns.point(name)
	rig.dns.set(name, "MX", f"10 mx.{name}.", f"20 new.{name}.")
	daemon.add(name, wait=False)
	daemon.wait_announced(name)
	rig.dns.set(f"_mta-sts.{name}", "TXT", '"v=STSv1; id=20200101;"')
	done = daemon.ctl("domain", "check", name, "--json", "--no-smtp",
			  "--ca-file", rig.pebble.root(), "--http-port",
			  daemon.http_port, "--https-port", daemon.https_port)
	found = json.loads(done.out)["findings"]

	def todo(id):
		return [f["todo"] for f in found if f["id"] == id]

	[said] = todo("id.ahead")
	assert f"_mta-sts.{name}. IN CNAME {sts_of(name)}." in said
	assert "TXT" not in said and f"domain show {name}" in said
	[said] = todo("mx.not-covered")
	assert f"mtastsctl policy mx {name} add new.{name}" in said
	assert f"mtastsctl policy accept {name}" in said
	[said] = todo("rpt.missing")
	assert f"mtastsctl domain set {name} --rua" in said


# What is printed is what a server takes; the old record goes with it.
def test_records_as_commands_and_for_people(rig, own):
	customer = f"cust.{ZONE}"	# his zone is at the same server
	daemon = rig.daemon(host_name="box.example",
			    collect_reports=False).start()
	daemon.add(customer, wait=False)
	daemon.ok("domain", "set", customer, "--rua", "mailto:a@example.org")

	def publish():
		commands = daemon.ok("domain", "records", customer, "--format",
				     "nsupdate")
		done = subprocess.run(
			["knsupdate", "-v", "-k", own.key_file], text=True,
			input=f"server 127.0.0.1 {own.port}\nzone {ZONE}.\n"
			+ commands, capture_output=True)
		assert done.returncode == 0, done.stdout + done.stderr

	publish()
	assert own.ask(f"mta-sts.{customer}", "CNAME") == ["box.example."]
	assert own.ask(f"_mta-sts.{customer}", "TXT") == []	# not due
	daemon.ok("domain", "set", customer, "--rua", "mailto:b@example.org")
	publish()
	assert own.ask(f"_smtp._tls.{customer}", "TXT") == [
		"v=TLSRPTv1; rua=mailto:b@example.org"]

	text = daemon.ok("domain", "records", customer)
	assert "To be published:" in text
	assert f"_mta-sts.{customer} TXT waits: " in text
	assert "The other way, where a CNAME cannot be set:" in text
	zone = daemon.ok("domain", "records", customer, "--format", "zone")
	assert [line for line in zone.splitlines() if line[0] != ";"] == [
		f"mta-sts.{customer}. 3600 IN CNAME box.example.",
		f'_smtp._tls.{customer}. 3600 IN TXT '
		'"v=TLSRPTv1; rua=mailto:b@example.org"']
	assert f"; _mta-sts.{customer} TXT waits: " in zone
	assert "v=STSv1" not in zone + text
	assert (daemon.json("domain", "records", customer) == json.loads(
		daemon.ok("domain", "records", customer, "--format", "json")))
	wrong = daemon.ctl("domain", "records", customer, "--format", "xml")
	assert wrong.status == 64 and "nsupdate" in wrong.err
