#include "store/schema.h"

#include <stdio.h>

#include "base/mem.h"

#define SERVE_VERSION 5

/* Noted for the zone, if anybody publishes it. */
#define PUBLISH_IF "EXISTS (SELECT 1 FROM meta WHERE key = 'published_by')"
#define PUBLISH(name)                                                          \
	" BEGIN INSERT INTO publication(name) VALUES(" name ")"                \
	"  ON CONFLICT(name) DO UPDATE"                                        \
	"  SET is_due = 1, epoch = epoch + 1, tries = 0; END;"

#define USUAL "256" /* REPORT_BYTES_USUAL */
#define SESSIONS_MAX "1000000000" /* REPORT_SESSIONS_MAX */

static const char *const migrations[] = {
	/* 1 */
	"CREATE TABLE meta("
	"  key TEXT PRIMARY KEY, value) WITHOUT ROWID;"

	"CREATE TABLE domain("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  name TEXT NOT NULL UNIQUE,"
	"  label TEXT NOT NULL DEFAULT '',"
	"  rua TEXT NOT NULL DEFAULT '',"
	"  state INTEGER NOT NULL,"
	"  epoch INTEGER NOT NULL DEFAULT 1,"
	"  created_at INTEGER NOT NULL,"
	"  state_at INTEGER NOT NULL,"
	"  due_at INTEGER NOT NULL DEFAULT 0,"
	"  dns_looks INTEGER NOT NULL DEFAULT 0,"
	"  failures INTEGER NOT NULL DEFAULT 0,"
	"  renew_forced INTEGER NOT NULL DEFAULT 0,"
	"  revoked INTEGER NOT NULL DEFAULT 0,"
	"  method INTEGER NOT NULL DEFAULT 0,"
	"  ready_at INTEGER NOT NULL DEFAULT 0,"
	"  rank INTEGER NOT NULL DEFAULT 0,"
	"  deadline INTEGER NOT NULL DEFAULT 0,"
	"  skips INTEGER NOT NULL DEFAULT 0,"
	"  try_ca INTEGER NOT NULL DEFAULT 0,"
	"  problem TEXT NOT NULL DEFAULT '',"
	"  hint TEXT NOT NULL DEFAULT '',"
	"  problem_at INTEGER NOT NULL DEFAULT 0,"
	"  policy_id INTEGER NOT NULL DEFAULT 0,"
	"  cert_id INTEGER NOT NULL DEFAULT 0);"
	"CREATE INDEX domain_due ON domain(state, due_at) WHERE due_at > 0;"
	"CREATE INDEX domain_ready ON domain(rank, deadline)"
	"  WHERE ready_at > 0;"
	"CREATE INDEX domain_try ON domain(try_ca) WHERE try_ca > 0;"
	"CREATE INDEX domain_label ON domain(label) WHERE label <> '';"
	"CREATE INDEX domain_problem ON domain(state DESC, name)"
	"  WHERE problem <> '';"

	"CREATE TABLE policy("
	"  id INTEGER PRIMARY KEY,"
	"  domain_id INTEGER NOT NULL REFERENCES domain ON DELETE CASCADE,"
	"  version INTEGER NOT NULL,"
	"  sts_id TEXT NOT NULL,"
	"  mode INTEGER NOT NULL,"
	"  max_age INTEGER NOT NULL,"
	"  mx TEXT NOT NULL," /* one pattern a line */
	"  body TEXT NOT NULL,"
	"  created_at INTEGER NOT NULL,"
	"  UNIQUE(domain_id, version),"
	"  UNIQUE(domain_id, sts_id));"

	"CREATE TABLE retired_id(" /* of domains that are gone */
	"  name TEXT NOT NULL,"
	"  sts_id TEXT NOT NULL,"
	"  PRIMARY KEY(name, sts_id)) WITHOUT ROWID;"

	"CREATE TABLE ca("
	"  id INTEGER PRIMARY KEY,"
	"  name TEXT NOT NULL,"
	"  directory_url TEXT NOT NULL,"
	"  epoch INTEGER NOT NULL DEFAULT 1,"
	"  failures INTEGER NOT NULL DEFAULT 0,"
	"  retry_ms INTEGER NOT NULL DEFAULT 0,"
	"  down_since INTEGER NOT NULL DEFAULT 0,"
	"  well_since_ms INTEGER NOT NULL DEFAULT 0,"
	"  proven_at INTEGER NOT NULL DEFAULT 0,"
	"  canary_at INTEGER NOT NULL DEFAULT 0,"
	"  canary_failures INTEGER NOT NULL DEFAULT 0,"
	"  problem TEXT NOT NULL DEFAULT '',"
	"  hint TEXT NOT NULL DEFAULT '',"
	"  UNIQUE(name, directory_url));"

	"CREATE TABLE refusal(" /* of a name, by a CA */
	"  domain_id INTEGER NOT NULL REFERENCES domain ON DELETE CASCADE,"
	"  ca_id INTEGER NOT NULL REFERENCES ca,"
	"  until INTEGER NOT NULL,"
	"  PRIMARY KEY(domain_id, ca_id)) WITHOUT ROWID;"

	"CREATE TABLE bucket(" /* what is left of a CA's limits */
	"  ca_id INTEGER NOT NULL REFERENCES ca,"
	"  kind INTEGER NOT NULL,"
	"  subject TEXT NOT NULL,"  /* a name; '' for the account's own */
	"  level INTEGER NOT NULL," /* thousandths of a token */
	"  at_ms INTEGER NOT NULL," /* when it stood at that level */
	"  PRIMARY KEY(ca_id, kind, subject)) WITHOUT ROWID;"
	"CREATE INDEX bucket_at ON bucket(at_ms);"

	"CREATE TABLE account("
	"  id INTEGER PRIMARY KEY,"
	"  ca_id INTEGER NOT NULL REFERENCES ca,"
	"  state INTEGER NOT NULL,"
	"  epoch INTEGER NOT NULL DEFAULT 1,"
	"  scalar BLOB NOT NULL,"
	"  point BLOB NOT NULL,"
	"  url TEXT NOT NULL DEFAULT '',"
	"  orders_url TEXT NOT NULL DEFAULT '',"
	"  contact TEXT NOT NULL DEFAULT '',"
	"  next_scalar BLOB," /* the key it rolls over to */
	"  next_point BLOB,"
	"  roll_told INTEGER NOT NULL DEFAULT 0,"
	"  roll_at INTEGER NOT NULL DEFAULT 0,"
	"  roll_failures INTEGER NOT NULL DEFAULT 0,"
	"  problem TEXT NOT NULL DEFAULT '',"
	"  hint TEXT NOT NULL DEFAULT '',"
	"  retry_at INTEGER NOT NULL DEFAULT 0,"
	"  created_at INTEGER NOT NULL,"
	"  superseded_at INTEGER NOT NULL DEFAULT 0);"
	"CREATE UNIQUE INDEX account_of_ca ON account(ca_id)"
	"  WHERE superseded_at = 0;"

	"CREATE TABLE key("
	"  id INTEGER PRIMARY KEY,"
	"  domain_id INTEGER NOT NULL REFERENCES domain ON DELETE CASCADE,"
	"  scalar BLOB NOT NULL,"
	"  point BLOB NOT NULL,"
	"  created_at INTEGER NOT NULL);"
	"CREATE INDEX key_domain ON key(domain_id);"

	"CREATE TABLE compromised_key(" /* never certified again */
	"  point BLOB PRIMARY KEY,"
	"  at INTEGER NOT NULL) WITHOUT ROWID;"

	"CREATE TABLE issuer("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  sha256 BLOB NOT NULL UNIQUE,"
	"  chain BLOB NOT NULL);" /* DER, one behind the other */

	"CREATE TABLE ord("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  domain_id INTEGER NOT NULL REFERENCES domain ON DELETE CASCADE,"
	"  ca_id INTEGER NOT NULL REFERENCES ca,"
	"  account_id INTEGER NOT NULL REFERENCES account,"
	"  key_id INTEGER NOT NULL REFERENCES key,"
	"  state INTEGER NOT NULL,"
	"  epoch INTEGER NOT NULL DEFAULT 1,"
	"  trial INTEGER NOT NULL DEFAULT 0,"
	"  method INTEGER NOT NULL DEFAULT 0,"
	"  profile TEXT NOT NULL DEFAULT '',"
	"  replaces TEXT NOT NULL DEFAULT '',"
	"  tries INTEGER NOT NULL DEFAULT 0,"
	"  sent INTEGER NOT NULL DEFAULT 0,"
	"  unsure INTEGER NOT NULL DEFAULT 0,"
	"  wake_ms INTEGER NOT NULL DEFAULT 0,"
	"  csr BLOB NOT NULL,"
	"  order_url TEXT NOT NULL DEFAULT '',"
	"  finalize_url TEXT NOT NULL DEFAULT '',"
	"  authz_url TEXT NOT NULL DEFAULT '',"
	"  chall_url TEXT NOT NULL DEFAULT '',"
	"  cert_url TEXT NOT NULL DEFAULT '',"
	"  token TEXT NOT NULL DEFAULT '',"
	"  key_auth TEXT NOT NULL DEFAULT '',"
	"  seek TEXT NOT NULL DEFAULT '',"
	"  expires_at INTEGER NOT NULL DEFAULT 0,"
	"  created_at INTEGER NOT NULL,"
	"  ended_at INTEGER NOT NULL DEFAULT 0,"
	"  problem TEXT NOT NULL DEFAULT '');"
	"CREATE UNIQUE INDEX ord_live ON ord(domain_id, trial)"
	"  WHERE ended_at = 0;"
	"CREATE INDEX ord_trial ON ord(ca_id) WHERE trial = 1 AND ended_at = 0;"
	"CREATE INDEX ord_wake ON ord(ca_id, wake_ms)"
	"  WHERE ended_at = 0 AND wake_ms > 0;"
	"CREATE INDEX ord_url ON ord(order_url) WHERE order_url <> '';"
	"CREATE INDEX ord_domain ON ord(domain_id);"
	"CREATE INDEX ord_key ON ord(key_id);"

	"CREATE TABLE cert("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  domain_id INTEGER NOT NULL REFERENCES domain ON DELETE CASCADE,"
	"  ca_id INTEGER REFERENCES ca," /* NULL: imported */
	"  account_id INTEGER REFERENCES account,"
	"  key_id INTEGER NOT NULL REFERENCES key,"
	"  order_id INTEGER UNIQUE," /* one order, one cert */
	"  issuer_id INTEGER NOT NULL REFERENCES issuer,"
	"  state INTEGER NOT NULL,"
	"  serial TEXT NOT NULL,"
	"  issuer TEXT NOT NULL,"
	"  not_before INTEGER NOT NULL,"
	"  not_after INTEGER NOT NULL,"
	"  renew_at INTEGER NOT NULL,"
	"  warn_at INTEGER NOT NULL DEFAULT 0," /* 0: look at it now */
	"  profile TEXT NOT NULL DEFAULT '',"
	"  ari_id TEXT NOT NULL DEFAULT '',"
	"  ari_start INTEGER NOT NULL DEFAULT 0,"
	"  ari_end INTEGER NOT NULL DEFAULT 0,"
	"  ari_pick INTEGER NOT NULL DEFAULT 0,"
	"  ari_url TEXT NOT NULL DEFAULT '',"
	"  ari_poll_at INTEGER NOT NULL DEFAULT 0,"
	"  ari_failures INTEGER NOT NULL DEFAULT 0,"
	"  revoke_reason INTEGER NOT NULL DEFAULT 0,"
	"  revoked_at INTEGER NOT NULL DEFAULT 0,"
	"  revoke_due_at INTEGER NOT NULL DEFAULT 0,"
	"  revoke_failures INTEGER NOT NULL DEFAULT 0,"
	"  created_at INTEGER NOT NULL,"
	"  leaf BLOB NOT NULL);"
	"CREATE UNIQUE INDEX cert_active ON cert(domain_id) WHERE state = 0;"
	"CREATE INDEX cert_domain ON cert(domain_id);"
	"CREATE INDEX cert_key ON cert(key_id);"
	"CREATE INDEX cert_ca ON cert(ca_id) WHERE state = 0;"
	"CREATE INDEX cert_ari ON cert(ari_poll_at)"
	"  WHERE ari_poll_at > 0 AND state = 0;"
	"CREATE INDEX cert_revoke ON cert(revoke_due_at)"
	"  WHERE revoke_due_at > 0;"
	"CREATE INDEX cert_expiry ON cert(not_after) WHERE state = 0;"
	"CREATE INDEX cert_warn ON cert(warn_at) WHERE state = 0;"

	"CREATE TABLE trail("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  at INTEGER NOT NULL,"
	"  level INTEGER NOT NULL,"
	"  kind TEXT NOT NULL,"
	"  domain TEXT NOT NULL,"
	"  actor TEXT NOT NULL,"
	"  text TEXT NOT NULL,"
	"  reason TEXT NOT NULL);"
	"CREATE INDEX trail_domain ON trail(domain, id);"

	"CREATE TABLE alert("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  kind TEXT NOT NULL,"
	"  subject TEXT NOT NULL," /* a name; '' for the box itself */
	"  level INTEGER NOT NULL,"
	"  told INTEGER NOT NULL DEFAULT -1," /* the highest level told */
	"  text TEXT NOT NULL,"
	"  hint TEXT NOT NULL,"
	"  since INTEGER NOT NULL,"
	"  count INTEGER NOT NULL," /* begun so often of late */
	"  silenced_until INTEGER NOT NULL DEFAULT 0,"
	"  ended_at INTEGER NOT NULL DEFAULT 0);"
	"CREATE UNIQUE INDEX alert_open ON alert(kind, subject)"
	"  WHERE ended_at = 0;"
	"CREATE INDEX alert_subject ON alert(subject, kind, id);"
	"CREATE INDEX alert_level ON alert(level, id) WHERE ended_at = 0;"
	"CREATE INDEX alert_untold ON alert(kind, id)"
	"  WHERE ended_at = 0 AND told < level;"
	"CREATE INDEX alert_silenced ON alert(silenced_until)"
	"  WHERE ended_at = 0 AND silenced_until > 0;"
	"CREATE INDEX alert_ended ON alert(ended_at) WHERE ended_at > 0;"

	"CREATE TABLE silence(" /* of a whole kind */
	"  kind TEXT PRIMARY KEY,"
	"  until INTEGER NOT NULL) WITHOUT ROWID;"

	"CREATE TABLE notice(" /* what is to be told */
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  what INTEGER NOT NULL,"
	"  kind TEXT NOT NULL,"
	"  level INTEGER NOT NULL," /* of the gravest in it */
	"  count INTEGER NOT NULL,"
	"  at INTEGER NOT NULL," /* when the first came */
	"  sealed INTEGER NOT NULL DEFAULT 0);"
	"CREATE UNIQUE INDEX notice_gathering ON notice(kind, what)"
	"  WHERE sealed = 0;"
	"CREATE INDEX notice_like ON notice(kind, what, id)"
	"  WHERE sealed = 1;"
	"CREATE TABLE notice_item(" /* the first few of them */
	"  notice_id INTEGER NOT NULL REFERENCES notice ON DELETE CASCADE,"
	"  subject TEXT NOT NULL,"
	"  level INTEGER NOT NULL,"
	"  text TEXT NOT NULL,"
	"  hint TEXT NOT NULL,"
	"  since INTEGER NOT NULL,"
	"  PRIMARY KEY(notice_id, subject));"
	"CREATE TABLE delivery("
	"  notice_id INTEGER NOT NULL REFERENCES notice ON DELETE CASCADE,"
	"  sink INTEGER NOT NULL,"
	"  attempts INTEGER NOT NULL DEFAULT 0,"
	"  due_at INTEGER NOT NULL,"
	"  PRIMARY KEY(notice_id, sink)) WITHOUT ROWID;"
	"CREATE INDEX delivery_due ON delivery(sink, due_at);"

	"CREATE TABLE change("
	"  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  domain_id INTEGER NOT NULL);"

	"INSERT INTO meta VALUES('store_id', hex(randomblob(16)));"
	"INSERT INTO meta VALUES('pruned_to', 0);",

	/* 2 */
	"ALTER TABLE policy ADD COLUMN first_served INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE policy ADD COLUMN last_served INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE policy ADD COLUMN fetches INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE uncounted(" /* when fetches may have gone uncounted */
	"  since INTEGER PRIMARY KEY,"
	"  until INTEGER NOT NULL);"
	/* Nobody has counted until now. */
	"INSERT INTO uncounted SELECT 0, unixepoch()"
	"  WHERE EXISTS (SELECT 1 FROM policy);",

	/* 3 */
	"ALTER TABLE policy ADD COLUMN announced_at INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE domain ADD COLUMN leaving INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE domain ADD COLUMN leaving_at INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE domain ADD COLUMN track_mx INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE domain ADD COLUMN template_id INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE domain ADD COLUMN template_epoch INTEGER NOT NULL"
	"  DEFAULT 0;"
	"CREATE INDEX domain_template ON domain(template_id, template_epoch)"
	"  WHERE template_id > 0;"
	"CREATE TABLE template(" /* of policies */
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  name TEXT NOT NULL UNIQUE,"
	"  preset TEXT NOT NULL DEFAULT '',"
	"  mx TEXT NOT NULL DEFAULT ''," /* one pattern a line */
	"  max_age INTEGER NOT NULL DEFAULT 0,"
	"  epoch INTEGER NOT NULL DEFAULT 1);"
	"CREATE INDEX domain_leaving ON domain(id) WHERE leaving > 0;"
	"CREATE TABLE watch(" /* what DNS was last seen to say */
	"  domain_id INTEGER PRIMARY KEY REFERENCES domain ON DELETE CASCADE,"
	"  due_at INTEGER NOT NULL,"
	"  looked_at INTEGER NOT NULL DEFAULT 0,"
	"  news_at INTEGER NOT NULL DEFAULT 0,"
	"  failures INTEGER NOT NULL DEFAULT 0,"
	"  txt INTEGER NOT NULL DEFAULT 0,"
	"  txt_id TEXT NOT NULL DEFAULT '',"
	"  txt_ttl INTEGER NOT NULL DEFAULT 0,"
	"  txt_since INTEGER NOT NULL DEFAULT 0,"
	"  host INTEGER NOT NULL DEFAULT 0,"
	"  host_since INTEGER NOT NULL DEFAULT 0,"
	"  host_problem TEXT NOT NULL DEFAULT '',"
	"  reports INTEGER NOT NULL DEFAULT 0,"
	"  mx_look INTEGER NOT NULL DEFAULT 0,"
	"  mx TEXT NOT NULL DEFAULT ''," /* one host a line */
	"  mx_voices INTEGER NOT NULL DEFAULT 0,"
	"  mx_agrees INTEGER NOT NULL DEFAULT 0,"
	"  mx_ttl INTEGER NOT NULL DEFAULT 0,"
	"  mx_since INTEGER NOT NULL DEFAULT 0,"
	"  strays_since INTEGER NOT NULL DEFAULT 0,"
	"  mx_cut INTEGER NOT NULL DEFAULT 0);"
	"CREATE INDEX watch_due ON watch(due_at);"
	"INSERT INTO watch(domain_id, due_at) SELECT id, 0 FROM domain;"
	"CREATE TABLE checked(" /* a look from outside, as it ended last */
	"  domain_id INTEGER PRIMARY KEY REFERENCES domain ON DELETE CASCADE,"
	"  at INTEGER NOT NULL DEFAULT 0,"
	"  asked_at INTEGER NOT NULL DEFAULT 0,"
	"  findings TEXT NOT NULL DEFAULT '[]');"
	"CREATE INDEX checked_asked ON checked(asked_at) WHERE asked_at > 0;",

	/* 4: what the operator's own zone was told: store/publication.h */
	"CREATE TABLE publication("
	"  name TEXT PRIMARY KEY," /* of a domain; '': the box */
	"  told TEXT NOT NULL DEFAULT '',"
	"  unsure INTEGER NOT NULL DEFAULT 0,"
	"  is_sent INTEGER NOT NULL DEFAULT 0,"
	"  is_due INTEGER NOT NULL DEFAULT 1,"
	"  epoch INTEGER NOT NULL DEFAULT 1,"
	"  tries INTEGER NOT NULL DEFAULT 0,"
	"  told_at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
	"CREATE INDEX publication_due ON publication(tries, name)"
	"  WHERE is_due = 1;"
	"CREATE INDEX publication_sent ON publication(name)"
	"  WHERE is_sent = 1;"
	/* clang-format off */
	"CREATE TRIGGER publish_new AFTER INSERT ON domain"
	"  WHEN " PUBLISH_IF PUBLISH("NEW.name")
	"CREATE TRIGGER publish_changed AFTER UPDATE ON domain"
	"  WHEN (OLD.state <> NEW.state OR OLD.rua <> NEW.rua"
	"   OR OLD.policy_id <> NEW.policy_id) AND " PUBLISH_IF
	PUBLISH("NEW.name")
	"CREATE TRIGGER publish_gone AFTER DELETE ON domain"
	"  WHEN " PUBLISH_IF PUBLISH("OLD.name"),
	/* clang-format on */

	/* 5: of a domain that is gone; '': its row has it */
	"ALTER TABLE trail ADD COLUMN label TEXT NOT NULL DEFAULT '';",

	/* 6: names that change at each look, or answer slowly; what status has
	   to say of them */
	"ALTER TABLE watch ADD COLUMN restless_until INTEGER NOT NULL DEFAULT "
	"0;"
	"ALTER TABLE watch ADD COLUMN untold_host INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE watch ADD COLUMN untold_txt INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE watch ADD COLUMN untold_mx INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE watch ADD COLUMN is_slow INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE watch ADD COLUMN trouble INTEGER NOT NULL DEFAULT 0;"
	"DROP INDEX watch_due;"
	"CREATE INDEX watch_due ON watch(is_slow, due_at);"
	"ALTER TABLE checked ADD COLUMN bad_since INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX watch_trouble ON watch(trouble, domain_id)"
	"  WHERE trouble > 0;",

	/* 7: what senders may have from another host, or an earlier life */
	"ALTER TABLE policy ADD COLUMN is_elsewhere INTEGER NOT NULL"
	"  DEFAULT 0;"
	"ALTER TABLE policy ADD COLUMN elsewhere_to INTEGER NOT NULL"
	"  DEFAULT 0;"
	"UPDATE policy SET is_elsewhere = 1, elsewhere_to = last_served"
	"  WHERE version = 0;"
	"ALTER TABLE retired_id ADD COLUMN body TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE retired_id ADD COLUMN served_to INTEGER NOT NULL"
	"  DEFAULT 0;",

	/* 8: which hosts of a policy came from its template */
	"ALTER TABLE domain ADD COLUMN template_applied INTEGER NOT NULL"
	"  DEFAULT 0;"
	"UPDATE domain SET template_applied = template_epoch"
	"  WHERE template_id > 0;"
	"CREATE TABLE template_past(" /* what it said, and says */
	"  template_id INTEGER NOT NULL REFERENCES template ON DELETE CASCADE,"
	"  epoch INTEGER NOT NULL,"
	"  preset TEXT NOT NULL,"
	"  mx TEXT NOT NULL,"
	"  PRIMARY KEY(template_id, epoch)) WITHOUT ROWID;"
	"INSERT INTO template_past SELECT id, epoch, preset, mx FROM template;",

	/* 9: when DNS last showed an id that was never made here */
	"ALTER TABLE watch ADD COLUMN foreign_at INTEGER NOT NULL DEFAULT 0;"
	"UPDATE watch SET foreign_at = looked_at WHERE txt IN (5, 6);",

	/* 10: when each part of what DNS says was last answered, and for how many
	   looks some part was not */
	"ALTER TABLE watch ADD COLUMN host_at INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE watch ADD COLUMN txt_at INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE watch ADD COLUMN mx_at INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE watch ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0;"
	"UPDATE watch SET host_at = iif(host > 0, looked_at, 0),"
	"  txt_at = iif(txt > 0, looked_at, 0),"
	"  mx_at = iif(mx_look > 0, looked_at, 0);",
	/* 11: which max_age came from its template; -1: nobody knows */
	"ALTER TABLE template_past ADD COLUMN max_age INTEGER NOT NULL"
	"  DEFAULT -1;"
	"UPDATE template_past SET max_age = COALESCE((SELECT t.max_age"
	"  FROM template t WHERE t.id = template_id"
	"  AND t.epoch = template_past.epoch), -1);",
	/* 12: whether the policy was fetched as senders do. Where DNS shows an
	   id of ours, they were told of it already. */
	"CREATE TABLE reached("
	"  domain_id INTEGER PRIMARY KEY REFERENCES domain ON DELETE CASCADE,"
	"  since INTEGER NOT NULL DEFAULT 0,"
	"  at INTEGER NOT NULL DEFAULT 0,"
	"  let_at INTEGER NOT NULL DEFAULT 0,"
	"  due_at INTEGER NOT NULL DEFAULT 0,"
	"  tries INTEGER NOT NULL DEFAULT 0,"
	"  why INTEGER NOT NULL DEFAULT 0,"
	"  problem TEXT NOT NULL DEFAULT '',"
	"  distrust TEXT NOT NULL DEFAULT '',"
	"  led_at INTEGER NOT NULL DEFAULT 0);"
	"CREATE INDEX reached_due ON reached(due_at) WHERE at = 0 AND since > "
	"0;"
	"INSERT INTO reached(domain_id, since, at)"
	"  SELECT d.id, d.state_at, iif(w.txt IN (3, 4), w.txt_at, 0)"
	"  FROM domain d LEFT JOIN watch w ON w.domain_id = d.id"
	"  WHERE d.state = 2;"
	/* clang-format off */
	"DROP TRIGGER publish_changed;"
	"CREATE TRIGGER publish_changed AFTER UPDATE ON domain"
	"  WHEN (OLD.state <> NEW.state OR OLD.rua <> NEW.rua"
	"   OR OLD.policy_id <> NEW.policy_id OR OLD.cert_id <> NEW.cert_id)"
	"   AND " PUBLISH_IF PUBLISH("NEW.name")
	"CREATE TRIGGER publish_reached AFTER UPDATE ON reached"
	"  WHEN ((OLD.at = 0) <> (NEW.at = 0)"
	"   OR (OLD.let_at = 0) <> (NEW.let_at = 0)"
	"   OR OLD.distrust <> NEW.distrust) AND " PUBLISH_IF
	PUBLISH("(SELECT name FROM domain WHERE id = NEW.domain_id)"),
	/* clang-format on */
	/* 13: TLS reports: store/report.h; where each domain's are posted */
	"ALTER TABLE domain ADD COLUMN report_token TEXT NOT NULL DEFAULT '';"
	/* clang-format off */
	"DROP TRIGGER publish_changed;"
	"CREATE TRIGGER publish_changed AFTER UPDATE ON domain"
	"  WHEN (OLD.state <> NEW.state OR OLD.rua <> NEW.rua"
	"   OR OLD.report_token <> NEW.report_token"
	"   OR OLD.policy_id <> NEW.policy_id OR OLD.cert_id <> NEW.cert_id)"
	"   AND " PUBLISH_IF PUBLISH("NEW.name")
	/* clang-format on */
	"UPDATE domain SET report_token = lower(hex(randomblob(16)));"
	"CREATE TABLE reporter("
	"  id INTEGER PRIMARY KEY,"
	"  name TEXT NOT NULL UNIQUE,"
	"  domain_id INTEGER NOT NULL," /* whose report brought it */
	"  first_at INTEGER NOT NULL,"
	"  last_at INTEGER NOT NULL);" /* to within a day */
	"CREATE INDEX reporter_first ON reporter(first_at, domain_id);"
	"CREATE INDEX reporter_last ON reporter(last_at);"
	"CREATE TABLE report("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  domain_id INTEGER NOT NULL,"
	"  reporter_id INTEGER NOT NULL,"
	"  same BLOB NOT NULL," /* of reporter's name and report_id */
	"  report_id TEXT NOT NULL,"
	"  day INTEGER NOT NULL," /* since 1970 */
	"  begin_at INTEGER NOT NULL,"
	"  end_at INTEGER NOT NULL,"
	"  received_at INTEGER NOT NULL,"
	"  via INTEGER NOT NULL," /* enum report_via */
	"  signed_by TEXT NOT NULL,"
	"  contact TEXT NOT NULL,"
	"  successful INTEGER NOT NULL,"
	"  failed INTEGER NOT NULL,"
	"  left_out INTEGER NOT NULL);" /* failures that are not kept */
	"CREATE UNIQUE INDEX report_same ON report(domain_id, same);"
	"CREATE INDEX report_received ON report(received_at);"
	/* These two lie by domain and day, so that one is read at once. */
	"CREATE TABLE report_policy("
	"  domain_id INTEGER NOT NULL,"
	"  day INTEGER NOT NULL,"
	"  report_id INTEGER NOT NULL,"
	"  n INTEGER NOT NULL," /* 0 is always there */
	"  reporter_id INTEGER NOT NULL,"
	"  type INTEGER NOT NULL,"     /* enum tls_policy_type; -1: no policy */
	"  standing INTEGER NOT NULL," /* enum report_standing */
	"  policy_id INTEGER NOT NULL," /* 0: none of ours */
	"  successful INTEGER NOT NULL,"
	"  failed INTEGER NOT NULL,"
	"  type_text TEXT NOT NULL,"
	"  policy TEXT NOT NULL," /* if it is not ours */
	"  mx TEXT NOT NULL,"
	"  PRIMARY KEY(domain_id, day, report_id, n)) WITHOUT ROWID;"
	"CREATE TABLE report_failure("
	"  domain_id INTEGER NOT NULL,"
	"  day INTEGER NOT NULL,"
	"  report_id INTEGER NOT NULL,"
	"  m INTEGER NOT NULL,"
	"  n INTEGER NOT NULL,"	     /* of its policy */
	"  result INTEGER NOT NULL," /* enum tls_result */
	"  sessions INTEGER NOT NULL,"
	"  mx_host TEXT NOT NULL,"
	"  result_text TEXT NOT NULL,"
	"  mx_helo TEXT NOT NULL,"
	"  sending_ip TEXT NOT NULL,"
	"  receiving_ip TEXT NOT NULL,"
	"  additional TEXT NOT NULL,"
	"  reason TEXT NOT NULL,"
	"  PRIMARY KEY(domain_id, day, report_id, m)) WITHOUT ROWID;"
	"CREATE TABLE report_tally(" /* what all reports of a day come to */
	"  kind INTEGER NOT NULL,"   /* enum report_tally */
	"  day INTEGER NOT NULL,"
	"  what NOT NULL,"
	"  reports INTEGER NOT NULL,"
	"  successful INTEGER NOT NULL,"
	"  failed INTEGER NOT NULL,"
	"  PRIMARY KEY(kind, day, what)) WITHOUT ROWID;"
	"CREATE INDEX report_tally_empty ON report_tally(kind)"
	"  WHERE reports <= 0;"
	"CREATE TABLE report_gone(" /* domains whose reports are to go */
	"  domain_id INTEGER PRIMARY KEY);"
	"CREATE TRIGGER report_domain_gone AFTER DELETE ON domain"
	"  WHEN EXISTS (SELECT 1 FROM report WHERE domain_id = OLD.id)"
	"  BEGIN INSERT OR IGNORE INTO report_gone VALUES(OLD.id); END;"
	"CREATE TABLE report_drop("  /* what was not taken */
	"  why INTEGER PRIMARY KEY," /* enum report_drop */
	"  count INTEGER NOT NULL,"
	"  last_at INTEGER NOT NULL);",

	/* 14: what a report says is part of which it is (empty: nobody knows);
	   how much reports take, of each domain, and of all as domain 0 */
	"ALTER TABLE report ADD COLUMN content BLOB NOT NULL DEFAULT x'';"
	"DROP INDEX report_same;"
	"CREATE UNIQUE INDEX report_same ON report(domain_id, same, content);"
	"ALTER TABLE report ADD COLUMN bytes INTEGER NOT NULL"
	"  DEFAULT " USUAL ";"
	"CREATE TABLE report_room("
	"  domain_id INTEGER PRIMARY KEY,"
	"  bytes INTEGER NOT NULL DEFAULT 0,"	 /* about */
	"  shed INTEGER NOT NULL DEFAULT 0,"	 /* reports, for want of room */
	"  shed_at INTEGER NOT NULL DEFAULT 0);" /* the last of them */
	"CREATE INDEX report_room_bytes ON report_room(bytes);"
	"INSERT INTO report_room(domain_id, bytes)"
	"  SELECT domain_id, COUNT(*) * " USUAL " FROM report GROUP BY 1"
	"  UNION ALL SELECT 0, COUNT(*) * " USUAL " FROM report;"
	"CREATE TRIGGER report_room_more AFTER INSERT ON report BEGIN"
	"  INSERT INTO report_room(domain_id, bytes)"
	"    VALUES(0, NEW.bytes), (NEW.domain_id, NEW.bytes)"
	"    ON CONFLICT(domain_id) DO UPDATE"
	"    SET bytes = bytes + excluded.bytes; END;"
	"CREATE TRIGGER report_room_other AFTER UPDATE OF bytes ON report BEGIN"
	"  UPDATE report_room SET bytes = bytes + NEW.bytes - OLD.bytes"
	"    WHERE domain_id IN (0, NEW.domain_id); END;"
	"CREATE TRIGGER report_room_less AFTER DELETE ON report BEGIN"
	"  UPDATE report_room SET bytes = bytes - OLD.bytes"
	"    WHERE domain_id IN (0, OLD.domain_id);"
	"  DELETE FROM report_room WHERE domain_id = OLD.domain_id"
	"    AND bytes <= 0; END;",

	/* 15: foreign_at of names that are gone; how long caches lead where a
	   policy's host is, and was before; when MX left; by which way an event
	   came, and an index of those of the box alone; which haste of a CA has
	   been met; who made a version of a policy; when reports of a domain
	   came last: store/report_last.h; of the reports that there
	   are, the tally by MTA-STS: store/report_tally.c; and which of them
	   count: store/report.h */
	"CREATE TABLE foreign_past("
	"  name TEXT PRIMARY KEY,"
	"  at INTEGER NOT NULL) WITHOUT ROWID;"
	"ALTER TABLE watch ADD COLUMN host_ttl INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE watch ADD COLUMN former_ttl INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE watch ADD COLUMN mx_left_at INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE trail ADD COLUMN channel TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE policy ADD COLUMN actor TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE policy ADD COLUMN channel TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE policy ADD COLUMN reason TEXT NOT NULL DEFAULT '';"
	"CREATE INDEX trail_own ON trail(id) WHERE actor = 'mtastsd';"
	"ALTER TABLE cert ADD COLUMN ari_hastened INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE cert ADD COLUMN ari_stale INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE report_last("
	"  domain_id INTEGER PRIMARY KEY REFERENCES domain ON DELETE CASCADE,"
	"  day INTEGER NOT NULL,"
	"  week INTEGER NOT NULL);" /* 1 << so many days before that one */
	"INSERT INTO report_last SELECT l.what, last, SUM(1 << k.column1) FROM"
	"  (SELECT what, MAX(day) AS last FROM report_tally WHERE kind = 2"
	"    AND reports > 0 AND what IN (SELECT id FROM domain)"
	"    GROUP BY what) l, (VALUES (0),(1),(2),(3),(4),(5),(6)) k"
	"  JOIN report_tally t ON t.kind = 2 AND t.day = last - k.column1"
	"    AND t.what = l.what AND t.reports > 0 GROUP BY l.what;"
	"INSERT OR REPLACE INTO report_tally"
	"(kind, day, what, reports, successful, failed)"
	"  SELECT 6, day, domain_id, COUNT(*), SUM(good), SUM(bad) FROM"
	"  (SELECT day, domain_id,"
	"    MIN(SUM(successful), " SESSIONS_MAX ") AS good,"
	"    MIN(SUM(failed), " SESSIONS_MAX ") AS bad"
	"    FROM report_policy WHERE standing BETWEEN 1 AND 3"
	"    GROUP BY domain_id, day, report_id)"
	"  GROUP BY domain_id, day;"
	"ALTER TABLE report ADD COLUMN counted INTEGER NOT NULL DEFAULT 1;"
	"CREATE INDEX report_aside ON report(domain_id, day) WHERE NOT "
	"counted;",

	/* 16: what was served, which changes all the time, in a table with many
	   rows a page */
	"CREATE TABLE served("
	"  policy_id INTEGER PRIMARY KEY REFERENCES policy ON DELETE CASCADE,"
	"  fetches INTEGER NOT NULL,"
	"  first_at INTEGER NOT NULL,"
	"  last_at INTEGER NOT NULL);"
	"INSERT INTO served SELECT id, fetches, first_served, last_served"
	"  FROM policy WHERE fetches OR first_served OR last_served;"
	"ALTER TABLE policy DROP COLUMN fetches;"
	"ALTER TABLE policy DROP COLUMN first_served;"
	"ALTER TABLE policy DROP COLUMN last_served;",

	/* 17: since when a CA says of an order that it is not there */
	"ALTER TABLE ord ADD COLUMN gone_since INTEGER NOT NULL DEFAULT 0;",
};

