"""Renewal information that hurries, lies or is not there, and `replaces`."""

import pytest

from harness.clock import Rush, Leaps
from harness.process import wait_for

HOUR, DAY = 3600, 86400
EXPLANATION = "https://incident.test/7"


def renew_and_compare(box, name):
	"""One more certificate, and it is served. The orders that it took."""
	before = len(box.new_orders(name))
	box.renew(name)
	serials = box.ca.serials(f"mta-sts.{name}")
	assert len(serials) == 2
	assert box.served(name).serial.lstrip("0") == serials[1]
	assert box.failures(name) == 0
	assert box.ca.complaint() is None
	return box.new_orders(name)[before:]


# 33. Each case: what is done between the first certificate and the second,
# and the statuses of the second's new orders. A name unlike in the directory
# is another account there.

def lost_answer(box):
	box.ca.rule({"fate": "drop", "when": "after"}, times=1,
		    endpoint="new-order")


def forget_everything(box):
	box.ca.forget("everything")


def forget_accounts(box):
	box.ca.forget("accounts")


def no_ari(box):
	box.ca.set(ari=False)
	box.daemon.stop()
	box.start()


REPLACES = {
	"409-after-a-lost-answer": (lost_answer, 409),
	"404-unknown": (forget_everything, 404),
	"403-of-another-account": (forget_accounts, 403),
	"no-ari": (no_ari, None),
}


@pytest.mark.quick
@pytest.mark.fault(33, "the CA declines the word replaces",
		   "one retry without it, then as usual")
@pytest.mark.parametrize("case", REPLACES)
def test_replaces_declined(box, name, saw, case):
	spoil, status = REPLACES[case]
	box.live(name)

	spoil(box)
	orders = renew_and_compare(box, name)

	if status:
		assert orders.count(status) == 1
	assert orders[-1] == 201 and orders.count(201) <= 2
	asked = [row[0] for row in box.daemon.rows(
		"SELECT replaces FROM ord ORDER BY id")]
	# Said, and then no more; or never, where nobody knows renewal information.
	assert asked == ["", "-" if status else ""]
	saw(f"new orders answered {orders}; 1 certificate more")


# 31. What the CA answers instead of a window that makes sense.

LASTING = 6 * HOUR, 7.3 * HOUR		# until it is asked again
SOON = 60, 150			# and what the first poll waited
AS_TOLD = 5 * HOUR, 7.3 * HOUR		# the Retry-After of these answers

WINDOWS = {
	"garbage": LASTING, "empty": LASTING, "backwards": LASTING,
	"503": SOON, "beyond": AS_TOLD, "year-9999": AS_TOLD,
}


def whole(cert):
	return cert["not_after"] - cert["not_before"]


def pause_of(box, name):
	"""Until the next poll: 0 before the first, 15 min while it is asked."""
	[cert] = box.certs(name)
	return max(0, cert["ari_poll_at"] - cert["created_at"])


@pytest.mark.quick
@pytest.mark.fault(31, "renewal information that is nonsense",
		   "the rule of the lifetime holds; asked again in 6 h (503: "
		   "1 min, doubling to that)")
@pytest.mark.parametrize("window", WINDOWS)
def test_nonsense_window(make_box, name, saw, window):
	box = make_box(ca={"ari_windows": {"*": window}}).start()
	box.live(name)
	wait_for("the poll", lambda: pause_of(box, name) > 5 and
		 not 895 <= pause_of(box, name) <= 905)

	[cert] = box.certs(name)
	used = (cert["renew_at"] - cert["not_before"]) / whole(cert)
	pause = pause_of(box, name)
	assert 0.65 <= used <= 0.7501
	assert WINDOWS[window][0] <= pause <= WINDOWS[window][1]
	saw(f"renewal at {used:.1%} of life, asked again in {pause} s")


@pytest.mark.fault(31, "seven kinds of renewal information at once, one "
		   "never answered, for two renewals of 20 min certificates",
		   "never late")
def test_nonsense_windows_in_the_long_run(make_box, saw):
	rush = Rush(60)
	box = make_box(rush, ca={"lifetime": 1200}).start()
	names = {kind: f"ari-{kind}.test" for kind in (*WINDOWS, "silence")}
	box.ca.set(ari_windows={f"mta-sts.{n}": kind for kind, n in
				names.items() if kind != "silence"})
	box.ca.rule({"fate": "blackhole"}, endpoint="renewal-info",
		    name=f"mta-sts.{names['silence']}")
	box.live(*names.values())

	with box.fetcher(*names.values()) as fetcher:
		for name in names.values():
			box.wait_issued(name, 3, 90)

	assert fetcher.failures == []
	left = [1 - (new["not_before"] - old["not_before"]) / whole(old)
		for name in names.values() for old, new in
		zip(box.certs(name), box.certs(name)[1:])]
	assert min(left) > 0.125		# planned: a quarter
	saw(f"{len(left)} renewals, with {min(left):.0%} of life left or more;"
	    f" {fetcher.ok} fetches, 0 failed")


