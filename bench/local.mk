noinst_PROGRAMS += %D%/greylist_bench %D%/load %D%/mime_bench %D%/sieve_bench
%C%_greylist_bench_SOURCES = %D%/greylist_bench.c
%C%_load_SOURCES = %D%/load.c %D%/load.h %D%/operation.c %D%/conn.c %D%/conn.h
%C%_mime_bench_SOURCES = %D%/mime_bench.c
%C%_sieve_bench_SOURCES = %D%/sieve_bench.c
EXTRA_DIST += %D%/run %D%/antivirus %D%/corpus.py %D%/filter %D%/measures.py %D%/order.py %D%/load.py %D%/sessions.py %D%/servers.py %D%/sieve.py
