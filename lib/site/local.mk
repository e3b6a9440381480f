lib_libmailstead_a_SOURCES += \
	%D%/password.h %D%/sasl.h %D%/setting.h %D%/site.h
