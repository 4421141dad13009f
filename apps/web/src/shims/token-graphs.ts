/** Replaces token selection on a device. A page does not need it, because models for target web return logits in host memory. */
export const openTokenGraphs = (): undefined => undefined;
