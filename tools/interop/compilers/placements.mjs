/** Which provider ONNX Runtime placed each node on, as its log of severity VERBOSE says. */

const PART = /Node\(s\) placed on \[(\w+)\]/u;
const ALL = /All nodes placed on \[(\w+)\]/u;
const NODE = /VerifyEachNodeIsAssignedToAnEp\] {3}\S+ \((.*)\)$/u;

/** Nodes by name; `*` where the log only says that all nodes lie with one provider. */
export function placementsIn(/** @type {string} */ log) {
  /** @type {Record<string, string>} */
  const nodes = {};
  let provider;
  for (const line of log.split("\n")) {
    const all = ALL.exec(line)?.[1];
    if (all !== undefined) nodes["*"] = all;
    provider = PART.exec(line)?.[1] ?? provider;
    const name = NODE.exec(line)?.[1];
    if (name !== undefined && provider !== undefined) nodes[name] = provider;
  }
  return nodes;
}
