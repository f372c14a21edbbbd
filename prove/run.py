"""The ways to ask: a metric of the project, or a SELECT in the words of a database, with no project at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy
import sqlglot
from sqlglot import exp
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import TokenType

from snapshot.catalog import Catalog
from snapshot.errors import Problem, ProjectError, SourceUnavailable
from snapshot.events import Observer
from snapshot.project import empty_snapshot, load
from snapshot.reader import read_catalog
from snapshot.settings import Settings, SourceSettings
from snapshot.source import Database, open_source, read_lock

from .answer import AnswerSource
from .causes import known_causes
from .compare import compare
from .document import Document
from .endpoint import ask_endpoint, compare_json
from .live import ask_live
from .prototype import Asked, Prototype, prototype, whole_metric
from .report import Report
from .translate import CannotRunLive, live_sql, question_of


def prove_metric(settings: Settings, name: str, runs: int, target: float, observe: Observer) -> Report:
    """A metric's question: of its source as the source would be asked, and of a snapshot. Raises ProjectError."""
    project, sources = load(settings)
    definition = next((d for d in project.definitions if d.metric.name == name), None)
    if definition is None:
        known = ", ".join(d.metric.name for d in project.definitions)
        raise ProjectError((Problem("metrics", 0, f"there is no metric '{name}'", f"there are {known}"),))
    proof = _Proof(settings, sources, settings.root / definition.path, runs, target, observe)
    return proof.report(name, lambda: question_of(definition), whole_metric)


def prove_document(
    settings: Settings,
    title: str,
    text: str,
    variables: str,
    endpoint: Endpoint | None,
    runs: int,
    target: float,
    observe: Observer,
) -> Report:
    """What a GraphQL document asks of one metric: of its source, or of the endpoint that answers it today.

    Raises ProjectError for a document that is refused.
    """
    project, sources = load(settings)
    document = Document(text, variables, settings.server)
    with empty_snapshot(settings) as empty:
        name, question = document.live(read_catalog(empty))
    metric = next(d.path for d in project.definitions if d.metric.name == name)
    proof = _Proof(settings, sources, settings.root / metric, runs, target, observe)
    if endpoint:
        return proof.of_endpoint(title, endpoint, document.asked)
    return proof.report(title, question, document.asked)


@dataclass(frozen=True)
class Endpoint:
    """Where the answer is fetched today, and which of its paths stand for which of the API's answer."""

    url: str
    mapping: Mapping[str, str]


@dataclass(frozen=True)
class _Proof:
    """A question of one metric of a project."""

    settings: Settings
    sources: tuple[Database, ...]
    metric: Path
    runs: int
    target: float
    observe: Observer

    def report(self, name: str, question: Callable[[], str], asked: Callable[[Catalog], Asked]) -> Report:
        """`question` is DuckDB's SELECT over the sources; it may raise CannotRunLive."""
        try:
            engine, sql = self._live(question())
            live, before = ask_live(engine, sql, self.runs)
        except CannotRunLive as error:
            return Report(name, None, str(error), self._prototype(asked), None, self.target)
        made = self._prototype(asked)
        # Asked once more: rows that differ from before the snapshot moved meanwhile.
        _, after = ask_live(engine, sql, 1)
        compared = compare(made.columns, before.first, after.last, made.rows)
        if not compared.equal:
            compared = replace(compared, causes=(*compared.causes, *known_causes(engine, sql)))
        return Report(name, live, "", made, compared, self.target)

    def of_endpoint(self, name: str, endpoint: Endpoint, asked: Callable[[Catalog], Asked]) -> Report:
        """The same of an endpoint."""
        try:
            live, answer = ask_endpoint(endpoint.url, self.runs)
        except CannotRunLive as error:
            raise SourceUnavailable(str(error)) from error
        made = self._prototype(asked)
        compared = compare_json(answer, made.answer, endpoint.mapping) if endpoint.mapping else None
        return Report(name, live, "", made, compared, self.target)

    def _prototype(self, asked: Callable[[Catalog], Asked]) -> Prototype:
        with TemporaryDirectory() as folder:
            shapes = read_lock(self.settings.root)
            return prototype(
                self.settings, shapes, self.sources, self.metric, Path(folder), self.runs, self.observe, asked
            )

    def _live(self, question: str) -> tuple[sqlalchemy.Engine, str]:
        """The database whose tables a question reads, and the question in its words. Raises CannotRunLive."""
        read = {table.db for table in sqlglot.parse_one(question, read="duckdb").find_all(exp.Table) if table.db}
        if len(read) != 1:
            raise CannotRunLive(f"it reads from {' and '.join(sorted(read)) or 'no source'}, which is not one database")
        (name,) = read
        source = next(source for source in self.sources if source.name == name)
        schema = next(one.schema for one in self.settings.sources if one.name == name)
        engine = source.engine()
        if engine.dialect.name in ("mysql", "mariadb") and self.settings.time_zone != "UTC":
            self._refuse_moments(name, question)
        return engine, live_sql(question, engine.dialect.name, {name: schema})

    def _refuse_moments(self, source: str, question: str) -> None:
        """A server knows the names of zones only where somebody loaded them, so its sessions are UTC."""
        read = {column.name for column in sqlglot.parse_one(question, read="duckdb").find_all(exp.Column)}
        for table in read_lock(self.settings.root)[source].values():
            for column in read & {name for name, c in table.columns.items() if c.type == "TIMESTAMPTZ"}:
                raise CannotRunLive(f"'{column}' is a moment, and is asked in UTC, not in {self.settings.time_zone}")


def _is_several(text: str) -> bool:
    try:
        return any(token.token_type is TokenType.SEMICOLON for token in sqlglot.tokenize(text))
    except TokenError:
        return False  # the database says what is wrong


def prove_sql(url: str, sql: Path, runs: int, target: float, observe: Observer) -> Report:
    """A SELECT as it is asked today. There need be no project, and nothing is left behind. Raises ProjectError."""
    text = sql.read_text(encoding="utf-8").strip().rstrip(";")
    if not text or _is_several(text):
        raise ProjectError((Problem(sql.name, 0, "the file must hold one SELECT and nothing else"),))
    settings = Settings(Path.cwd(), "prove", sources=(SourceSettings("live", url),))
    engine = open_source(settings.sources[0], settings.root).engine()
    try:
        live, answers = ask_live(engine, text, runs)
    except CannotRunLive as error:
        raise ProjectError((Problem(sql.name, 0, f"the database or its driver refuses it: {error}"),)) from error
    # Whatever the columns are called, or whether they are: what is compared is their values.
    source = AnswerSource([f"c{number}" for number in range(len(answers.columns))], answers.last)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "answer.sql").write_text("from live.answer")
        (folder / "project").mkdir()
        shapes = {"live": source.shapes()}
        made = prototype(
            replace(settings, root=folder), shapes, [source], folder / "answer.sql", folder / "project", runs, observe
        )
    _, after = ask_live(engine, text, 1)
    made = replace(made, built=made.built + live.total[-1] / 1000)
    return Report(sql.name, live, "", made, compare(made.columns, answers.last, after.last, made.rows), target)
