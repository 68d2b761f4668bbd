"""What the TLS reports that came say, for people and for programs."""

import csv
import io
import json
import time
from pathlib import Path

import pytest

from harness import screen
from harness.daemon import BUILD
from harness.process import wait_for
from harness.reports import Poster, report, sts

DATA = Path(__file__).resolve().parents[1] / "data" / "reports"
DAY = 86400


def day(ago):
	return time.strftime("%Y-%m-%d", time.gmtime(time.time() - ago * DAY))


def window(ago):
	return {"date-range": {"start-datetime": f"{day(ago)}T00:00:00Z",
			       "end-datetime": f"{day(ago)}T23:59:59Z"}}


@pytest.fixture
def told(rig, name, tmp_path):
	"""A live domain, and who posts reports about it."""
	daemon = rig.daemon()
	rig.dns.point(name)
	daemon.start()
	daemon.add(name)
	return Poster(daemon, rig.pebble.root(), name, tmp_path)


def failure(kind, sessions, host):
	return {"result-type": kind, "failed-session-count": sessions,
		"receiving-mx-hostname": host,
		"sending-mta-ip": "192.0.2.7"}


def post(poster, body):
	"""Without a type, for its content is looked at."""
	assert poster.post(body, kind="") == 200


def a_week(told):
	"""Two reporters; on the third day a certificate was not good."""
	host = f"mx.{told.domain}"
	for ago in range(1, 8):
		bad = [failure("certificate-expired", 1, host)] * (ago == 3)
		post(told, report(told.domain, ago, [sts(told.domain, bad)],
				 **window(ago)))
		post(told, report(told.domain, ago, [sts(told.domain)],
				 **window(ago),
				 **{"organization-name": "Other Mail"}))


def test_a_summary_says_who_why_and_what_to_do(told):
	daemon, name = told.daemon, told.domain
	a_week(told)

	shown = daemon.ctl("report", "summary", name)
	assert shown.status == 1, shown	# something failed
	assert f"{name}: TLS reports of" in shown.out
	assert "99 sessions in 14 reports, 1 failed (1.01 %)" in shown.out
	assert f"  {day(3)}  " in shown.out
	for word in ("Sender Inc.", "Other Mail", f"mx.{name}",
		     "certificate-expired: 1 in 1 report", "  -> "):
		assert word in shown.out, word

	sums = daemon.json("report", "summary", name)
	assert sums["reports"] == 14 and sums["failed"] == 1
	assert [d["failed"] for d in sums["days"]] == [0, 0, 0, 0, 1, 0, 0]
	assert sums["results"][0]["meaning"] and sums["results"][0]["todo"]
	assert sums["hosts"] == [{"mx": f"mx.{name}", "failed": 1,
				  "reports": 1}]

	two = daemon.json("report", "summary", name, "--since", "2d")
	assert two["reports"] == 4 and two["failed"] == 0
	# They all came just now: it is the days that they tell of.
	listed = daemon.ctl("report", "list", name, "--since", "2d", "--json")
	assert {r["begin"][:10] for r in map(json.loads,
					     listed.out.splitlines())} == \
		{day(1), day(2)}
	assert two["since"] == f"{day(2)}T00:00:00Z"
	_, page = daemon.api("GET", f"/v1/reports?name={name}"
			     f"&since={day(2)}T23:00:00Z")
	assert len(page["reports"]) == 4


def test_the_box_is_summed_up_by_domain(told, rig):
	daemon = told.daemon
	a_week(told)
	rig.dns.point("calm.test")
	daemon.add("calm.test")
	calm = Poster(daemon, rig.pebble.root(), "calm.test", told.folder)
	post(calm, report("calm.test", 1, **window(1)))

	sums = daemon.json("report", "summary")
	assert sums["name"] is None and sums["reports"] == 15
	assert [d["name"] for d in sums["domains"]] == [told.domain,
							"calm.test"]
	assert "all domains" in daemon.ctl("report", "summary").out


def test_a_program_gets_all_and_people_get_a_screen(told):
	daemon, name, count = told.daemon, told.domain, 31
	for number in range(count):
		post(told, report(name, number, **window(1), **{
			"organization-name": f"Reporter {number}"}))

	shown = daemon.ctl("report", "summary", name)
	assert shown.out.count("Reporter ") == 25
	assert f"... and {count - 25} more" in shown.out

	sums = daemon.ctl("report", "summary", name, "--json")
	assert len(json.loads(sums.out)["reporters"]) == count
	table = daemon.ctl("report", "summary", name, "--csv")
	rows = list(csv.DictReader(io.StringIO(table.out)))
	assert len([r for r in rows if r["section"] == "reporter"]) == count
	assert "cut" not in {r["section"] for r in rows}
	assert sums.err == table.err == ""

	status, view = daemon.api("GET", f"/v1/reports/summary?name={name}"
				  "&limit=7")
	assert len(view["reporters"]) == 7
	assert view["more"]["reporters"] == count - 7
	assert daemon.api("GET", "/v1/reports/summary?limit=5001")[0] == 400


