# Turns numbered migrations (001.sql, 002.sql, ...) into C: one string each.
# Whole-line comments and indentation stay out of the program and of the
# databases it makes.

function finish()
{
	if (open_entry)
		print "\t},"
}

BEGIN {
	print "/* Made by sql/embed.awk. */"
	print "#include \"sql/schema.h\""
	print ""
	printf "const struct sql_migration %s_migrations[] = {\n", name
}

FNR == 1 {
	finish()
	file = FILENAME
	sub(/.*\//, "", file)
	sub(/\.sql$/, "", file)
	version = file + 0
	if (version != last + 1) {
		print FILENAME ": migrations must count 001, 002, ..." > "/dev/stderr"
		exit 1
	}
	last = version
	open_entry = 1
	printf "\t{ %d,\n\t    \"\"\n", version
}

/^[ \t]*(--|$)/ { next }

{
	gsub(/\\/, "&&")
	gsub(/"/, "\\\"")
	sub(/^[ \t]+/, "")
	printf "\t    \"%s\\n\"\n", $0
}

END {
	finish()
	print "\t{ 0, NULL },"
	print "};"
}
