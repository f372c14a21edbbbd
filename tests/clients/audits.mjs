// The audits of GraphQL over HTTP: what a server must, should and may do.
import { auditServer } from "graphql-http";

const results = await auditServer({ url: `${process.argv[2]}/graphql` });
for (const { status, id, name, reason } of results) {
  if (status !== "ok") console.log(`${status} ${id} ${name}: ${reason}`);
}
console.log(`${results.filter(({ status }) => status === "ok").length} of ${results.length}`);