def test_none_says_where_to_look(told):
	shown = told.daemon.ctl("report", "summary", told.domain)
	assert shown.status == 0
	assert "no TLS reports of the days since" in shown.out
	assert f"mtastsctl domain records {told.domain}" in shown.out


def asked(daemon, name):
	[record] = [r for r in daemon.json("domain", "records", name)["records"]
		    if r["name"].startswith("_smtp._tls.")]
	return record


def test_a_record_that_lacks_an_address_is_to_be_changed(told, rig):
	daemon, name = told.daemon, told.domain
	value = asked(daemon, name)["value"]
	rig.dns.set(f"_smtp._tls.{name}", "TXT", f'"{value}"')
	def seen():
		daemon.api("POST", f"/v1/domains/{name}/look", {})
		return asked(daemon, name)["there"]
	wait_for("a look that sees it", seen, 30)

	daemon.ok("domain", "set", name, "--rua", "mailto:r@example.org")
	lacking = asked(daemon, name)
	assert lacking["value"] != value and not lacking["there"]
	for wanted in False, True:	# as it was; as it is to be
		if wanted:
			rig.dns.set(f"_smtp._tls.{name}", "TXT",
				    f'"{lacking["value"]}"')
			wait_for("a look that sees both", seen, 30)
		else:
			daemon.api("POST", f"/v1/domains/{name}/look", {})
			time.sleep(1)
		assert asked(daemon, name)["there"] is wanted
	assert "is in DNS already" in daemon.ok("domain", "records", name)
	daemon.ok("domain", "set", name, "--rua", "mailto:s@example.org")
	assert not asked(daemon, name)["there"]


def test_who_is_not_hosted_is_an_error(told):
	shown = told.daemon.ctl("report", "summary", "elsewhere.test")
	assert shown.status == 2 or shown.status == 3
	assert "elsewhere.test" in shown.err


def quoted(version):
	"""A policy of the domain as a sender quotes it."""
	return [line for line in version["body"].split("\r\n") if line]


def test_who_holds_an_old_version_is_named(told):
	daemon, name = told.daemon, told.domain
	old = daemon.json("policy", "show", name)
	daemon.ok("policy", "set", name, "--max-age", "2d")
	new = daemon.json("policy", "show", name)
	for who, version in ("Early Mail", new), ("Late Mail", old):
		about = sts(name)
		about["policy"]["policy-string"] = quoted(version)
		post(told, report(name, policies=[about], **window(0),
				 **{"organization-name": who}))

	sums = daemon.json("report", "summary", name)
	by_version = {v["version"]: v for v in sums["versions"]}
	assert by_version[new["version"]]["is_current"] is True
	assert by_version[old["version"]]["is_current"] is False
	assert by_version[old["version"]]["mode"] == "testing"
	shown = daemon.ctl("report", "summary", name).out
	# Of today, when there was the old one for a part of the day.
	assert "OLDER VERSION" not in shown
	assert sums["current_since"] >= old["created"]
	assert {h["reporter"] for h in sums["holders"]} == \
		{"Early Mail", "Late Mail"}


def test_reports_are_listed_page_by_page_and_shown(told):
	daemon, name = told.daemon, told.domain
	a_week(told)

	lines = daemon.ok("report", "list", name).strip().splitlines()
	assert len(lines) == 15 and "Other Mail" in lines[1]
	some = daemon.ok("report", "list", "--limit", "3").splitlines()
	assert len(some) == 5 and "... and more: --limit" in some[4]
	assert "more" not in daemon.ok("report", "list", "--limit", "14")
	some = daemon.ctl("report", "list", "--limit", "3", "--json").out
	pages = [json.loads(line) for line in some.splitlines()]
	assert len(pages) == 3
	ids = [r["id"] for r in pages]
	assert ids == sorted(ids, reverse=True)
	status, page = daemon.api("GET", f"/v1/reports?before={ids[-1]}")
	assert status == 200 and len(page["reports"]) == 11
	assert page["next"] is None

	failed = daemon.ctl("report", "list", "--failed", "--json").out
	bad = json.loads(failed)
	assert bad["failed"] == 1
	assert bad["results"] == ["certificate-expired"]
	assert pages[0]["results"] == []
	[row] = csv.DictReader(io.StringIO(
		daemon.ctl("report", "list", "--failed", "--csv").out))
	assert row["results"] == "certificate-expired"
	shown = daemon.ok("report", "show", str(bad["id"]))
	for word in ("Sender Inc.", "certificate-expired", "192.0.2.7",
		     f"mx.{name}", "type sts"):
		assert word in shown, word
	rows = list(csv.DictReader(io.StringIO(daemon.ctl(
		"report", "show", str(bad["id"]), "--csv").out)))
	assert [r["section"] for r in rows] == ["report", "policy", "failure"]
	assert [r["failed"] for r in rows] == ["1", "1", ""]
	assert rows[2]["result"] == "certificate-expired"
	assert rows[2]["mx_host"] == f"mx.{name}"
	assert daemon.ctl("report", "show", "999999").status == 3
	assert daemon.ctl("report", "show", "x").status == 64


