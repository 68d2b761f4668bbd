"""Authorizations and their challenges (RFC 8555 7.5), as the client sees."""

import asyncio

from . import validate
from .orders import own_subject
from .problem import Problem, Wrong
from .signed import authenticate, must_have_payload
from .times import iso


def authz(ca, request):
	authenticate(ca, request)
	found = own_subject(request)
	if request.payload is not None:
		if request.payload != {"status": "deactivated"}:
			raise Wrong("malformed", f"payload {request.payload}")
		found.status = "deactivated"
	headers = ca.wait_header(request) if found.state == "pending" else {}
	body = {
		"identifier": {"type": "dns", "value": found.name},
		"status": found.state, "expires": iso(found.expires),
		"challenges": [describe(ca, request, found, challenge)
			       for challenge in shown(found)],
	}
	return ca.json(body, 200, headers)


def shown(found):
	"""Once it is decided, the challenge that decided it is all there is."""
	tried = [c for c in found.challenges.values() if c.status != "pending"]
	return tried or list(found.challenges.values())


def describe(ca, request, found, challenge):
	body = {"type": challenge.kind, "status": challenge.status,
		"url": ca.url(request, "/acme/challenge/"
			      f"{found.id}/{challenge.kind}"),
		"token": found.token}
	if challenge.error:
		body["error"] = challenge.error
	if challenge.validated:
		body["validated"] = iso(challenge.validated)
	return body


def challenge(ca, request):
	"""The client is ready: look. A second word about it changes nothing,
	for it may not know whether the first one has come through."""
	authenticate(ca, request)
	found = own_subject(request)
	chosen = found.challenges.get(request.detail)
	if chosen is None:
		raise Problem("malformed", "no such challenge", 404)
	if must_have_payload(request) != {}:
		raise Wrong("malformed", "a challenge's payload is {}")
	if found.state not in ("pending", "valid"):
		raise Problem("malformed", "Unable to update challenge :: "
			      "authorization must be pending")
	if found.state == "pending" and not chosen.is_running:
		chosen.is_running = True
		asyncio.get_running_loop().create_task(
			validate.run(ca, request, found, chosen))
	up = ca.url(request, f"/acme/authz/{found.id}")
	headers = {"Link": [f'<{up}>;rel="up"']}
	if found.state == "pending":
		headers |= ca.wait_header(request)
	return ca.json(describe(ca, request, found, chosen), 200, headers)
