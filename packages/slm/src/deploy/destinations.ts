/** Names of the delivery targets, in a separate file so that printing help loads nothing else. */
export const DESTINATIONS = ["dir", "oci", "hub", "npm", "web", "server", "device"] as const;
export type Destination = (typeof DESTINATIONS)[number];

export const isDestination = (name: string): name is Destination =>
  DESTINATIONS.some((destination) => destination === name);
