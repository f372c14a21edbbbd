// Two questions of one metric by different dimensions do not disturb each other in a normalised cache.
import assert from "node:assert/strict";
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { Client, fetchExchange, gql as document } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";

const url = `${process.argv[2]}/graphql`;
const BY_PLAN = "query { revenue(by: [PLAN]) { nodes { plan revenue } totals { revenue } } }";
const BY_MONTH = "query { revenue(by: [MONTH]) { nodes { month revenue } totals { revenue } } }";

async function told(query) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query }) });
  return (await answer.json()).data.revenue;
}

// Objects have `__typename` in a cache, which nobody asked for.
const plain = (value) => JSON.parse(JSON.stringify(value, (key, item) => (key === "__typename" ? undefined : item)));

async function apollo(texts) {
  const client = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: url }) });
  for (const text of texts) await client.query({ query: gql(text) });
  return texts.map((text) => plain(client.readQuery({ query: gql(text) }).revenue));
}

async function urql(texts) {
  // A row is the answer's own and no entity: graphcache wants that said.
  const keys = Object.fromEntries(["Result", "Row", "Totals"].map((name) => [`Revenue${name}`, () => null]));
  const client = new Client({ url, preferGetMethod: false, exchanges: [cacheExchange({ keys }), fetchExchange] });
  for (const text of texts) await client.query(document(text), {}).toPromise();
  return texts.map((text) => plain(client.readQuery(document(text), {}, { requestPolicy: "cache-only" }).data.revenue));
}

const texts = [BY_PLAN, BY_MONTH];
const expected = await Promise.all(texts.map(told));
for (const ask of [apollo, urql]) assert.deepEqual(await ask(texts), expected, ask.name);
console.log("kept apart");
