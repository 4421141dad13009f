/** Names of the targets; apart from what delivers, so that printing help loads nothing more. */
export const TARGETS = ["dir", "oci", "hub", "npm", "web", "server", "device"] as const;
export type Target = (typeof TARGETS)[number];
