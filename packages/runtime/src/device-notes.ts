/** Notes on results that were not computed on the requested device. */
import type { RuntimeDevice } from "./runtime.js";

/** One sentence per note; none if the requested device computed the results. */
export function deviceNotes({
  provider,
  simulated,
  description,
  fallbacks,
}: Pick<RuntimeDevice, "provider" | "simulated" | "description" | "fallbacks">): readonly string[] {
  return [
    ...fallbacks.map(({ device, reason }) => `${device} is not available here: ${reason}.`),
    ...(simulated
      ? [`${provider} was simulated (${description}): the times were not measured on that device.`]
      : []),
    ...(!simulated && fallbacks.length > 0 ? [`${provider} was used instead (${description}).`] : []),
  ];
}
