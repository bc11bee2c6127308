"""A table in, a table out: the columns of the input, `embedding` (float32), and `error` where there is none.

    spark-submit embed_pandas.py texts.parquet vectors.parquet [options of munjang embed]
"""

import base64
import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, FloatType, StringType, StructField, StructType


class Munjang:
    """A process that answers every line with a line."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> "Munjang":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()

    def embed(self, texts: list[str | None]) -> Iterator[dict]:
        # Before anything is sent: what JSON does not know is an error here, and not in a thread, where nobody sees it.
        lines = b"".join(json.dumps({"text": text}).encode() + b"\n" for text in texts)

        def send() -> None:
            try:
                self.process.stdin.write(lines)
                self.process.stdin.flush()
            except OSError:
                pass  # it is gone, which reading tells

        # From a thread: both pipes are full at some time, and somebody must read.
        sender = threading.Thread(target=send)
        sender.start()
        for _ in texts:
            line = self.process.stdout.readline()
            if not line.endswith(b"\n"):
                # The task fails, and Spark tries it again.
                raise RuntimeError(f"munjang ended with {self.process.wait()} in the middle of its work")
            yield json.loads(line)
        sender.join()


def vectors_of(command: list[str]):
    def vectors(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        with Munjang(command) as munjang:
            for batch in batches:
                texts = batch["text"].astype(object)
                answers = list(munjang.embed(texts.where(texts.notna(), None).tolist()))
                coded = [answer.get("embedding") for answer in answers]
                rows = [None if text is None else np.frombuffer(base64.b64decode(text), "<f4") for text in coded]
                yield batch.assign(embedding=rows, error=[answer.get("error") for answer in answers])

    return vectors


def main(source: str, target: str, options: list[str]) -> None:
    spark = SparkSession.builder.appName("munjang mapInPandas").getOrCreate()
    munjang = os.environ.get("MUNJANG", os.path.abspath("node_modules/.bin/munjang"))
    stream = ["embed", "--stream", "--from", "jsonl", "--base64", "--threads", "0"]
    command = [*shlex.split(munjang), *stream, *options]
    texts = spark.read.parquet(source)
    columns = {field.name: field.dataType for field in texts.schema.fields}
    if not isinstance(columns.get("text"), StringType):
        sys.exit(f"{source} needs a column text of strings; its columns: {texts.schema.simpleString()}")
    added = [StructField("embedding", ArrayType(FloatType())), StructField("error", StringType())]
    schema = StructType([*texts.schema.fields, *added])
    partitions = int(os.environ.get("PARTITIONS", "4"))
    texts.repartition(partitions).mapInPandas(vectors_of(command), schema).write.parquet(target)
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
