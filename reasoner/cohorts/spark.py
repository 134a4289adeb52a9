"""Scoring a cohort on Spark, here or on a cluster: the same queries, one pass over the lesions
without a shuffle.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from calx.reasoner.cohorts.column_map import CASE_ID, found
from calx.reasoner.cohorts.dialects import written
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.plan import ScoringPlan, plan
from calx.reasoner.cohorts.rejects import Refusals, Rejects, written_aside
from calx.reasoner.cohorts.run import connected, rows_of
from calx.reasoner.cohorts.scored import (
    Options,
    Progress,
    Scored,
    added_up,
    marks,
    no_doubles,
    notes,
)
from calx.reasoner.cohorts.sources import ROW, suffix_of
from calx.reasoner.columns.admission import ColumnKind
from calx.reasoner.columns.sql import quoted
from calx.reasoner.recommendation import Reasoner

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COHORT = "calx_cohort"
"""The view of the lesions."""
SETTINGS = {"spark.sql.codegen.maxFields": "2000", "spark.sql.codegen.wholeStage": "false"}
"""Set for the run: a query of so many columns is compiled expression by expression; as a whole it
is larger than Java lets a method be.
"""
HERE: dict[str, bool | float | int | str | None] = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "3g",
    "spark.driver.extraJavaOptions": "-XX:-DontCompileHugeMethods",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.files.maxPartitionBytes": "16m",
}
"""Of a Spark that is started here, on one machine; on a cluster the submitter's stand."""
MOST_DOUBLES = 5
"""Ids that stand twice, up to which they are named."""


def session() -> SparkSession:
    """The Spark that there is (as under ``spark-submit``), else one on this machine.

    Raises:
        CohortError: there is no Java, or not one that Spark takes.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    known = SparkSession.getActiveSession()
    if known is not None:
        return known
    builder = SparkSession.builder.appName("calx cohort")
    if "SPARK_ENV_LOADED" not in os.environ and "MASTER" not in os.environ:
        if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
            raise CohortError(
                "Spark needs Java 17 or newer, and there is none: install it (on Debian "
                "default-jre-headless), or name it with JAVA_HOME"
            )
        builder = builder.master("local[*]").config(map=HERE)
    try:
        return builder.getOrCreate()
    except PySparkException as error:
        raise CohortError(f"Spark does not start: {_reason(error)}") from None


def score(
    reasoner: Reasoner,
    inputs: Sequence[str],
    out: str,
    rejects: Path,
    options: Options | None = None,
    progress: Progress = lambda told, done: None,
) -> Scored:
    """Score the lesions of some files.

    Args:
        reasoner: of the guideline.
        inputs: Parquet or CSV files or folders, wherever Spark can read them.
        out: a folder that is not there yet, wherever Spark can write.
        rejects: a CSV file on this machine, of the rows that are not answered. Rows have no number
            here, as Spark's have no order.
        options: how.
        progress: told what is being done.

    Raises:
        CohortError: it cannot be done.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    how, spark = options or Options(), session()
    for name, value in SETTINGS.items():
        spark.conf.set(name, value)
    try:
        return _score(reasoner, spark, inputs, out, rejects, how, progress)
    except (PySparkException, Py4JJavaError) as error:
        raise CohortError(f"{out}: {_reason(error)}") from None


def _score(
    reasoner: Reasoner,
    spark: SparkSession,
    inputs: Sequence[str],
    out: str,
    rejects: Path,
    how: Options,
    progress: Progress,
) -> Scored:
    progress("reading", 0)
    lesions = _read(spark, inputs)
    asked = planned(reasoner, lesions, how)
    lesions.createOrReplaceTempView(COHORT)
    _no_doubles(lesions, asked)
    progress("scoring", 0)
    results(spark, reasoner, asked).write.parquet(out)
    try:
        answered, rows = spark.read.parquet(out).count(), lesions.count()
        with written_aside(rejects, several=False) as refused:
            if answered < rows:
                progress("looking why rows are not answered", 0)
                judge = Refusals(reasoner, asked, how.language)
                _refuse(judge, _unanswered(spark, lesions, asked, out), refused)
            return added_up(rows, answered, refused.rows, notes=notes(reasoner, [asked]))
    except BaseException:
        _remove(spark, out)
        raise