# 32.

@pytest.mark.fault(32, "the window of the old certificate, long over, for "
		   "the new one as well, for a day (Retry-After: 1 h); the "
		   "same as of an incident, with an explanation",
		   "one renewal only")
@pytest.mark.parametrize("window", ["immediate", {
	"window": "immediate", "explanation": EXPLANATION}],
	ids=["silent", "explained"])
@pytest.mark.parametrize("days", [90, 45, 7], ids=lambda days: f"{days}d")
def test_stale_window(make_box, name, saw, tmp_path, window, days):
	clock = Leaps(tmp_path)
	box = make_box(clock, ca={"ari_retry_after": 3500,
				  "lifetime": days * DAY}).start()
	box.live(name)
	wait_on(box, clock, 3 * DAY)

	box.ca.set(ari_windows={f"mta-sts.{name}": window})
	for _ in range(24):
		wait_on(box, clock, 3550)

	polls = sum(box.ca.counts()["ari_polls"].values())
	assert box.ca.issued() == 2
	assert polls >= 24
	box.ca.set(ari_windows={f"mta-sts.{name}": None})
	wait_on(box, clock, 3550)
	assert box.ca.issued() == 2
	saw(f"1 renewal; asked {polls} times")


def wait_on(box, clock, seconds):
	"""The clock goes on, and all is done that is due by then."""
	box.wait_idle()
	polls = box.ca.requests("renewal-info")
	clock.step(seconds)
	box.daemon.reload()
	wait_for("a poll", lambda: box.ca.requests("renewal-info") > polls)
	box.wait_idle()


# 30. While the box is frozen everything is learnt, so the order in which it
# is then done can be told exactly.

LIVES = [90 * DAY, 160 * HOUR, 45 * DAY]
IN_FLIGHT = 4
LOOKED_AT = 64	# of names at once; who is seen to be well first may go first
MINUTE = 60	# of one another: alike, beside lives that differ by days


@pytest.mark.fault(30, "everything is revoked at once, with an explanation "
		   "(some hundred names, not 100,000: pacing and order are "
		   "the same)", "paced, most urgent first, each name once")
@pytest.mark.parametrize("count", [
	pytest.param(30, marks=pytest.mark.quick), 240])
def test_mass_revocation(make_box, saw, tmp_path, count):
	clock = Leaps(tmp_path)
	box = make_box(clock, ca={"limits": {"new-orders": False}},
		       orders_in_flight=IN_FLIGHT)
	box.daemon.ca |= {"limit_new_orders": "none", "limit_ari": "1000/1s"}
	box.start()
	names = [f"r{i}.test" for i in range(count)]
	for i, life in enumerate(LIVES):
		box.ca.set(lifetime=life)
		box.live(*names[i::len(LIVES)])
	box.ca.set(lifetime=90 * DAY)
	polled = wait_quiet(box, count)
	ends = {f"mta-sts.{n}": box.certs(n)[0]["not_after"] for n in names}

	box.daemon.ok("freeze", "--reason", "to see the order")
	box.ca.revoke(explanation=EXPLANATION, all=True)
	clock.step(8 * HOUR)
	box.daemon.reload()
	wait_quiet(box, polled + count)
	began = clock.now()
	box.daemon.ok("thaw")
	wait_for("all to be renewed", lambda: box.ca.issued() == 2 * count, 240)
	took = clock.now() - began
	box.wait_idle(60)

	asked = [r["names"][0] for r in box.ca.seen() if r["at"] >= began and
		 r["endpoint"] == "new-order" and r["status"] == 201]
	assert sorted(asked) == sorted(ends)		# each, and each once
	passed_by = [sum(ends[n] > ends[name] + MINUTE for n in asked[:i])
		     for i, name in enumerate(asked)]
	assert max(passed_by) <= LOOKED_AT + IN_FLIGHT
	assert sum(passed_by) <= count * count / 30	# any order: / 6
	counts = box.ca.counts()
	assert counts["breaches"] == {} and box.ca.complaint() is None
	explained = [t for t in box.told("cert.renewal-advised")
		     if EXPLANATION in t]
	assert len(explained) == min(count, 1000)
	saw(f"{count} orders, {count} certificates in {took:.0f} s, the shorter-"
	    f"lived first, {IN_FLIGHT} at a time; 0 limits touched; "
	    f"{len(explained)} lines with the explanation")


def wait_quiet(box, polls):
	"""All have asked for renewal information, so often in all."""
	wait_for(f"{polls} polls", lambda: box.ca.requests("renewal-info") >=
		 polls, 120, 0.1)
	wait_for("their ends", lambda: box.polls() == 0, 60)
	return box.ca.requests("renewal-info")
