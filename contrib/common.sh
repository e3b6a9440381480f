# Shared by the scripts of this folder: which Debian packages are needed for
# what, and how to say what is going on. Sourced, not run.

build_packages="autoconf automake make gcc pkg-config libc6-dev \
libevent-dev libssl-dev libsqlite3-dev libicu-dev libzstd-dev libargon2-dev \
libcrypt-dev libinih-dev libjansson-dev zlib1g-dev \
libcurl4-openssl-dev libpcre2-dev libunbound-dev nettle-dev libopendkim-dev \
libopendmarc-dev libspf2-dev libpsl-dev libidn2-dev libxml2-dev \
libclamav-dev libseccomp-dev"
run_packages="postfix ca-certificates openssl curl procps publicsuffix dns-root-data"
test_packages="m4 clang libclang-rt-14-dev libcmocka-dev python3 python3-pytest \
python3-pytest-xdist mutt neomutt isync offlineimap3 fetchmail getmail6 dovecot-imapd \
dovecot-lmtpd dovecot-pop3d dovecot-managesieved nginx libnginx-mod-mail \
mandoc git gsasl sieve-connect php-cli php-net-sieve srs \
nsd unbound ldnsutils zip python3-spf python3-dkim python3-authres opendkim opendmarc \
spamd clamav-daemon clamdscan rspamd"

step_number=0
step() {
    step_number=$((step_number + 1))
    printf '[%2d] %s\n' "$step_number" "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Install what is missing of the packages named. Postfix is installed without
# a configuration of its own, unless the system has one already.
need_packages() {
    missing=
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
            grep -q 'ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] ||
        die "these packages are missing; install them or run as root:$missing"
    export DEBIAN_FRONTEND=noninteractive
    echo 'postfix postfix/main_mailer_type select No configuration' |
        debconf-set-selections
    apt_log=$(mktemp)
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get -o DPkg::Lock::Timeout=300 install -y -qq \
        --no-install-recommends $missing >"$apt_log" 2>&1 ||
        { tail -n 5 "$apt_log" >&2; die "apt-get install failed"; }
    rm -f "$apt_log"
}

# The daemons and Postfix run as users of their own, who must be able to enter
# every folder above DIR. A root folder that is closed to them is a broken
# machine (some tools that make containers leave it so): open it. Closed
# folders further down are somebody's decision: say what to do.
need_passage() ( # DIR
    path=$1
    while :; do
        case $(stat -c %A "$path") in
        *[xt]) ;;
        *)
            [ "$path" = / ] ||
                die "$path is closed to other users, so the daemons cannot" \
                    "reach $1: choose another --dir, or chmod o+x $path"
            echo "$0: / is closed to all users but root; opening it (chmod o+x /)"
            chmod o+x /
            ;;
        esac
        [ "$path" != / ] || break
        path=$(dirname "$path")
    done
)

# configure_and_make SOURCE BUILD [configure options]: in a subshell, so that
# its variables are its own. $nice goes before the make.
nice=
configure_and_make() (
    source=$1 build=$2
    shift 2
    mkdir -p "$build"
    log=$build/build.log
    : >"$log"
    if [ ! -x "$source/configure" ] ||
        [ "$source/configure.ac" -nt "$source/configure" ] ||
        [ "$source/Makefile.am" -nt "$source/Makefile.in" ]; then
        (cd "$source" && autoreconf -fi) >>"$log" 2>&1 || build_failed
    fi
    if [ ! -f "$build/Makefile" ] || [ "$source/configure" -nt "$build/Makefile" ]; then
        (cd "$build" && "$source/configure" "$@") >>"$log" 2>&1 || build_failed
    fi
    # shellcheck disable=SC2086
    $nice make -C "$build" -j"$(nproc)" >>"$log" 2>&1 || build_failed
)

build_failed() {
    grep -E 'error|Error' "$log" | head -n 10 >&2
    die "the build failed; the whole story is in $log"
}
