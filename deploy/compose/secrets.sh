#!/bin/sh
# usage: deploy/compose/secrets.sh
# Makes the secrets of docker-compose.yml at random, each once: those that exist stay. The folder is for its owner only;
# the files in it are mounted into containers, whose users must be able to read them.
set -eu
umask 077
folder=$(cd "$(dirname "$0")" && pwd)/secrets
mkdir -p "$folder"
chmod 700 "$folder"

random() {
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

# usage: make NAME TEXT
make() {
  [ -e "$folder/$1" ] && return
  printf '%s\n' "$2" > "$folder/$1"
  chmod 644 "$folder/$1"
  echo "made $folder/$1"
}

make postgres-password "$(random)"
make store-url "postgres://dimseway:$(cat "$folder/postgres-password")@postgres:5432/dimseway"
make console-token "$(random)"
make orthanc-users.json "{ \"RegisteredUsers\": { \"operator\": \"$(random)\" } }"
