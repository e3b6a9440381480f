lib_libmailstead_a_SOURCES += %D%/dns.h %D%/resolver.h %D%/zone.h
