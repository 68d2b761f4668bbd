#include "policy/domain_name.h"

#include <arpa/inet.h>
#include <assert.h>
#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define LABEL_MAX  63
#define TEXT_MAX   1024 /* U-labels take more bytes than A-labels do */
#define QUOTE_MAX  60
#define SPACE      " \t\r\n\v\f"
#define LDH        "abcdefghijklmnopqrstuvwxyz0123456789-"
#define PREFIX     "mta-sts."
#define PREFIX_LEN (sizeof(PREFIX) - 1)

/* What is asked of a name beyond its form, and what errors call it. */
struct kind {
	const char *noun;
	bool is_certified; /* a CA must accept it: no R-LDH, no bad xn-- */
};

static const struct kind mail_domain = { "a domain name", true };
static const struct kind any_host = { "a host name", false };

/* Marks that tell what the text is instead of a name. */
static const struct {
	char mark;
	const char *why, *hint;
} marks[] = {
	{ '@', "it is a mail address",
	  "write only what stands after the \"@\"" },
	{ '/', "it is a URL or a path",
	  "write only the name, without \"https://\" and path" },
	{ ':', "it has a port or is a URL",
	  "write only the name, without \":\"" },
	{ '*', "it has a wildcard",
	  "write each name out; only an mx pattern may begin with \"*.\"" },
	{ '_', "a host name has no underscore",
	  "write the name without the part that has \"_\" in it" },
};

static const char plain_hint[] = "write a name such as example.org";

static bool refuse(const struct kind *kind, const char *given, const char *why,
		   const char *hint, struct err *err)
{
	char *shown = str_quoted(given, QUOTE_MAX);

	err_set(err, ERR_INPUT, "%s is not %s: %s", shown, kind->noun, why);
	free(shown);
	return err_hint(err, "%s", hint);
}

static bool is_address(const char *text)
{
	unsigned char bytes[sizeof(struct in6_addr)];
	size_t len = strlen(text);
	char bare[INET6_ADDRSTRLEN];

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= sizeof(bare))
		return false;
	snprintf(bare, sizeof(bare), "%.*s", (int)len, text);
	return inet_pton(AF_INET, bare, bytes) == 1 ||
	       inet_pton(AF_INET6, bare, bytes) == 1;
}

static bool is_ascii(const char *text)
{
	while (*text && (unsigned char)*text < 0x80)
		text++;
	return *text == '\0';
}

/* The reason why this is not a label, or NULL. */
static const char *label_fault(const char *label, size_t len)
{
	if (len == 0)
		return "it has an empty label";
	if (len > LABEL_MAX)
		return "it has a label of more than 63 characters";
	if (strspn(label, LDH) < len)
		return "only letters, digits and hyphens may stand between the "
		       "dots";
	if (label[0] == '-' || label[len - 1] == '-')
		return "it has a label that begins or ends with a hyphen";
	return NULL;
}

/* The reason why these lower-case labels are not a name, or NULL. */
static const char *name_fault(const char *name)
{
	const char *label = name, *fault;
	size_t len;

	if (is_address(name))
		return "it is an IP address";
	for (;;) {
		len = strcspn(label, ".");
		fault = label_fault(label, len);
		if (fault)
			return fault;
		if (!label[len])
			break;
		label += len + 1;
	}
	if (strlen(name) > DOMAIN_NAME_MAX)
		return "it is longer than 253 characters";
	if (label == name)
		return "it has a single label";
	if (strspn(label, "0123456789") == len)
		return "its last label has only digits";
	return NULL;
}

