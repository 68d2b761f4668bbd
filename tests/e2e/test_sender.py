"""A sender's own program finds, fetches and trusts a policy of ours."""

import pytest

from harness.clients import mta_sts_query
from harness.unbound import Unbound


@pytest.fixture
def resolver(rig, tmp_path):
	unbound = Unbound(tmp_path, rig.dns).start()
	yield unbound
	unbound.stop()


def txt_record(daemon, name):
	_, answer = daemon.api("GET", f"/v1/domains/{name}/records")
	[value] = [r["value"] for r in answer["records"]
		   if r["name"] == f"_mta-sts.{name}" and r["type"] == "TXT"]
	return value


def test_mta_sts_query(rig, daemon, resolver, name):
	rig.dns.point(name)
	daemon.add(name)
	daemon.ok("policy", "enforce", "--force", "--reason", "story", name)
	daemon.wait_announced(name)
	record = txt_record(daemon, name)
	rig.dns.set(f"_mta-sts.{name}", "TXT", f'"{record}"')

	found = mta_sts_query(name, daemon, resolver, rig.pebble.root())
	doubted = mta_sts_query(name, daemon, resolver, rig.pebble.trust)

	assert "STSFetchResult.VALID" in found
	assert "'mode': 'enforce'" in found and f"'mx.{name}'" in found
	assert record.split("id=")[1].rstrip(";") in found
	assert "STSFetchResult.FETCH_ERROR" in doubted
