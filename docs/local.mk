# Each program's folder lists its own manual pages.
dist_man_MANS += %D%/mailstead.conf.5
dist_doc_DATA += README.md CONTRIBUTING.md %D%/administrator.md \
	%D%/architecture.md %D%/conformance.md %D%/performance.md
