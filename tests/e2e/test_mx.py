"""Mail hosts that move: planned, seen in DNS, taken by themselves."""

import re

import pytest

from harness.clock import Leaps
from harness.process import wait_for
from harness.unbound import Unbound
from test_watch import DAY, FINE, REFUSED, announce, instant, look, txt_is

HOUR = 3600


class Box:
	def __init__(self, rig, name, folder, mx, *words, caches=False):
		self.rig, self.name = rig, name
		self.clock = Leaps(folder)
		self.daemon = rig.daemon()
		# Two that agree, as far as anybody can see.
		self.daemon.settings["resolvers"] = (
			self.caches(folder) if caches
			else [rig.dns.address, rig.dns.second])
		rig.dns.point(name)
		self.mx(mx)
		self.daemon.start(env=self.clock.env())
		self.daemon.ok("domain", "add", name, "--mx", mx, "--wait",
			       *words)
		announce(rig, self.daemon, name)
		look(self.daemon, name, txt_is("in-step"))

	def caches(self, folder):
		"""Two resolvers as others have them, by the same clock."""
		return [Unbound(folder / which, self.rig.dns, keeps=DAY,
				env=self.clock.env()).start().address
			for which in ("one", "other")]

	def mx(self, *hosts, ttl=600):
		self.rig.dns.set(self.name, "MX", *[f"10 {h}." for h in hosts],
				 ttl=ttl)

	def see(self, *hosts):
		return look(self.daemon, self.name, lambda d:
			    d["dns"]["mx"]["hosts"] == sorted(hosts)
			    and d["dns"]["mx"]["agreed"])

	def step(self, seconds):
		self.clock.step(seconds)
		self.daemon.reload()

	def later(self, seconds):
		"""... and DNS is looked at, by itself."""
		def dns():
			return self.daemon.json("domain", "show",
						self.name)["dns"]
		def is_at_rest(d):	# not asked again while it looked
			return instant(d["next"]) > instant(d["looked"]) + 30
		wait_for("none to be under way", lambda: is_at_rest(dns()))
		before = instant(dns()["looked"])
		self.step(seconds)
		wait_for("a look that began since", lambda: instant(
			dns()["looked"]) >= before + seconds, 20)

	def policy(self):
		return self.daemon.json("domain", "show", self.name)["policy"]


@pytest.fixture
def make(rig, name, tmp_path):
	return lambda mx, *words, **how: Box(rig, name, tmp_path, mx, *words,
					     **how)


def test_a_planned_move_has_two_dates(make, rig, name):
	box = make("old.example.test")
	daemon = box.daemon
	rig.client(daemon).fetch(f"mta-sts.{name}")
	wait_for("the fetch to be counted", lambda: daemon.json(
		"policy", "history", name)["versions"][0]["fetches"], 15)

	said = daemon.ok("policy", "mx", name, "add", "new.example.test")
	assert "once DNS shows the new id" in said
	assert box.policy()["mx"] == ["old.example.test", "new.example.test"]
	announce(rig, daemon, name)
	look(daemon, name, txt_is("in-step"))
	known = daemon.json("policy", "mx", name, "add",
			    "new.example.test")["known"]
	assert not known["now"]
	assert known["by_id"] < known["by_all"]

	box.step(7 * DAY + HOUR)
	asked = daemon.api("POST", f"/v1/domains/{name}/look", {})[1]["asked"]
	look(daemon, name, lambda d: d["dns"]["looked"] >= asked)
	known = daemon.json("policy", "mx", name, "add",
			    "new.example.test")["known"]
	assert known["now"]

	# Not while DNS sends mail there.
	refused = daemon.ctl("policy", "mx", name, "drop", "old.example.test")
	assert refused.status == REFUSED
	assert "old.example.test, which senders would refuse" in refused.err
	box.mx("new.example.test")
	box.see("new.example.test")
	refused = daemon.ctl("policy", "mx", name, "drop", "old.example.test")
	assert refused.status == REFUSED and "may have the former" in refused.err
	# A cache says what is left of a TTL: an hour counts at least.
	box.step(HOUR - 60)
	refused = daemon.ctl("policy", "mx", name, "drop", "old.example.test")
	assert refused.status == REFUSED and "may have the former" in refused.err
	box.step(60)
	daemon.ok("policy", "mx", name, "drop", "old.example.test")
	assert box.policy()["mx"] == ["new.example.test"]
	for words in (["drop", "new.example.test"], ["drop", "nobody.test"],
		      ["move", "x.test"], ["add"]):
		assert daemon.ctl("policy", "mx", name, *words).status != FINE
	assert box.policy()["mx"] == ["new.example.test"]