# As README.md has it tried: curl --data-binary gives that type.
def test_a_report_posted_by_hand_is_listed(told):
	assert told.post(report(told.domain, **window(1)),
			 kind="application/x-www-form-urlencoded") == 200
	assert "Sender Inc." in told.daemon.ok("report", "list", told.domain)


def test_who_posts_by_hand_hears_what_came_of_it(told):
	name = told.domain
	fine = report(name, **window(1))
	future = {"date-range": {"start-datetime": "2090-01-01T00:00:00Z",
				 "end-datetime": "2090-01-02T00:00:00Z"}}
	for body, answer in (
		(fine, "200 OK: it is stored"),
		(fine, "200 OK: it is known, and counts once"),
		(b"hello \x1b[2J", "400 Bad Request: "),
		(report("other.test"), "422 Unprocessable Content: none of its "
		 "policies is of this domain"),
		(report(name, 2, **future), "400 Bad Request: the days that it "
		 "tells of have not come yet"),
		(report(name, 3, **window(-9)), "503 Service Unavailable: the "
		 "days that it tells of have not come yet"),
		(b"[" * 10000, "413 Content Too Large: ")):
		said = told.curl(body).stdout.splitlines()[0]
		assert said.startswith(answer), said
		assert len(said) > len("400 Bad Request: "), said
		assert said.isprintable() and said.isascii(), said
	counted = ("TLS reports: 1 kept: mtastsctl report summary\n"
		   "TLS reports not taken so far: 1 of other domains, "
		   "2 not readable, 1 too large, 1 of days to come\n")
	wait_for("the counters", lambda: counted
		 in told.daemon.ctl("status").out)


def test_a_spreadsheet_gets_no_formula(told):
	daemon, name = told.daemon, told.domain
	post(told, report(name, **window(1),
			 **{"organization-name": '=HYPERLINK("x")'}))

	rows = list(csv.DictReader(io.StringIO(
		daemon.ctl("report", "list", "--csv").out)))
	assert rows[0]["reporter"] == '\'=HYPERLINK("x")'
	assert rows[0]["domain"] == name and rows[0]["successful"] == "7"
	sums = list(csv.DictReader(io.StringIO(
		daemon.ctl("report", "summary", name, "--csv").out)))
	assert {"total", "day", "reporter"} <= {r["section"] for r in sums}


def test_what_strangers_write_reaches_no_terminal(told):
	daemon, name = told.daemon, told.domain
	post(told, report(name, **window(1),
			 **{"organization-name": "\x1b[2Jx\u202ey\nz"}))

	out = daemon.ctl("report", "list").out + daemon.ctl(
		"report", "summary", name).out
	assert "\x1b" not in out and "\u202e" not in out


LONG = "The Mail Corporation of the Northern Hemisphere, Incorporated"


def test_a_terminal_gets_what_fits_and_a_file_the_whole(told):
	daemon, name = told.daemon, told.domain
	host = f"{'inbound-gateway-' * 3}1.{'department-' * 4}a.{name}"
	bad = [failure(kind, 1, host) for kind in (
		"certificate-expired", "validation-failure")]
	post(told, report(name, 1, [sts(name, bad)], **window(1),
			 **{"organization-name": LONG}))

	def on_terminal(*words):
		return screen.shown([BUILD / "mtastsctl", "--socket",
				     daemon.socket, "report", *words])
	[one] = json.loads("[%s]" % daemon.ok("report", "list", "--json"))
	for words in (["list"], ["summary"], ["summary", name]):
		lines = on_terminal(*words)
		assert max(map(len, lines)) <= 80, lines
		assert "..." in "\n".join(lines), lines
		whole = daemon.ok("report", *words)
		assert LONG in whole and "..." not in whole
	assert "certificate-expired" in "\n".join(on_terminal("list"))
	# In what is long and of one piece, nothing is left out.
	assert LONG in " ".join("\n".join(on_terminal("show", one["id"]))
				.split())
	for words in (["list"], ["summary"], ["show", one["id"]]):
		assert LONG in "\n".join(on_terminal(*words, "--csv"))


