/** Names of the weights of draft heads. */

/** Prefix of all of them. */
export const DRAFT = "draft";

/** The linear layer of one head, counted from 0. */
export const draftHead = (head: number): string => `${DRAFT}.heads.${head}`;
