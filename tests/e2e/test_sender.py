"""A sender's own program finds, fetches and trusts a policy of ours."""

import os
import subprocess

import pytest

from harness.daemon import HERE
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


def mta_sts_query(name, daemon, resolver, trust):
	"""Debian's program, as it is but for the two ports it speaks to."""
	return subprocess.run(
		["mta-sts-query", name], capture_output=True, text=True,
		timeout=20, env=os.environ | {
			"PYTHONPATH": str(HERE / "tests" / "shim" / "ports"),
			"PORT_53": str(resolver.port),
			"PORT_443": str(daemon.https_port),
			"SSL_CERT_FILE": str(trust)}).stdout


def test_mta_sts_query(rig, daemon, resolver, name):
	rig.dns.point(name)
	daemon.add(name)
	daemon.ok("policy", "enforce", name)
	record = txt_record(daemon, name)
	rig.dns.set(f"_mta-sts.{name}", "TXT", f'"{record}"')

	found = mta_sts_query(name, daemon, resolver, rig.pebble.root())
	doubted = mta_sts_query(name, daemon, resolver, rig.pebble.trust)

	assert "STSFetchResult.VALID" in found
	assert "'mode': 'enforce'" in found and f"'mx.{name}'" in found
	assert record.split("id=")[1].rstrip(";") in found
	assert "STSFetchResult.FETCH_ERROR" in doubted
