"""Everything about the CA that can be told, with what holds untold.

A setting holds for all requests, and changes at run time. A rule may say
another value for the requests that it fits (see rules.py). Tables (the
defaults that are dicts) are told row by row; a row told `null` goes.
"""

from . import ari

DAY = 86400

DEFAULTS = {
	# The network, as a whole: see server.py and pki.py.
	"net": "up",			# up, refused, reset, blackhole
	"tls": "good",			# good, expired, other-name, ...
	"latency": 0,			# seconds, of each answer
	"clock": 0,			# seconds that its Date is ahead

	# The directory.
	"ari": True,			# there is a renewalInfo
	"terms": "https://terms.test/1",
	"terms_enforced": False,	# userActionRequired until agreed
	"caa_identities": [],
	"profiles": {
		"classic": {"description": "ninety days", "lifetime": None},
		"shortlived": {"description": "160 h", "lifetime": 576000},
	},

	# Nonces.
	"nonces": True,			# answers to POST carry one
	"nonce_life": None,		# seconds; longer is badNonce
	"bad_nonce_share": 0,		# so many are refused, by the dice
	"bad_nonce_every": 0,		# and each nth

	# Accounts.
	"eab": {},			# kid -> key (base64url); empty: none
	"unknown_account": "accountDoesNotExist",	# or "vague": 500 {}
	"orders_list": False,		# Boulder has none
	"orders_per_page": 50,

	# Orders and authorizations; seconds.
	"order_life": 7 * DAY,
	"order_reuse": True,
	"authz_life": 7 * DAY,		# of a pending one
	"authz_reuse": 30 * DAY,	# a valid one serves so long; 0: once
	"retry_after": None,		# of pending and processing things
	"challenges": ["http-01", "tls-alpn-01"],
	"paused": {},			# name -> kind of the problem
	"portal": "https://portal.test/unpause",

	# Validation.
	"validation": "real",		# or "always", "never" without a look
	"fetches": 3,			# vantage points that look
	"fetch_delay": 0,		# before the first looks
	"fetch_gap": 0,			# between one and the next
	"late_fetches": 0,		# more looks when all is decided
	"tolerance": 0,			# vantage points that may fail
	"fetch_timeout": 10,
	"failed_challenge": "invalid",	# or "pending" with an error
	"hosts": {},			# name -> [address, http, tls port]

	# CAA.
	"caa": {},			# name -> list of issue values, "servfail"
	"caa_recheck": 7 * 3600,	# older validations: again at finalize

	# Issuance.
	"lifetime": 90 * DAY,
	"backdate": None,		# None: an hour, at most 1 % of life
	"processing": 0,		# seconds, or "forever"
	"issue": "ok",			# or "invalid", "stay-ready" (a 500)
	"issue_problem": "serverInternal",
	"wrong": None,			# see wrong.py
	"link_style": "absolute",	# or "relative", "http"

	# ARI: serial, name or "*" -> see ari.py.
	"ari_windows": {},
	"ari_retry_after": None,	# None: 6 h +- 20 %

	# Limits: see limits.py.
	"limits": {},			# name -> [burst, seconds], or False
	"enforce": [],			# names of limits, or ["*"]
}

CHOICES = {
	"net": ("up", "refused", "reset", "blackhole"),
	"tls": ("good", "expired", "other-name", "unknown-issuer"),
	"unknown_account": ("accountDoesNotExist", "vague"),
	"validation": ("real", "always", "never"),
	"failed_challenge": ("invalid", "pending"),
	"issue": ("ok", "invalid", "stay-ready"),
	"wrong": (None, "other-name", "other-key", "expired",
		  "not-yet-valid", "no-chain", "junk"),
	"link_style": ("absolute", "relative", "http"),
}

# These concern connections, which no rule can fit.
NOT_PER_REQUEST = {"net", "tls", "limits", "enforce"}


class BadSetting(ValueError):
	pass


def check(key, value):
	if key not in DEFAULTS:
		raise BadSetting(f"unknown setting: {key}")
	if key in CHOICES and value not in CHOICES[key]:
		raise BadSetting(f"{key}: not one of {CHOICES[key]}")
	default = DEFAULTS[key]
	if isinstance(default, (dict, list)) and \
			not isinstance(value, type(default)):
		raise BadSetting(f"{key}: not a {type(default).__name__}")
	if key == "ari_windows":
		for row in value.values():
			ari.check(row)


def defaults():
	return {key: dict(value) if isinstance(value, dict) else value
		for key, value in DEFAULTS.items()}


def change(settings, changes):
	"""All of them, or none if one is bad."""
	for key, value in changes.items():
		check(key, value)
	for key, value in changes.items():
		if isinstance(DEFAULTS[key], dict):
			merge(settings[key], value)
		else:
			settings[key] = value


def merge(table, rows):
	for key, row in rows.items():
		if row is None:
			table.pop(key, None)
		else:
			table[key] = row
