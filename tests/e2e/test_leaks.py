"""The daemon under valgrind: nothing lost, nothing misused."""

import pytest

VALGRIND = ["valgrind", "--quiet", "--leak-check=full",
	    "--errors-for-leak-kinds=definite,indirect,possible",
	    "--show-leak-kinds=definite,indirect,possible",
	    "--error-exitcode=98"]


@pytest.mark.valgrind
def test_a_thousand_domains_come_and_go(rig, name):
	daemon = rig.daemon().start(wrapper=VALGRIND)
	rig.dns.point(name)
	daemon.ok("domain", "add", name, "--mx", f"mx.{name}", "--wait")
	assert rig.client(daemon).fetch(f"mta-sts.{name}").status == 200

	for i in range(1000):
		status, answer = daemon.api(
			"POST", "/v1/domains",
			{"name": f"v{i}.test", "mx": [f"mx.v{i}.test"]})
		assert status in (200, 201), answer
		status, answer = daemon.api("DELETE", f"/v1/domains/v{i}.test")
		assert status == 200, answer

	daemon.stop(seconds=120)	# raises on any error of valgrind's
