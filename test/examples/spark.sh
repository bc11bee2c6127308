#!/usr/bin/env bash
# Puts PySpark into test/examples/.venv, where there is Java and Python. It never fails: without them its tests are skipped, and say so.
cd "$(dirname "$0")" || exit 0
if ! command -v java >/dev/null || ! command -v python3 >/dev/null; then
  echo "test/examples: no java or no python3; Spark is skipped"
  exit 0
fi
requirements=../../examples/spark/requirements.txt
cmp -s "$requirements" .venv/installed.txt && exit 0
python3 -m venv .venv && .venv/bin/pip install -q --disable-pip-version-check -r "$requirements" && cp "$requirements" .venv/installed.txt ||
  echo "test/examples: PySpark could not be installed; Spark is skipped"
exit 0