static const char serve_tables[] =
	"CREATE TABLE serve.meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE serve.site("
	"  domain_id INTEGER PRIMARY KEY,"
	"  host TEXT NOT NULL UNIQUE,"
	"  cert_id INTEGER NOT NULL," /* 0: no certificate yet */
	"  leaf BLOB,"
	"  scalar BLOB,"
	"  point BLOB,"
	"  issuer_id INTEGER,"
	"  policy_id INTEGER NOT NULL,"
	"  body TEXT NOT NULL,"
	/* for restore_adopt() alone */
	"  sts_id TEXT NOT NULL DEFAULT '',"
	"  leaving INTEGER NOT NULL DEFAULT 0," /* enum domain_leaving */
	/* of the path where its TLS reports are posted */
	"  report_token TEXT NOT NULL DEFAULT '');"
	"CREATE TABLE serve.issuer(id INTEGER PRIMARY KEY, chain BLOB NOT "
	"NULL);"
	"CREATE TABLE serve.challenge("
	"  token TEXT PRIMARY KEY,"
	"  key_auth TEXT NOT NULL,"
	"  method INTEGER NOT NULL," /* enum challenge_method */
	"  host TEXT NOT NULL,"
	"  order_id INTEGER NOT NULL," /* the larger is the newer */
	"  domain_id INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX serve.challenge_host ON challenge(host, order_id)"
	"  WHERE method = 1;"
	"CREATE INDEX serve.challenge_domain ON challenge(domain_id);"
	"PRAGMA serve.user_version = 5;";

