"""`pacelayer schema` and the contract: written, compared, and broken only where that is accepted."""

from __future__ import annotations

from pathlib import Path

from tests.projects import ROOT

from .test_command_line import run


def test_check_reports_a_contract_that_is_no_schema(shop: Path) -> None:
    """In words, and not by a line of a stack."""
    (shop / "schema.graphql").write_text("type Query {")

    done = run(shop, "check")

    assert "the contract is not a schema: Syntax Error" in done.err


def test_check_reports_a_break_of_the_contract(shop: Path) -> None:
    """Before a refresh would."""
    assert run(shop, "schema").code == 0
    (shop / "metrics" / "latest.sql").write_text("select count(*) as orders from shop.orders")

    done = run(shop, "check")

    assert done.code == 2
    assert ": Field LatestRow.lastId was removed; 'pacelayer schema --accept' writes" in done.err
    assert "schema.graphql: schema.graphql" not in done.err


def test_schema_writes_the_contract_without_asking_the_source(shop: Path) -> None:
    """Offline, from the metrics and sources.lock."""
    (shop / "shop.sqlite").unlink()

    done = run(shop, "schema")

    assert (done.code, done.out) == (0, "schema.graphql is written\n")
    assert "type SalesRow {" in (shop / "schema.graphql").read_text()


def test_schema_check_is_1_for_a_difference_and_writes_nothing(shop: Path) -> None:
    """For a pipeline: the contract in the repository is the one of the metrics, or not."""
    assert run(shop, "schema").code == 0
    text = (shop / "schema.graphql").read_text()
    assert run(shop, "schema", "--check").code == 0
    (shop / "schema.graphql").write_text(text.replace("orders", "oders"))

    done = run(shop, "schema", "--check")

    assert done.code == 1
    assert "run 'pacelayer schema'" in done.err
    assert "oders" in (shop / "schema.graphql").read_text()


def test_schema_breaks_the_contract_only_where_that_is_accepted(shop: Path) -> None:
    """What is added is no break."""
    assert run(shop, "schema").code == 0
    text = (shop / "schema.graphql").read_text()
    (shop / "metrics" / "latest.sql").write_text("select count(*) as orders from shop.orders")

    done = run(shop, "schema")

    assert done.code == 1
    assert "schema.graphql: Field LatestRow.lastId was removed" in done.err
    assert (shop / "schema.graphql").read_text() == text
    assert run(shop, "schema", "--accept").code == 0
    assert run(shop, "schema", "--check").code == 0


def test_the_contract_of_the_bundled_project_is_up_to_date() -> None:
    """What is committed is what its metrics say."""
    assert run(ROOT, "schema", "--check").code == 0
