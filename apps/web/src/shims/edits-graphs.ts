/** Replaces the constant of the same name: a page loads graphs unchanged. */
export const EDITS_GRAPHS = false;
