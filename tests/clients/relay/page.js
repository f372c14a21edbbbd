import { graphql } from "relay-runtime";

export const query = graphql`
  query pageQuery($where: RevenueWhere, $first: Int!, $after: String) {
    revenue(by: [MONTH, PLAN], where: $where, first: $first, after: $after) {
      nodes { ...page_row }
      pageInfo { endCursor hasNextPage }
    }
  }
`;
export const row = graphql`
  fragment page_row on RevenueRow { month plan revenue previous(by: MONTH) { revenue } }
`;
