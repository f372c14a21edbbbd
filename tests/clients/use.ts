import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { DashboardDocument, RevenueDocument, type RevenueQuery, type RevenueQueryVariables } from "./generated";

// Each line fails to compile where a type is not what it says.
const typed: TypedDocumentNode<RevenueQuery, RevenueQueryVariables> = RevenueDocument;
const variables: RevenueQueryVariables = { where: { day: { gte: "2026-01-01" }, plan: { in: ["pro"] } } };
const orders = (answer: RevenueQuery): number => answer.revenue.nodes.reduce((sum, row) => sum + row.orders, 0);
const revenue = (answer: RevenueQuery): (string | null | undefined)[] => answer.revenue.nodes.map((row) => row.revenue);
// @ts-expect-error a measure is no text
const wrong = (answer: RevenueQuery): string => answer.revenue.nodes[0].orders;
// @ts-expect-error there is no such dimension
const unknown: RevenueQueryVariables = { where: { colour: { eq: "red" } } };
export { DashboardDocument, orders, revenue, typed, unknown, variables, wrong };
