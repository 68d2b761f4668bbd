"""A CA that is not the one we trust, and links that lead elsewhere."""

import pytest

from harness.process import wait_for


def trouble(box, name, *words):
	"""Waits until the CA is held to be down, for a reason in these words."""
	def said():
		view = box.ca_view()
		return view["down_since"] and view["problem"]

	problem = wait_for("trouble with the CA", said, 20)
	assert any(word in problem.lower() for word in words), problem
	assert box.failures(name) == 0
	assert any(problem in text for text in box.told("ca.trouble"))
	return problem


def start_with_name(box, name):
	box.start()
	box.dns.point(name)
	box.add(name)


def recover(box, name):
	"""The CA is itself again: at most a minute later all is well."""
	box.daemon.reload()
	box.daemon.wait_state("live", name, seconds=90)
	assert box.ca.issued() == 1


# 49.

def impostor(box):
	box.ca.set(tls="unknown-issuer")


def expired(box):
	box.ca.set(tls="expired")


def other_name(box):
	box.ca.set(tls="other-name")


def wrong_trust_file(box):
	"""The administrator has given the CA's root of something else."""
	box.daemon.ca["trust"] = box.ca.root()


IMPOSTORS = [impostor, expired, other_name, wrong_trust_file]


@pytest.mark.quick
@pytest.mark.fault(49, "the CA's TLS certificate is not the CA's",
		   "nothing is asked there; the CA's trouble and no domain's, "
		   "told; goes on when it is mended")
@pytest.mark.parametrize("case", IMPOSTORS, ids=lambda f: f.__name__)
def test_untrusted_ca(make_box, name, saw, case):
	box = make_box()
	trust = box.daemon.ca["trust"]
	case(box)
	start_with_name(box, name)

	problem = trouble(box, name, "certificate", "ssl")
	assert sum(box.ca.counts()["requests"].values()) == 0

	box.ca.set(tls="good")
	box.daemon.ca["trust"] = trust
	recover(box, name)
	saw(f"0 requests; \"{problem}\"; live once mended")


# 51.

LINKS = {
	"http": "link http://",
	"relative": "link /acme/",
}


@pytest.mark.quick
@pytest.mark.fault(51, "an order's links are not https URLs of the CA",
		   "not followed; the CA's trouble and no domain's, told")
@pytest.mark.parametrize("style", LINKS)
def test_odd_links(make_box, name, saw, style):
	box = make_box()
	box.ca.rule({"link_style": style}, endpoint="new-order")
	start_with_name(box, name)

	problem = trouble(box, name, LINKS[style])
	assert box.ca.requests("authz") == 0

	box.ca.drop_rules()
	saw(f"\"{problem}\"")


@pytest.mark.quick
@pytest.mark.fault(51, "the links of an order lead to another host",
		   "nothing is sent there; the CA's trouble, told")
def test_links_to_another_host(make_box, make_fakeca, name, saw):
	box = make_box()
	other = make_fakeca()
	before = other.count("connections")
	box.ca.rule({"merge": {"authorizations": [
		f"https://127.0.0.1:{other.port}/acme/authz/1"]}},
		endpoint="new-order")
	start_with_name(box, name)

	problem = trouble(box, name, f":{other.port}/")

	assert other.count("connections") == before
	saw(f"0 connections there; \"{problem}\"")


@pytest.mark.quick
@pytest.mark.fault(51, "the directory has moved (302 to a good one)",
		   "not followed, told with a hint where it is configured")
def test_moved_directory(make_box, make_fakeca, name, saw):
	box = make_box()
	other = make_fakeca()
	before = other.count("connections")
	box.ca.rule({"redirect": other.directory}, endpoint="directory")
	start_with_name(box, name)

	problem = trouble(box, name, "302")
	assert other.count("connections") == before
	assert "mtastsd.conf" in box.ca_view()["hint"]

	box.ca.drop_rules()
	recover(box, name)
	saw(f"\"{problem}\"; live once it is back")
