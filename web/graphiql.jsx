// The page at /graphql: GraphiQL, talking to the address which it was loaded from.

import { DOC_EXPLORER_PLUGIN, DocExplorerContextProvider } from "@graphiql/plugin-doc-explorer";
import { HISTORY_PLUGIN, HistoryContextProvider } from "@graphiql/plugin-history";
import { isMacOs, usePluginStore } from "@graphiql/react";
import { StorageAPI } from "@graphiql/toolkit";
import { GraphiQL, GraphiQLInterface, GraphiQLProvider } from "graphiql";
import { useState } from "react";
import { createRoot } from "react-dom/client";

import "graphiql/style.css";
import "./graphiql.css";

// Valid in every project: neither field depends on what metrics/ holds. The lines fit the editor of a window of
// 1280 pixels with the docs open.
const DEFAULT_QUERY = `# One SELECT in metrics/ is one
# field here.
# ctrl-space completes; the docs
# on the left say what each
# column means.

{
  snapshot {
    id
    asOf
  }
  metrics {
    name
    description
  }
}
`;

const STORAGE = storageOfGraphiQL();
const PLUGINS = [DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN];

function Page() {
  return (
    <GraphiQLProvider
      fetcher={fetcher}
      storage={STORAGE}
      defaultQuery={DEFAULT_QUERY}
      plugins={PLUGINS}
      referencePlugin={DOC_EXPLORER_PLUGIN}
      visiblePlugin={DOC_EXPLORER_PLUGIN}
    >
      <HistoryContextProvider>
        <DocExplorerContextProvider>
          <OnceDocsAreChosen>
            <GraphiQLInterface showPersistHeadersSettings>
              <GraphiQL.Logo>pacelayer</GraphiQL.Logo>
            </GraphiQLInterface>
          </OnceDocsAreChosen>
        </DocExplorerContextProvider>
      </HistoryContextProvider>
    </GraphiQLProvider>
  );
}

// GraphiQL 4 folds the docs away if they are not chosen at its first render, but its provider takes note of
// visiblePlugin only in an effect after that: so the first render waits, and <GraphiQL> is spelt out above.
function OnceDocsAreChosen({ children }) {
  const { visiblePlugin } = usePluginStore();
  const [chosen, setChosen] = useState(false);
  if (visiblePlugin && !chosen) setChosen(true);
  return chosen && children;
}

// GraphiQL's history writes each query's headers, tokens included, to localStorage, even while its own setting
// "Persist headers" is off (seen in 4.1.2). They are left out here.
function storageOfGraphiQL() {
  const { storage } = new StorageAPI();
  const setItem = storage.setItem;
  storage.setItem = (key, value) => setItem(key, isHistory(key) ? withoutHeaders(value) : value);
  return storage;
}

function isHistory(key) {
  return key === "graphiql:queries" || key === "graphiql:favorites";
}

function withoutHeaders(json) {
  return JSON.stringify(JSON.parse(json), (name, value) => (name === "headers" ? undefined : value));
}

async function fetcher(params, { headers } = {}) {
  const response = await fetch(window.location.pathname, {
    method: "POST",
    headers: {
      Accept: "application/graphql-response+json, application/json",
      "Content-Type": "application/json",
      ...headers,
    },
    body: JSON.stringify(params),
  });
  return parsed(response, await response.text());
}

// A proxy in front of the API may answer with a page of its own: show that, not JSON's complaint about it.
function parsed(response, text) {
  try {
    return JSON.parse(text);
  } catch {
    const message = `HTTP ${response.status} ${response.statusText}, and the answer is not JSON: ${text}`;
    return { errors: [{ message }] };
  }
}

// The docs' search says "Ctrl K" where there is no Mac, but GraphiQL 4.1.2 listens to the Mac's "⌘ K" alone.
function searchDocsOnCtrlK(event) {
  const search = document.querySelector("[data-cy=doc-explorer-input]");
  if (isMacOs || !event.ctrlKey || event.key !== "k" || !search) return;
  event.preventDefault();
  search.focus();
}

window.addEventListener("keydown", searchDocsOnCtrlK);
createRoot(document.getElementById("graphiql")).render(<Page />);
