/** Choosing tokens where logits lie, which a page does not: its models are for target web, and their logits are the host's. */
export const openTokenGraphs = (): undefined => undefined;
