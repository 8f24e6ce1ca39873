#!/bin/sh
# The one-liners that everybody needs, with kcat (apt install kcat).
#
#     sh examples/kcat.sh [localhost:9092]
set -eu
broker=${1:-localhost:9092}

# What is there: brokers, topics, partitions.
kcat -b "$broker" -L

# Write lines; before the ":" is the key. -X takes any of librdkafka's settings.
printf 'ada:hello\nbob:good morning\n' | kcat -b "$broker" -t kcat-greetings -P -K: -X acks=all

# Write with a header, compressed.
echo "with a header" | kcat -b "$broker" -t kcat-greetings -P -H lang=en -z zstd

# Read from the beginning; -e ends at the end, instead of waiting for more.
kcat -b "$broker" -t kcat-greetings -C -o beginning -e -q

# The same with all there is about each message.
kcat -b "$broker" -t kcat-greetings -C -o beginning -e -q \
    -f 'partition %p, offset %o, key %k, headers %h: %s\n'

# The last two of each partition; and from a time on (milliseconds since 1970).
kcat -b "$broker" -t kcat-greetings -C -o -2 -e -q
kcat -b "$broker" -t kcat-greetings -C -o s@0 -e -q

# Read as a member of a group: the next call goes on where this one ended.
kcat -b "$broker" -G kcat-readers -X auto.offset.reset=earliest -c 3 -q kcat-greetings

# Which offset is the first at or after a time; -1 is the end.
kcat -b "$broker" -Q -t kcat-greetings:0:-1