static bool user_version(struct db *db, const char *pragma, int64_t *version,
			 struct err *err)
{
	struct query q;

	query_open(&q, db, pragma);
	if (query_row(&q))
		*version = col_int(&q, "user_version");
	return query_close(&q, err);
}

static bool migrate_to(struct db *db, size_t version, struct err *err)
{
	char done[64];

	snprintf(done, sizeof(done), "PRAGMA user_version = %zu; COMMIT",
		 version);
	if (db_exec(db, "BEGIN IMMEDIATE", err) &&
	    db_exec(db, migrations[version - 1], err) && db_exec(db, done, err))
		return true;
	db_exec(db, "ROLLBACK", NULL);
	return err_prefix(err, "migration to version %zu", version);
}

static bool read_version(struct db *db, int64_t *version, struct err *err)
{
	*version = 0;
	if (!user_version(db, "PRAGMA main.user_version", version, err))
		return false;
	if (*version <= (int64_t)ARRAY_LEN(migrations))
		return true;
	err_set(err, ERR_REFUSED,
		"state.db is of version %lld, newer than version %zu of this "
		"mtastsd", (long long)*version, ARRAY_LEN(migrations));
	return err_hint(err, "it was written by a newer mtastsd: install that "
			     "one again");
}

static bool is_ours(struct db *db)
{
	struct query q;
	bool found;

	query_open(&q, db, "SELECT 1 FROM main.meta WHERE key = 'store_id'");
	found = query_row(&q);
	return query_close(&q, NULL) && found;
}

