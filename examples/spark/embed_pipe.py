"""Lines of JSON in, lines of JSON out: every record comes back with its vector, or with what is wrong with it.

    spark-submit embed_pipe.py records.jsonl vectors [options of munjang embed]
"""

import os
import shlex
import sys

from pyspark.sql import SparkSession


def main(source: str, target: str, options: list[str]) -> None:
    spark = SparkSession.builder.appName("munjang pipe").getOrCreate()
    # Where the command lies on the executors; they do not look it up in the PATH of the driver.
    munjang = os.environ.get("MUNJANG", os.path.abspath("node_modules/.bin/munjang"))
    command = [*shlex.split(munjang), "embed", "--stream", "--from", "jsonl", "--threads", "0", *options]
    partitions = int(os.environ.get("PARTITIONS", "4"))
    lines = spark.sparkContext.textFile(source, partitions)
    # checkCode: a process that dies fails its task, which Spark tries again, instead of ending its part early.
    vectors = lines.pipe(shlex.join(command), env={"PATH": os.environ["PATH"]}, checkCode=True)
    vectors.saveAsTextFile(target)
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
