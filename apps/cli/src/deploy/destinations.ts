/** Names of what a bundle is delivered to; apart from what delivers, so that printing help loads nothing more. */
export const DESTINATIONS = ["dir", "oci", "hub", "npm", "web", "server", "device"] as const;
export type Destination = (typeof DESTINATIONS)[number];
