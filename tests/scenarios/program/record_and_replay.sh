#!/bin/sh
# record_and_replay.sh SIM REPLAY: worlds of the simulator, one node of each recorded, and repeated
# from the recording alone.
set -eu
sim=$1
replay=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# repeats SCENARIO VARIANT NODE SEED
repeats() {
  file="$dir/$1-$2-$3-$4.rec"
  "$sim" --scenario "$1" --variant "$2" --seed "$4" --record "$file" --node "$3" > "$dir/sim" ||
    { cat "$dir/sim"; exit 1; }
  "$replay" --quiet "$file"
}

repeats S01 0 client 1   # They meet.
repeats S08 1 gateway 1  # And have much to say.
repeats S16 0 client 1   # They sleep, and channels lapse.
repeats S30 0 client 1   # Relays come and go.
repeats S30 0 gateway 1
repeats S47 1 client 1   # Both roam, and have new keys.
repeats S53 0 gateway 1  # Somebody forges.

# A recording is not overwritten, and one that was tampered with is no repetition.
file="$dir/S01-0-client-1.rec"
if "$sim" --scenario S01 --record "$file" > "$dir/sim" 2>&1; then
  echo "a recording was overwritten"
  exit 1
fi
head -c 20000 "$file" > "$dir/changed.rec"
printf 'X' | dd of="$dir/changed.rec" bs=1 seek=10000 conv=notrunc 2> /dev/null
if "$replay" --quiet "$dir/changed.rec" > "$dir/out" 2>&1; then
  echo "a recording that was tampered with was repeated"
  exit 1
fi
