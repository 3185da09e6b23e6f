# shellcheck shell=bash
# Lists of Debian's packages for kernels.sh and tunlab/build.sh, which download packages
# without installing them. They source this file, and define say and fail.
#
# apt-get and apt-cache use the lists of the host until own_apt chooses others, which are in
# tunbench/apt of the cache folder. The settings of the host are read and stay as they are,
# and root is not needed. apt verifies what it downloads.

apt_lists=${XDG_CACHE_HOME:-${HOME:?}/.cache}/tunbench/apt
apt_config=''
apt-get() { env ${apt_config:+APT_CONFIG="$apt_config"} apt-get "$@"; }
apt-cache() { env ${apt_config:+APT_CONFIG="$apt_config"} apt-cache "$@"; }

# targets prints the host's lists of Debian's packages, those of a label if one is given:
# Debian, Debian-Security.
targets() { # FORMAT [LABEL]
	(apt_config='' && apt-get indextargets --format "$1" 'Created-By: Packages' 'Origin: Debian' ${2:+"Label: $2"} 'Component: main' 2>/dev/null) || true
}

# host_sources prints the Debian sources of the host as lines of a sources.list. Of what
# they have, only lists of packages are needed.
host_sources() {
	# shellcheck disable=SC2016 # expanded by apt-get
	targets 'deb [target=Packages] $(REPO_URI) $(RELEASE) $(COMPONENT)' | sort -u
}

# has_bookworm reports whether the host's own lists have all of bookworm_sources.
has_bookworm() {
	# shellcheck disable=SC2016
	[[ $(targets '$(CODENAME)' | grep -xE 'bookworm(-security)?' | sort -u | wc -l) == 2 ]]
}

# host_mirror prints the mirror that the host's apt uses for what has a label.
host_mirror() { # LABEL
	# shellcheck disable=SC2016
	targets '$(REPO_URI)' "$1" | sed -n 1p
}

# mirror prints a mirror of Debian.
mirror() {
	local url=${DEBIAN_MIRROR-} script
	[[ -n $url ]] || url=$(host_mirror Debian)
	# The line is in this script in Debian's and in Ubuntu's package.
	if [[ -z $url ]] && script=$(PATH=$PATH:/usr/sbin command -v debootstrap); then
		url=$(sed -n '/^DEF_MIRROR=/{s/^DEF_MIRROR="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p;q}' "$script")
	fi
	[[ -n $url ]] || fail "no mirror of Debian is known: set DEBIAN_MIRROR to the address of one, or install debootstrap, which names one (on Debian, where the lists of apt are empty: apt-get update, as root)"
	[[ $url =~ ^[a-z][a-z+]*:[^[:space:]]+$ ]] || fail "$url is no address of a mirror of Debian: set DEBIAN_MIRROR"
	echo "${url%/}"
}

# bookworm_sources prints the sources of Debian 12, in which 6.1 and 6.12 are, as lines of a
# sources.list. The security archive has the newest kernels, and alone has 6.12.
bookworm_sources() {
	local url security keyring=${DEBIAN_KEYRING-}
	if [[ -z $keyring ]]; then
		keyring=/usr/share/keyrings/debian-archive-keyring.gpg
		# A newer name of it.
		[[ -e $keyring || ! -e ${keyring%.gpg}.pgp ]] || keyring=${keyring%.gpg}.pgp
	fi
	[[ $keyring == /* && -r $keyring ]] ||
		fail "there is no keyring $keyring, by which apt verifies Debian's packages: install debian-archive-keyring (scripts/setup.sh kernels), or set DEBIAN_KEYRING to the path of one"
	url=$(mirror) || exit
	security=$(host_mirror Debian-Security)
	security=${security:-$url-security}
	cat <<-SOURCES
		deb [target=Packages signed-by=$keyring] $url/ bookworm main
		deb [target=Packages signed-by=$keyring] ${security%/}/ bookworm-security main
	SOURCES
}

# own_apt lets apt use lists of its own, made from sources: sets apt_config, and fetches the
# lists if they are older than an hour or from other sources. Returns false, and says why, if
# that fails.
own_apt() { # NAME ARCH SOURCES
	local own=$apt_lists/$1 log
	mkdir -p "$own"/{lists/partial,archives/partial}
	: >"$own/status"
	if ! cmp -s "$own/sources.list" <<<"$3"; then
		rm -f "$own/fetched"
		printf '%s\n' "$3" >"$own/sources.list"
	fi
	# apt reads APT_CONFIG first, then what is in apt.conf.d, and last Dir::Etc::main.
	{
		if [[ -r ${APT_CONFIG-} ]]; then echo "#include \"$(realpath "$APT_CONFIG")\";"; fi
		echo "Dir::Etc::main \"$own/apt.conf\";"
	} >"$own/first.conf"
	{
		if [[ -r /etc/apt/apt.conf ]]; then echo '#include "/etc/apt/apt.conf";'; fi
		cat <<-CONF
			#clear APT::Architectures;
			#clear APT::Update;
			#clear DPkg;
			APT::Architecture "$2";
			APT::Architectures { "$2"; };
			APT::Default-Release "";
			APT::Sandbox::User "root";
			APT::Update::Error-Mode "any";
			Acquire::AllowInsecureRepositories "false";
			APT::Get::AllowUnauthenticated "false";
			Dir::Etc::sourcelist "$own/sources.list";
			Dir::Etc::sourceparts "/dev/null";
			Dir::Etc::preferences "/dev/null";
			Dir::Etc::preferencesparts "/dev/null";
			Dir::State "$own";
			Dir::State::lists "$own/lists";
			Dir::State::status "$own/status";
			Dir::Cache "$own";
			Dir::Cache::archives "$own/archives";
			Dir::Cache::pkgcache "$own/pkgcache.bin";
			Dir::Cache::srcpkgcache "";
		CONF
	} >"$own/apt.conf"
	apt_config=$own/first.conf
	if [[ -n $(find "$own/fetched" -mmin -60 -print 2>/dev/null) ]]; then return; fi
	rm -f "$own/fetched"
	say "fetching Debian's lists of packages for $2"
	if ! log=$(apt-get -qq update </dev/null 2>&1); then
		printf '%s\n' "$log" >&2
		say "apt-get could not fetch the lists of packages for $2; DEBIAN_MIRROR can name another mirror of Debian (scripts/kernels.sh --help)"
		return 1
	fi
	: >"$own/fetched"
}

# bookworm_apt lets apt use the lists of Debian 12. Returns false, and says why, if they
# cannot be had.
bookworm_apt() { # ARCH
	local sources
	sources=$(bookworm_sources) && own_apt "bookworm-$1" "$1" "$sources"
}
