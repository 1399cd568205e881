#!/usr/bin/env bash
# Installs RabbitMQ, Redis and Valkey of a later Debian release in a folder of its own, for tests against other versions.
#
#   scripts/other-servers.sh <release> <folder>     for example: scripts/other-servers.sh trixie /opt/trixie
#
# It needs root on Debian or Ubuntu, and debootstrap. The folder becomes a small Debian system (about 900 MB); nothing else on the
# machine changes, and no server is started. The mirror is the one in the machine's own apt configuration.
# The launchers in <folder>/launch run the installed programs inside that system: see CONTRIBUTING.md.
set -euo pipefail
if [ $# -ne 2 ]; then
  echo "Usage: $0 <release> <folder>" >&2
  exit 2
fi
release=$1
mkdir -p "$2"
root=$(realpath "$2")

if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null; then
  echo "This script needs root and debootstrap (apt-get install debootstrap)." >&2
  exit 1
fi
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' 'Origin: Debian' | head -n 1)
if [ -z "$mirror" ]; then
  echo "apt has no mirror of Debian on this machine, or no package lists yet (apt-get update)." >&2
  exit 1
fi
eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
[ -z "${http_proxy:-}" ] || export http_proxy

[ -e "$root/usr/bin/apt-get" ] || debootstrap --variant=minbase "$release" "$root" "$mirror"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
apt-config dump Acquire::http Acquire::https > "$root/etc/apt/apt.conf.d/10-machine"
# A mirror can be a snapshot: its lists are then older than they allow.
echo 'Acquire::Check-Valid-Until "false";' > "$root/etc/apt/apt.conf.d/20-snapshot"
# No installed service may start.
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"

# Runs a command inside the folder. Its mounts end with it.
inside() {
  unshare --mount env -i DEBIAN_FRONTEND=noninteractive HOME=/root LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$root" "$@"
}
inside apt-get -q update
inside apt-get -q -y --no-install-recommends install rabbitmq-server redis-server valkey-server

mkdir -p "$root/launch"
# Usage: launcher <name> <program inside the folder>
launcher() {
  cat > "$root/launch/$1" <<LAUNCHER
#!/bin/sh
# Runs $2 of $root with this machine's files under the temporary folder.
export SHARED="\${TMPDIR:-/tmp}" FOLDER="\$PWD" PATH=/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec unshare --mount sh -c '
  mkdir -p "\$0\$SHARED" && mount --rbind "\$SHARED" "\$0\$SHARED" && mount --rbind /proc "\$0/proc" && mount --rbind /dev "\$0/dev" &&
  case \$FOLDER in "\$SHARED"*) ;; *) FOLDER=/ ;; esac &&
  exec chroot "\$0" env --chdir="\$FOLDER" "\$@"' "$root" "$2" "\$@"
LAUNCHER
  chmod +x "$root/launch/$1"
}
launcher rabbitmq-server /usr/lib/rabbitmq/bin/rabbitmq-server
launcher rabbitmqctl /usr/lib/rabbitmq/bin/rabbitmqctl
launcher epmd /usr/bin/epmd
launcher redis-server /usr/bin/redis-server
launcher valkey-server /usr/bin/valkey-server

inside dpkg-query --show rabbitmq-server redis-server valkey-server
cat <<END

To run the suites against these servers:
  RABBITMQ_SERVER=$root/launch/rabbitmq-server npm test -- packages/queue
  REDIS_SERVER=$root/launch/redis-server npm test -- packages/job-store
  REDIS_SERVER=$root/launch/valkey-server npm test -- packages/job-store
END
