"""CAA (RFC 8659, RFC 8657), answered from a table instead of DNS.

A row of the setting "caa" is what a name publishes: "servfail", or a list of
"issue" values such as "ca.test; validationmethods=http-01". A name without a
row takes that of its parent, and so on upwards; without any, all may issue.
"""

from .problem import Problem


def published(table, name):
	"""The set that holds for a name, by climbing, or None."""
	labels = name.split(".")
	for i in range(len(labels)):
		records = table.get(".".join(labels[i:]))
		if records is not None:
			return records
	return None


def allows(record, identities, account_url, method):
	domain, *params = [part.strip() for part in record.split(";")]
	if domain not in identities:
		return False
	for key, _, value in (param.partition("=") for param in params):
		if key == "accounturi" and value != account_url:
			return False
		if key == "validationmethods" and method and \
				method not in value.split(","):
			return False
	return True


def check(ca, request, name, account, method):
	"""Raises unless we may issue for this name. `method` is the kind of the
	challenge, None if that is not in question any more."""
	records = published(request.knob("caa"), name)
	if records is None:
		return
	ca.counts.add("caa_found", [name])
	if records == "servfail":
		raise Problem("caa", f"While processing CAA for {name}: DNS "
			      f"problem: SERVFAIL looking up CAA for {name}")
	url = ca.url(request, f"/acme/account/{account.id}")
	if not any(allows(record, request.knob("caa_identities"), url, method)
		   for record in records):
		raise Problem("caa", f"While processing CAA for {name}: CAA "
			      "record prevents issuance")
