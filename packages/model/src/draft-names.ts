/** Names of the weights of draft heads. */

/** Prefix of all of them. */
export const DRAFT = "draft";

/** The linear layer of all heads, `[heads · width, width]`: that of head h, from 0 on, are its rows h · width to (h + 1) · width - 1. */
export const DRAFT_HEADS = `${DRAFT}.heads`;
