/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/lists.h"

#include "base/log.h"
#include "mime/decode.h"
#include "store/collection.h"

#define EMAIL STR("EMAIL")
#define MEMBERS_MAX 1000 /* more are no list for one message */

/* The short form of RFC 6134, section 2.8. */
static struct str
short_form(struct str list)
{
	struct str urn = STR("urn:ietf:params:sieve:");

	return str_istarts(list, urn) ? str_sub(list, urn.n - 1, SIZE_MAX)
				      : list;
}

/* What comes after ":addrbook:"; false: it is no such list. */
static bool
book_name(struct str list, struct str *name)
{
	list = short_form(list);
	if (!str_istarts(list, STR(":addrbook:")))
		return false;
	*name = str_sub(list, 10, SIZE_MAX);
	return name->n > 0;
}

static enum sieve_answer
failed(struct script_host *h)
{
	log_error("cannot read a list of addresses", LOG_CSTR("id", h->id),
	    LOG_CSTR("account", h->owner->id), LOG_ERR(&h->err));
	return SIEVE_FAILED;
}

static enum sieve_answer
find_book(struct script_host *h, struct str name, struct collection *out)
{
	struct collection *list;
	size_t n;

	if (collection_list(h->account, h->arena, COLLECTION_ADDRESSBOOK, &list,
		&n, &h->err) != STORE_OK)
		return failed(h);
	for (size_t i = 0; i < n; i++) {
		if (str_eq(list[i].name, name) ||
		    (i == 0 && str_eqc(name, "default"))) {
			*out = list[i];
			return SIEVE_YES;
		}
	}
	return SIEVE_NO;
}

static enum sieve_answer
in_book(struct script_host *h, struct str name, struct str value)
{
	struct collection book;
	enum sieve_answer a = find_book(h, name, &book);
	struct buf folded = { 0 };
	struct resource *list;
	size_t n = 0;

	if (a != SIEVE_YES)
		return a;
	mime_fold(&folded, value);
	if (resource_with_value(h->account, h->arena, book.id, EMAIL,
		buf_str(&folded), &list, &n, &h->err) != STORE_OK)
		a = failed(h);
	else if (n == 0)
		a = SIEVE_NO;
	buf_fini(&folded);
	return a;
}

static enum sieve_answer
in_domains(struct script_host *h, struct str value)
{
	size_t at = str_rchr(value, '@');
	struct str name =
	    at == STR_NPOS ? value : str_sub(value, at + 1, SIZE_MAX);
	struct site_domain d;

	switch (site_domain_get(h->site, h->arena, name, &d, &h->err)) {
	case SITE_OK:
		return SIEVE_YES;
	case SITE_NOTFOUND:
	case SITE_INVALID:
		return SIEVE_NO;
	default:
		return failed(h);
	}
}

static enum sieve_answer
in_accounts(struct script_host *h, struct str value)
{
	struct site_targets t = { 0 };

	switch (site_resolve(h->site, h->arena, value, &t, &h->err)) {
	case SITE_OK:
		break;
	case SITE_NOTFOUND:
	case SITE_DISABLED:
	case SITE_INVALID:
		return SIEVE_NO;
	default:
		return failed(h);
	}
	for (size_t i = 0; i < t.count; i++) {
		if (t.list[i].local &&
		    str_eq(t.list[i].account.domain, h->owner->domain))
			return SIEVE_YES;
	}
	return SIEVE_NO;
}

enum sieve_answer
lists_valid(struct script_host *h, struct str list)
{
	struct collection book;
	struct str name;

	if (str_ieqc(short_form(list), ":domains") ||
	    str_ieqc(short_form(list), ":accounts"))
		return SIEVE_YES;
	return book_name(list, &name) ? find_book(h, name, &book) : SIEVE_NO;
}

enum sieve_answer
lists_contain(struct script_host *h, struct str list, struct str value)
{
	struct str name;

	if (str_ieqc(short_form(list), ":domains"))
		return in_domains(h, value);
	if (str_ieqc(short_form(list), ":accounts"))
		return in_accounts(h, value);
	return book_name(list, &name) ? in_book(h, name, value) : SIEVE_NO;
}

enum sieve_answer
lists_members(struct script_host *h, struct arena *arena, struct str list,
    struct str **out, size_t *count)
{
	struct collection book;
	struct str name;
	enum sieve_answer a;

	*count = 0;
	if (!book_name(list, &name))
		return SIEVE_NO;
	a = find_book(h, name, &book);
	if (a != SIEVE_YES)
		return a;
	if (resource_values(h->account, arena, book.id, EMAIL, MEMBERS_MAX, out,
		count, &h->err) != STORE_OK)
		return failed(h);
	return SIEVE_YES;
}
