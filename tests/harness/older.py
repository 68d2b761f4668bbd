"""A state.db as mtastsd had it at a former version."""

import sqlite3

VERSION = 7


def take_back(path):
	"""To VERSION, which has all of today's rows in it that it had a place for."""
	with sqlite3.connect(path) as db:
		for column in ("host_at", "txt_at", "mx_at", "unanswered",
			       "foreign_at", "host_ttl", "former_ttl",
			       "mx_left_at"):
			db.execute(f"ALTER TABLE watch DROP COLUMN {column}")
		db.execute("ALTER TABLE domain DROP COLUMN template_applied")
		db.execute("DROP TABLE template_past")
		db.execute("DROP TABLE reached")
		db.execute("DROP TABLE foreign_past")
		for column in "actor", "channel", "reason":
			db.execute(f"ALTER TABLE policy DROP COLUMN {column}")
		for column in "fetches", "first_served", "last_served":
			db.execute(f"ALTER TABLE policy ADD COLUMN {column}"
				   " INTEGER NOT NULL DEFAULT 0")
		db.execute("UPDATE policy SET fetches = s.fetches, first_served"
			   " = s.first_at, last_served = s.last_at FROM served s"
			   " WHERE s.policy_id = policy.id")
		db.execute("DROP TABLE served")
		db.execute("ALTER TABLE ord DROP COLUMN gone_since")
		db.execute("ALTER TABLE trail DROP COLUMN channel")
		db.execute("DROP INDEX trail_own")
		for column in "ari_hastened", "ari_stale":
			db.execute(f"ALTER TABLE cert DROP COLUMN {column}")
		db.execute("DROP TRIGGER publish_changed")
		db.execute("CREATE TRIGGER publish_changed AFTER UPDATE ON"
			   " domain BEGIN SELECT 1; END")
		db.execute("DROP TRIGGER report_domain_gone")
		for table in ("reporter", "report", "report_policy",
			      "report_failure", "report_tally", "report_gone",
			      "report_drop", "report_room", "report_last"):
			db.execute(f"DROP TABLE {table}")
		db.execute("ALTER TABLE domain DROP COLUMN report_token")
		db.execute(f"PRAGMA user_version = {VERSION}")
	db.close()


def version(path):
	db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
	try:
		return db.execute("PRAGMA user_version").fetchone()[0]
	finally:
		db.close()