def test_failures_without_a_number_are_told_of(told):
	daemon, name = told.daemon, told.domain
	policy = sts(name, [{"result-type": "certificate-expired"}])
	policy["summary"]["total-failure-session-count"] = 5
	post(told, report(name, 1, [policy], **window(1)))
	alert, = [a for a in daemon.api("GET", "/v1/alerts")[1]["alerts"]
		  if a["kind"] == "report.failing"]
	assert alert["text"].endswith("failures: certificate-expired")
	assert "renew the certificate" in alert["hint"]
	sums = daemon.json("report", "summary", name)
	assert [(r["sessions"], r["reports"]) for r in sums["results"]] == [
		(None, 1)]
	assert [h["failed"] for h in sums["hosts"]] == [None]
	shown = daemon.ctl("report", "summary", name).out
	assert "certificate-expired: (not told) in 1 report\n" in shown
	rows = list(csv.DictReader(io.StringIO(
		daemon.ctl("report", "summary", name, "--csv").out)))
	row, = [r for r in rows if r["name"] == "certificate-expired"]
	assert (row["reports"], row["failed"]) == ("1", "")


def test_failures_without_a_total_are_not_none(told):
	daemon, name = told.daemon, told.domain
	policy = sts(name, [{"result-type": "certificate-expired"}])
	policy["summary"] = {"total-successful-session-count": 1000}
	post(told, report(name, 1, [policy], **window(1)))
	post(told, report(name, 2, [sts(name)], **window(1)))
	shown = daemon.ctl("report", "summary", name)
	assert shown.status == 1, shown
	assert "how many failed is not told" in shown.out
	for words in [], [name], ["--since", "9d"], [name, "--since", "9d"]:
		rows = daemon.ctl("report", "list", *words, "--failed", "--csv")
		assert [r["report_id"] for r in csv.DictReader(
			io.StringIO(rows.out))] == [
			json.loads(report(name, 1))["report-id"]]


# How each is read is in tests/unit/test_tls_report.c; this is that it arrives.
# file: whose it is, reporter, sessions that went well, and that failed
QUIRKS = {
	"bytes.json": ("xn--bcher-kva.test", "Caf? Mail", 3, 1),
	"counts.json": ("a.test", "Odd Counter", 0, 2),
	"empty-policies.json": ("shop.test", "Quiet Sender", 0, 0),
	"google-like-again.json": ("shop.test", "Big Mail One", 118, 2),
	"google-like.json": ("shop.test", "Big Mail One", 118, 2),
	"google-like.json.gz": ("shop.test", "Big Mail One", 118, 2),
	"huge-integer.json": ("shop.test", "Odd Counter", 1000000000, 12),
	"microsoft-like-fetch-error.json": ("shop.test", "Big Mail Two", 0, 3),
	"microsoft-like.json": ("shop.test", "Big Mail Two", 41, 0),
	"missing.json": ("shop.test", "", 0, 1),
	"mx-host-array.json": ("shop.test", "Array Sender", 7, 0),
	"mx-host-string.json": ("shop.test", "String Sender", 7, 0),
	"no-policy-found.json": ("shop.test", "mail.small.test", 1, 0),
	"nulls.json": ("shop.test", "", 1, 0),
	"rfc-like.json": ("company-y.test", "Company X", 5326, 303),
	"two-policies.json": ("shop.test", "Both Sender", 12, 5),
	"unknown-result.json": ("shop.test", "New Sender", 10, 4),
}


@pytest.mark.parametrize("file", sorted(QUIRKS))
def test_each_quirk_is_taken_and_shown(rig, tmp_path, file):
	name, *told = QUIRKS[file]
	daemon = rig.daemon()
	rig.dns.point(name)
	daemon.start()
	daemon.add(name)
	poster = Poster(daemon, rig.pebble.root(), name, tmp_path)

	post(poster, (DATA / file).read_bytes())
	one = json.loads(daemon.ok("report", "list", name, "--json"))
	assert [one["reporter"], one["successful"], one["failed"]] == told
	assert one["begin"] < one["end"] <= one["received"]
	shown = daemon.ok("report", "show", str(one["id"]))
	assert name in shown and str(one["failed"]) in shown
	rig.dns.forget(name)	# a name that other stories have as well


def test_a_report_that_names_no_domain_of_ours_is_not_taken(told):
	body = (DATA / "hostile-text.json").read_bytes()
	assert told.post(body, kind="") == 422