ID = "id:"
"""The column of the ids as they are answered."""
ROWS = f"SELECT *, CAST(NULL AS BIGINT) AS {quoted(ROW)} FROM {COHORT}"
"""The query of the rows."""


def planned(reasoner: Reasoner, lesions: DataFrame, how: Options) -> ScoringPlan:
    """How the rows of a data frame are scored."""
    columns = {field.name: _entered(field.dataType.typeName()) for field in lesions.schema.fields}
    where = found(reasoner.guideline, columns, how.columns)
    return plan(reasoner, where, facts=how.facts, rules=how.rules, opened=how.opened)


def results(spark: SparkSession, reasoner: Reasoner, asked: ScoringPlan) -> DataFrame:
    """The results of the view `COHORT`; which guideline made them stands with the ids."""
    frame = spark.sql(written(asked.results(ROWS), "spark"))
    return frame.withMetadata(CASE_ID, marks(reasoner))


def _read(spark: SparkSession, inputs: Sequence[str]) -> DataFrame:
    kinds = {suffix_of(Path(name)) or ".parquet" for name in inputs}
    if kinds <= {".csv", ".csv.gz", ".tsv", ".tsv.gz"}:
        return spark.read.csv(
            [*inputs],
            header=True,
            sep="\t" if kinds & {".tsv", ".tsv.gz"} else ",",
            mode="FAILFAST",
            enforceSchema=False,
        )
    if kinds <= {".parquet", ".pq"}:
        return spark.read.parquet(*inputs)
    raise CohortError(f"{', '.join(inputs)}: Spark reads Parquet or CSV here, one kind at a time")


def _no_doubles(lesions: DataFrame, asked: ScoringPlan) -> None:
    """Without order none of two rows is the first, so a cohort with doubles is refused."""
    ids = lesions.selectExpr(f"{written(asked.found.id_text, 'spark')} AS id")
    twice = ids.groupBy("id").count().where("count > 1 AND id IS NOT NULL")
    no_doubles(asked.found, [row["id"] for row in twice.limit(MOST_DOUBLES).collect()])


def _unanswered(spark: SparkSession, lesions: DataFrame, asked: ScoringPlan, out: str) -> Any:
    """The rows without an answer, gathered here as an Arrow table."""
    answered = spark.read.parquet(out).select(CASE_ID)
    told = lesions.selectExpr("*", f"{written(asked.found.id_text, 'spark')} AS `{ID}`")
    return told.join(answered, told[ID] == answered[CASE_ID], "left_anti").drop(ID).toArrow()


def _refuse(judge: Refusals, unanswered: Any, refused: Rejects) -> None:
    """Why some rows are not answered, by the same queries on this machine."""
    with TemporaryDirectory() as stage, connected(Path(stage)) as connection:
        connection.register(COHORT, unanswered)
        refused.refused(judge, "", rows_of(connection, judge.plan.refused(ROWS)))
        refused.undecided("", rows_of(connection, judge.plan.undecided(ROWS)))


def _entered(kind: str) -> ColumnKind | None:
    if kind in ("string", "varchar", "char"):
        return ColumnKind.TEXT
    if kind == "boolean":
        return ColumnKind.BOOLEAN
    if kind == "float":
        return ColumnKind.SINGLE
    numbers = ("byte", "short", "integer", "long", "double", "decimal")
    return ColumnKind.NUMBER if kind in numbers else None


def _remove(spark: SparkSession, out: str) -> None:
    java: Any = spark.sparkContext._jvm
    path = java.org.apache.hadoop.fs.Path(out)
    path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()).delete(path, True)


def _reason(error: Exception) -> str:
    """The first line: what follows are hundreds of kilobytes of the query."""
    return " ".join(str(error).split())[:300]
