// What a frontend writes once: the TypeScript types of the scalars.
const scalars = {
  BigInt: "number", Bytes: "string", Date: "string", DateTime: "string", Decimal: "string", Duration: "string",
  LocalDateTime: "string", Time: "string", UUID: "string", JSON: "any",
};

const config = { scalars, strictScalars: true, useTypeImports: true };

export default {
  schema: "schema.graphql",
  documents: "operations.graphql",
  generates: {
    "schema.ts": { plugins: ["typescript"], config },
    "generated.ts": { plugins: ["typescript-operations", "typed-document-node"], config },
  },
};
