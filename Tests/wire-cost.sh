#!/bin/sh
# Measures the packet codec; fails if decoding allocates memory.
set -eu
cd "$(dirname "$0")/.."
swift build --quiet --package-path Fuzz --scratch-path .build/cost -c release --product WireCost
exec .build/cost/release/WireCost