/* The text without white space around; NULL and *err if it is no name. */
static char *trimmed(const struct kind *kind, const char *text, struct err *err)
{
	size_t len;
	char *bare;

	text += strspn(text, SPACE);
	len = strlen(text);
	while (len && strchr(SPACE, text[len - 1]))
		len--;
	if (len == 0 || len > TEXT_MAX) {
		refuse(kind, text, len ? "it is too long" : "it is empty",
		       plain_hint, err);
		return NULL;
	}
	bare = xstrndup(text, len);
	if (is_address(bare)) {
		refuse(kind, bare, "it is an IP address", plain_hint, err);
		goto refused;
	}
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (strchr(bare, marks[i].mark)) {
			refuse(kind, bare, marks[i].why, marks[i].hint, err);
			goto refused;
		}
	return bare;

refused:
	free(bare);
	return NULL;
}

/*
 * Lower-case A-labels, yet unchecked; NULL if IDNA refuses. Hosts in plain
 * ASCII stay as they are: some exist that IDNA would not pass, such as
 * r3---sn.example.net.
 */
static char *to_ascii(const struct kind *kind, const char *text,
		      struct err *err)
{
	uint8_t *ascii = NULL;
	char *name;
	int rc;

	if (!kind->is_certified && is_ascii(text)) {
		name = xstrdup(text);
	} else {
		rc = idn2_lookup_u8((const uint8_t *)text, &ascii,
				    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
		if (rc != IDN2_OK) {
			refuse(kind, text, idn2_strerror(rc), plain_hint, err);
			return NULL;
		}
		name = xstrdup((const char *)ascii);
		idn2_free(ascii);
	}
	str_lower(name);
	return name;
}

static bool check_name(const struct kind *kind, char *name,
		       char out[static DOMAIN_NAME_SIZE], struct err *err)
{
	size_t len = strlen(name);
	const char *fault;

	if (len > 1 && name[len - 1] == '.')
		name[--len] = '\0';
	fault = name_fault(name);
	if (fault)
		return refuse(kind, name, fault, plain_hint, err);
	memcpy(out, name, len + 1);
	return true;
}

static bool normalise(const struct kind *kind, const char *text,
		      char out[static DOMAIN_NAME_SIZE], struct err *err)
{
	char *bare = trimmed(kind, text, err);
	char *name = bare ? to_ascii(kind, bare, err) : NULL;
	bool ok = name && check_name(kind, name, out, err);

	free(bare);
	free(name);
	return ok;
}

bool domain_name_normalise(const char *text, char out[static DOMAIN_NAME_SIZE],
			   struct err *err)
{
	char name[DOMAIN_NAME_SIZE];

	if (!normalise(&mail_domain, text, name, err))
		return false;
	if (strlen(name) + PREFIX_LEN > DOMAIN_NAME_MAX)
		return refuse(&mail_domain, name,
			      "it is too long to have \"" PREFIX "\" before it",
			      "write a domain of at most 245 characters", err);
	/* A domain may itself be called mta-sts.org; org has no policy host. */
	if (str_starts(name, PREFIX) && strchr(name + PREFIX_LEN, '.')) {
		refuse(&mail_domain, name, "it is the policy host of one", "",
		       err);
		return err_hint(err, "write the mail domain itself: %s",
				name + PREFIX_LEN);
	}
	memcpy(out, name, strlen(name) + 1);
	return true;
}

bool host_name_normalise(const char *text, char out[static DOMAIN_NAME_SIZE],
			 struct err *err)
{
	return normalise(&any_host, text, out, err);
}

void domain_name_policy_host(const char *domain,
			     char out[static DOMAIN_NAME_SIZE])
{
	int n = snprintf(out, DOMAIN_NAME_SIZE, PREFIX "%s", domain);

	assert(n > 0 && n <= DOMAIN_NAME_MAX);
	(void)n;
}

char *domain_name_display(const char *domain)
{
	char *unicode = NULL, *shown = NULL, again[DOMAIN_NAME_SIZE];

	/* Only what leads back to the same name: no text of a stranger's. */
	if (idn2_to_unicode_8z8z(domain, &unicode, 0) == IDN2_OK &&
	    normalise(&mail_domain, unicode, again, NULL) &&
	    streq(again, domain))
		shown = xstrdup(unicode);
	idn2_free(unicode);
	return shown ? shown : xstrdup(domain);
}
