/** Names of the weights of draft heads. */

/** Prefix of all of them. */
export const DRAFT = "draft";
