EXTRA_DIST += %D%/README.md %D%/quickstart %D%/check %D%/common.sh \
	%D%/postfix/main.cf %D%/postfix/master.cf

# Units name the folders chosen at configure time, so they are made here.
systemd_in = %D%/systemd/mailstead-authd.service.in \
	%D%/systemd/mailstead-imapd.service.in \
	%D%/systemd/mailstead-lmtpd.service.in \
	%D%/systemd/mailstead-milterd.service.in \
	%D%/systemd/mailstead-pop3d.service.in \
	%D%/systemd/mailstead-scand.service.in \
	%D%/systemd/mailstead-sieved.service.in \
	%D%/systemd/tmpfiles.d/mailstead.conf.in
systemd_units = %D%/systemd/mailstead-authd.service \
	%D%/systemd/mailstead-imapd.service \
	%D%/systemd/mailstead-lmtpd.service \
	%D%/systemd/mailstead-milterd.service \
	%D%/systemd/mailstead-pop3d.service \
	%D%/systemd/mailstead-sieved.service $(systemd_scand)
if SCAND
systemd_scand = %D%/systemd/mailstead-scand.service
endif
systemd_tmpfiles = %D%/systemd/tmpfiles.d/mailstead.conf
systemd_static = %D%/systemd/mailstead.target \
	%D%/systemd/sysusers.d/mailstead.conf

EXTRA_DIST += $(systemd_in) $(systemd_static)
CLEANFILES += $(systemd_units) $(systemd_tmpfiles)

if SYSTEMD
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
nodist_systemdsystemunit_DATA = $(systemd_units) %D%/systemd/mailstead.target
nodist_sysusers_DATA = %D%/systemd/sysusers.d/mailstead.conf
nodist_tmpfiles_DATA = $(systemd_tmpfiles)
endif

# systemd wants /run where /var/run is the old name of it.
systemd_edit = sed -e 's|@daemondir@|$(pkglibexecdir)|g' \
	-e 's|@statedir@|$(localstatedir)/lib/mailstead|g' \
	-e 's|@rundir@|$(localstatedir)/run/mailstead|g' \
	-e 's|\([ =-]\)/var/run/|\1/run/|g'

$(systemd_units) $(systemd_tmpfiles): Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(systemd_edit) $(srcdir)/$@.in >$@.tmp && \
		mv $@.tmp $@
%D%/systemd/mailstead-authd.service: %D%/systemd/mailstead-authd.service.in
%D%/systemd/mailstead-imapd.service: %D%/systemd/mailstead-imapd.service.in
%D%/systemd/mailstead-lmtpd.service: %D%/systemd/mailstead-lmtpd.service.in
%D%/systemd/mailstead-milterd.service: %D%/systemd/mailstead-milterd.service.in
%D%/systemd/mailstead-pop3d.service: %D%/systemd/mailstead-pop3d.service.in
%D%/systemd/mailstead-scand.service: %D%/systemd/mailstead-scand.service.in
%D%/systemd/mailstead-sieved.service: %D%/systemd/mailstead-sieved.service.in
%D%/systemd/tmpfiles.d/mailstead.conf: %D%/systemd/tmpfiles.d/mailstead.conf.in
