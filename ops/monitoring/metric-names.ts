import { parser } from "@prometheus-io/lezer-promql";

/**
 * Names of all series that an expression selects.
 *
 * @throws Error where the expression is no PromQL
 */
export function metricNames(expression: string): Set<string> {
  const names = new Set<string>();
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.type.isError)
        throw new Error(
          `not PromQL at position ${node.from}: ${expression.slice(node.from, node.from + 40)}`,
        );
      if (node.name !== "VectorSelector") return;
      const identifier = node.node.getChild("Identifier");
      if (identifier) names.add(expression.slice(identifier.from, identifier.to));
    },
  });
  return names;
}
