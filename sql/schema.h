/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SQL_SCHEMA_H
#define SQL_SCHEMA_H

#include <stddef.h>

/*
 * The schemas as they grew: NNN.sql in sql/account, sql/site, sql/filter and
 * sql/quarantine, compiled in. Version N brings a database of version N - 1 up;
 * a released migration is never edited. Each list counts from 1 and ends with {
 * 0, NULL }.
 */
struct sql_migration {
	int version;
	const char *sql;
};

extern const struct sql_migration account_migrations[];
extern const struct sql_migration site_migrations[];
extern const struct sql_migration filter_migrations[];
extern const struct sql_migration quarantine_migrations[];

#endif