def test_a_drop_goes_by_mx_as_they_are_now(make, name):
	"""They were seen hours ago, and have gone back since."""
	box = make("a.example.test")
	daemon = box.daemon
	daemon.ok("policy", "mx", name, "add", "b.example.test")
	daemon.ok("policy", "enforce", name, "--force", "--reason", "r")
	box.later(2 * HOUR)
	box.mx("b.example.test")
	box.see("b.example.test")
	# Caches may have the former one, whichever verb drops it.
	for words in (["mx", name, "drop", "a.example.test"],
		      ["set", name, "--mx", "b.example.test"]):
		refused = daemon.ctl("policy", *words)
		assert refused.status == REFUSED, refused
		assert "may have the former" in refused.err
	box.later(2 * HOUR)
	box.mx("a.example.test")
	box.step(10 * 60)
	for words in (["mx", name, "drop", "a.example.test"],
		      ["set", name, "--mx", "b.example.test"]):
		refused = daemon.ctl("policy", *words)
		assert refused.status == REFUSED, refused
		assert "still sends mail" in refused.err
	assert box.policy()["mx"] == ["a.example.test", "b.example.test"]


def test_who_asks_without_a_look_is_told_to_ask_again(make, name):
	box = make("a.example.test")
	daemon = box.daemon
	daemon.ok("policy", "mx", name, "add", "b.example.test")
	box.later(2 * HOUR)
	box.step(11 * 60)
	drop = {"drop": ["b.example.test"]}
	path = f"/v1/domains/{name}/policy/mx"
	status, answer = daemon.api("POST", path, drop)
	assert (status, answer["error"]["kind"]) == (503, "looking"), answer
	wait_for("it to be seen", lambda: daemon.api(
		"POST", path, drop)[0] == 200, 15)
	assert box.policy()["mx"] == ["a.example.test"]


def test_drift_is_an_alert_and_a_proposal(make, name):
	box = make("a.example.test")
	daemon = box.daemon
	assert "agree" in daemon.ok("policy", "diff", name)
	box.mx("a.example.test", "b.example.test")
	box.see("a.example.test", "b.example.test")
	assert "+ mx: b.example.test" in daemon.ok("policy", "diff", name)
	early = daemon.ctl("policy", "accept", name)
	assert early.status == REFUSED and "only since" in early.err

	box.later(HOUR)
	box.see("a.example.test", "b.example.test")
	alert = wait_for("the alert", lambda: [
		a for a in daemon.json("alert", "list")["alerts"]
		if a["kind"] == "policy.mx-drift"])
	assert "b.example.test" in alert[0]["text"]
	daemon.ok("policy", "accept", name)
	assert box.policy()["mx"] == ["a.example.test", "b.example.test"]
	assert "agree" in daemon.ok("policy", "diff", name)
	box.see("a.example.test", "b.example.test")
	wait_for("its end", lambda: "policy.mx-drift" not in [
		a["kind"] for a in daemon.json("alert", "list")["alerts"]])


def test_what_is_compared_is_not_hours_old(make, name):
	box = make("a.example.test")
	daemon = box.daemon
	box.later(3 * HOUR)
	# Now the next look is half an hour away, if none went astray.
	box.mx("a.example.test", "b.example.test")
	box.step(10 * 60)
	assert "+ mx: b.example.test" in daemon.ok("policy", "diff", name)

	box.later(HOUR)
	said = daemon.ok("policy", "accept", name)
	# The watch may have looked once more since.
	looked = daemon.json("domain", "show", name)["dns"]["looked"]
	shown = re.search(r": MX as DNS showed it at (\S+)", said)[1]
	assert 0 <= instant(looked) - instant(shown) < 60
	assert f"{name}: added b.example.test" in said


