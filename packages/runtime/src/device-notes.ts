/** What must be said of results that another device computed than was asked for. */
import type { RuntimeDevice } from "./runtime.js";

/** One sentence each; none where the device that was asked for computed. */
export function deviceNotes({
  provider,
  simulated,
  description,
  fallbacks,
}: Pick<RuntimeDevice, "provider" | "simulated" | "description" | "fallbacks">): readonly string[] {
  return [
    ...fallbacks.map(({ device, reason }) => `${device} does not compute here: ${reason}.`),
    ...(simulated ? [`${provider} was simulated (${description}): no time here is of that device.`] : []),
    ...(!simulated && fallbacks.length > 0 ? [`${provider} computed instead (${description}).`] : []),
  ];
}
