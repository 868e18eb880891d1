# shellcheck shell=sh
# Read by scripts that measure what something costs, from the top folder: instructions that Valgrind
# counts are the same whatever the load of the machine is.

# prepare PRODUCT: builds a program of Fuzz/, which counts nothing but what is done in functions
# whose names contain "measured", and sets program and folder, where files are made.
prepare() {
  swift build --quiet --package-path Fuzz --scratch-path .build/cost -c release --product "$1"
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  program=$folder/$1
  # Valgrind gives up on the debug information of a newer compiler.
  strip -g -o "$program" ".build/cost/release/$1"
}

# count ARGUMENT...: runs the program, sets instructions to what it took in all, and said to what it
# printed.
count() {
  said=$(valgrind --tool=callgrind --callgrind-out-file="$folder/counts" \
    --toggle-collect='*measured*' "$program" "$@" 2> /dev/null) || {
    echo "${program##*/} $*: $said" >&2
    exit 1
  }
  # shellcheck disable=SC2034  # The scripts that read this one use it.
  instructions=$(awk '/^summary:/ { print $2 }' "$folder/counts")
}
