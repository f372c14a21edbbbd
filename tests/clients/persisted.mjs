// Apollo Client calls a document by its hash, sends it once where that is unknown, and then never again.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";

const sent = [];
const watched = (address, options) => {
  const { searchParams } = new URL(address);
  sent.push({ method: options.method, query: options.body ? "query" in JSON.parse(options.body) : searchParams.has("query") });
  return fetch(address, options);
};

async function ask(useGETForHashedQueries) {
  const sha256 = (text) => createHash("sha256").update(text).digest("hex");
  const link = new PersistedQueryLink({ sha256, useGETForHashedQueries });
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: link.concat(new HttpLink({ uri: `${process.argv[2]}/graphql`, fetch: watched })),
  });
  const query = gql("query Persisted($first: Int) { revenue(by: [PLAN], first: $first) { nodes { plan } } }");
  const { data } = await client.query({ query, variables: { first: 1 } });
  assert.equal(data.revenue.nodes.length, 1);
}

await ask(true);
await ask(true);
await ask(false);
const said = sent.map(({ method, query }) => `${method} ${query ? "text" : "hash"}`);
assert.deepEqual(said, ["GET hash", "POST text", "GET hash", "POST hash"]);
console.log("known by its hash");