def test_a_name_that_is_none_of_a_host_is_no_agreement(make, name):
	box = make("a.example.test")
	daemon = box.daemon
	bad, other = f"mx_2.{name}", f"mx_3.{name}"

	def see_bad(*hosts, bad=[bad]):
		look(daemon, name, lambda d:
		     d["dns"]["mx"]["bad_names"] == bad
		     and d["dns"]["mx"]["hosts"] == list(hosts))

	# All of them are told, not only the first.
	box.mx("a.example.test", other, bad)
	see_bad("a.example.test", bad=[bad, other])
	diff = daemon.ok("policy", "diff", name)
	assert f"! {bad} is" in diff and f"! {other} is" in diff
	finding, = [f for f in daemon.json("domain", "show", name)["findings"]
		    if f["id"] == "mx.bad-name"]
	assert f"{bad} {other}" in finding["text"]
	ready = daemon.api("GET", f"/v1/domains/{name}/policy/readiness")[1]
	reason, = [r for r in ready["reasons"] if r["id"] == "mx.bad-name"]
	assert f"{bad} {other}" in reason["text"]

	# Mail goes nowhere else: is it the host that is to be dropped?
	box.mx(bad)
	see_bad()
	daemon.ok("policy", "mx", name, "add", "new.example.test")
	box.step(2 * HOUR)
	see_bad()
	refused = daemon.ctl("policy", "mx", name, "drop", "a.example.test")
	assert refused.status == REFUSED and bad in refused.err
	alert = wait_for("the alert", lambda: [
		a for a in daemon.json("alert", "list")["alerts"]
		if a["kind"] == "policy.mx-drift"])
	assert bad in alert[0]["text"]

	box.mx("a.example.test", "new.example.test")
	box.see("a.example.test", "new.example.test")
	wait_for("its end", lambda: "policy.mx-drift" not in [
		a["kind"] for a in daemon.json("alert", "list")["alerts"]])
	assert "agree" in daemon.ok("policy", "diff", name)


OURS = "ours.mail.protection.outlook.com"
NEXT = "ours.a-v1.mx.microsoft"
EVIL = "evil.mail.protection.outlook.com"


def test_dns_that_lies_for_ten_minutes_changes_no_policy(make, name):
	box = make(OURS, "--track-mx", "yes")
	assert "once two resolvers agree" in box.daemon.ok("domain", "show", name)
	for _ in range(10):
		box.mx(OURS, EVIL)
		box.see(OURS, EVIL)
		assert box.daemon.ctl("policy", "accept", name).status == REFUSED
		box.step(60)
	box.mx(OURS)
	box.see(OURS)
	for _ in range(4):
		box.step(HOUR)
		box.see(OURS)
	assert (box.policy()["version"], box.policy()["mx"]) == (1, [OURS])


def test_caches_that_keep_a_lie_change_no_policy(make, name):
	"""It is served for some minutes, and caches have it for a day."""
	box = make(OURS, "--track-mx", "yes", caches=True)
	box.mx(OURS, EVIL, ttl=DAY)
	box.later(660)		# they have forgotten the truth
	box.see(OURS, EVIL)
	box.mx(OURS)
	for hours in (1, 4, 6, 6, 6):
		box.later(hours * HOUR + 60)
		assert box.see(OURS, EVIL)["policy"]["version"] == 1
		refused = box.daemon.ctl("policy", "accept", name)
		assert refused.status == REFUSED and "a lie" in refused.err
	box.later(2 * HOUR)
	box.see(OURS)
	box.later(2 * HOUR)
	assert (box.policy()["version"], box.policy()["mx"]) == (1, [OURS])


def test_track_takes_its_providers_new_host_after_an_hour(make, name):
	"""... and the TTL, for which caches may keep another one."""
	box = make(OURS, "--track-mx", "yes")
	box.mx(OURS, NEXT)
	box.see(OURS, NEXT)
	box.later(HOUR)
	box.see(OURS, NEXT)
	assert box.policy()["version"] == 1
	box.later(660)
	wait_for("the policy", lambda: look(
		box.daemon, name, lambda d: d["policy"]["version"] == 2))
	assert box.policy()["mx"] == [OURS, NEXT]
	assert box.policy()["mode"] == "testing"

	# Somebody else's is never taken.
	box.mx(OURS, NEXT, "mx.example.test")
	box.see(OURS, NEXT, "mx.example.test")
	box.step(5 * HOUR)
	box.see(OURS, NEXT, "mx.example.test")
	assert box.policy()["version"] == 2