bool schema_check(struct db *db, struct err *err)
{
	int64_t version;

	if (!read_version(db, &version, err))
		return false;
	if (version > 0 && is_ours(db))
		return true;
	err_set(err, ERR_INPUT, "this is a database, but no state.db");
	return err_hint(err, "name a backup of mtastsd's state.db");
}

int64_t schema_version(void)
{
	return (int64_t)ARRAY_LEN(migrations);
}

bool schema_version_of(const char *path, int64_t *version, struct err *err)
{
	struct db *db = db_open(path, DB_READ, NULL, err);
	bool ok = db &&
		  user_version(db, "PRAGMA main.user_version", version, err);

	db_close(db);
	return ok;
}

bool schema_is_former(struct db *db, int64_t *version)
{
	return read_version(db, version, NULL) && *version > 0 &&
	       *version < schema_version();
}

bool schema_migrate(struct db *db, struct err *err)
{
	int64_t version;

	if (!read_version(db, &version, err))
		return false;
	for (size_t v = (size_t)version + 1; v <= ARRAY_LEN(migrations); v++)
		if (!migrate_to(db, v, err))
			return false;
	return true;
}

bool schema_is_serve(const char *path)
{
	int64_t version = 0;

	return schema_version_of(path, &version, NULL) &&
	       version == SERVE_VERSION;
}

bool schema_make_serve(struct db *db, struct err *err)
{
	int64_t version = 0;

	if (!user_version(db, "PRAGMA serve.user_version", &version, err))
		return false;
	if (version == SERVE_VERSION)
		return true;
	if (version != 0)
		return err_set(err, ERR_REFUSED, "serve.db is of version %lld",
			       (long long)version);
	return db_exec(db, serve_tables, err);
}
