// The client library of the graphql-sse protocol hears of a new snapshot, misses one while it is away, and comes again.
import { createClient } from "graphql-sse";

const url = `${process.argv[2]}/graphql`;
const query = "subscription { snapshotPublished { snapshot { id number } changedMetrics } }";
let last; // what the client has numbers of

const client = createClient({
  url,
  headers: () => (last ? { "Last-Event-ID": last } : {}),
  on: { connected: () => console.log("connected") },
  retryAttempts: 600,
  retry: () => new Promise((resolve) => setTimeout(resolve, 100)),
});

const asked = client.iterate({ query: "query ($by: [SalesBy!]) { sales(by: $by) { nodes { orders } } }", variables: { by: [] } });
for await (const { data } of asked) console.log(`orders ${data.sales.nodes[0].orders}`);

for await (const { data, errors } of client.iterate({ query: "subscription { nothing }" })) {
  console.log(data === undefined ? errors[0].extensions.code : "answered");
}

for await (const { data } of client.iterate({ query })) {
  last = data.snapshotPublished.snapshot.id;
  console.log(`${data.snapshotPublished.snapshot.number} ${data.snapshotPublished.changedMetrics}`);
  if (data.snapshotPublished.snapshot.number === 3) break;
}
client.dispose();
