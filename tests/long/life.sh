#!/usr/bin/env bash
# Random lives of all operations against a model, with restarts, deaths and power cuts: the long part. As many lives as the
# first argument says (200), from the seed that FOREBAY_SEED says (1). A failure prints the seed that repeats it.
set -euo pipefail
cd "$(dirname "$0")/../.."
FOREBAY_LIVES=${1:-200} exec cargo test --locked --lib engine::life_tests::long -- --ignored --nocapture
