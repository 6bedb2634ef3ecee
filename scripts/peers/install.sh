#!/bin/bash
# usage: scripts/peers/install.sh
# Installs the programs that `npm run test:peers` and `npm run bench` talk to, on Debian 12 or later, as root.
# Quick when everything is there already. DCMTK's sample worklist is part of the dcmtk package, but slim
# images leave /usr/share/doc out: then its two folders are unpacked by hand into node_modules/.cache/dcmtk-examples.
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=(chromium curl dcmtk libdcmtk-dev g++ openssl python3-odil python3-pydicom orthanc orthanc-dicomweb postgresql strace systemd tshark)
examples=/usr/share/doc/dcmtk/examples
cache=node_modules/.cache/dcmtk-examples

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
have_examples() { [ -d "$examples/wlistqry" ] || [ -d "$cache/wlistqry" ]; }

if [ ${#missing[@]} -eq 0 ] && have_examples; then
  echo "peers: everything is installed"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "peers: run scripts/peers/install.sh as root; missing: ${missing[*]:-the sample worklist of dcmtk}" >&2
  exit 1
fi

export DEBIAN_FRONTEND=noninteractive
apt_options=(-o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
apt-get "${apt_options[@]}" update -qq
if [ ${#missing[@]} -gt 0 ]; then
  echo "peers: installing ${missing[*]}"
  # The packages of Orthanc and PostgreSQL start a service by themselves; the tests start their own.
  policy=/usr/sbin/policy-rc.d
  own_policy=no
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod +x $policy
    own_policy=yes
  fi
  status=0
  apt-get "${apt_options[@]}" install -y -qq --no-install-recommends "${missing[@]}" > /dev/null || status=$?
  [ $own_policy = no ] || rm -f $policy
  if [ $status -ne 0 ]; then
    echo "peers: apt-get could not install ${missing[*]}" >&2
    exit 1
  fi
fi
if ! have_examples; then
  echo "peers: unpacking DCMTK's sample worklist"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work"
  (cd "$work" && apt-get "${apt_options[@]}" -o APT::Sandbox::User=root download -qq dcmtk)
  mkdir -p "$cache"
  dpkg-deb --fsys-tarfile "$work"/dcmtk_*.deb |
    tar -x -C "$cache" --strip-components=6 ".$examples/wlistdb" ".$examples/wlistqry"
fi
echo "peers: installed"
