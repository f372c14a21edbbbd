"""The page at /graphql, in a browser."""

from playwright.sync_api import Locator, Page, expect


def test_graphiql_loads_with_no_request_to_another_host(api: str, page: Page) -> None:
    """Everything that the page needs comes from the API itself: it works without internet access."""
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))

    open_graphiql(api, page)

    assert f"{api}/static/graphiql.js" in requested
    assert [url for url in requested if not url.startswith((f"{api}/", "data:", "blob:"))] == []


def test_graphiql_loads_with_no_console_error(api: str, page: Page) -> None:
    """Nothing is missing, nothing throws, and the Content-Security-Policy blocks nothing."""
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))

    open_graphiql(api, page)

    assert errors == []


def test_running_the_default_query_shows_the_id_of_the_snapshot(api: str, page: Page) -> None:
    """Whoever opens the page for the first time can press play."""
    open_graphiql(api, page)

    page.get_by_role("button", name="Execute query").click()

    expect(page.get_by_role("region", name="Result Window")).to_contain_text(snapshot_id(api, page))


def test_the_docs_show_the_description_of_a_metric(api: str, page: Page) -> None:
    """The comment above a SELECT is found by searching the docs for its metric."""
    open_graphiql(api, page)

    page.keyboard.press("Control+k")
    page.keyboard.type("revenue")
    docs(page).get_by_role("option", name="Query.revenue").first.click()

    expect(docs(page).locator(".graphiql-markdown-description").first).to_contain_text("revenue", ignore_case=True)


def test_ctrl_space_offers_the_metrics(api: str, page: Page) -> None:
    """The editor completes from the schema of this project."""
    open_graphiql(api, page)

    replace_text(query_editor(page), "{ ")
    page.keyboard.press("Control+Space")

    expect(page.locator(".CodeMirror-hints").get_by_text("revenue", exact=True)).to_be_visible()


def test_a_token_among_the_headers_is_not_kept_in_the_browser(api: str, page: Page) -> None:
    """The history remembers the query, but not the headers which it was sent with."""
    open_graphiql(api, page)

    page.get_by_role("button", name="Headers").click()
    replace_text(page.locator("[aria-label=Headers] .graphiql-editor:not(.hidden) .CodeMirror"), '{"X-Token": "secret')
    replace_text(query_editor(page), "{ __typename")
    wait_until_stored(page, "graphiql:tabState", "__typename")  # by then the page knows the headers as well
    with page.expect_request(lambda request: request.headers.get("x-token") == "secret"):
        page.get_by_role("button", name="Execute query").click()
    wait_until_stored(page, "graphiql:queries", "__typename")

    assert "secret" not in page.evaluate("JSON.stringify(localStorage)")


def open_graphiql(api: str, page: Page) -> None:
    """Goes to the page, and waits until the docs show the schema."""
    page.goto(f"{api}/graphql")
    expect(docs(page).get_by_text("Root Types")).to_be_in_viewport()


def docs(page: Page) -> Locator:
    """The pane with the schema."""
    return page.get_by_role("region", name="Documentation Explorer")


def query_editor(page: Page) -> Locator:
    """Where the document is written."""
    return page.get_by_role("region", name="Query Editor").locator(".CodeMirror")


def replace_text(editor: Locator, text: str) -> None:
    """Types over what is in an editor; it closes brackets and quotes by itself."""
    editor.click()
    editor.page.keyboard.press("Control+a")
    editor.page.keyboard.type(text)


def wait_until_stored(page: Page, key: str, text: str) -> None:
    """Wait until the browser has kept a text."""
    page.wait_for_function("([key, text]) => localStorage.getItem(key)?.includes(text)", arg=[key, text])


def snapshot_id(api: str, page: Page) -> str:
    """What the API says itself."""
    answer = page.request.post(
        f"{api}/graphql",
        headers={"Accept": "application/json"},
        data={"query": "{ snapshot { id } }"},
    )
    identity: str = answer.json()["data"]["snapshot"]["id"]
    return identity
