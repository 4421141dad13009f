/** Opens a target with several profiles: lists its candidates, and builds the error if none of them works. */
import { SlmError } from "@slm/core";
import { ALL_DEVICES, type RuntimeName } from "@slm/devices";
import { openFirst, type Candidate, type FirstFound, type OpenFirstOptions } from "./open-first.js";

/** A kind of device and its profiles. */
export interface DeviceProfiles {
  /** Package name for error messages. */
  readonly name: string;
  /** As a user names it: "gpu". */
  readonly kind: RuntimeName;
  readonly candidates: readonly Candidate[];
  /** Suggestions for the error: run without `--no-fallback`, or on another device. */
  readonly suggestions: readonly string[];
}

/** The candidates of a runtime, in the order of the table of devices. */
export function candidatesOf(kind: RuntimeName): readonly Candidate[] {
  return ALL_DEVICES.filter(({ runtimes }) => runtimes[0] === kind).map(
    ({ target, profile, provider, needs }) => ({
      device: `${target}:${profile}`,
      target,
      profile,
      provider,
      needs: needs ?? "nothing",
    }),
  );
}

/**
 * The candidates of one profile, or all candidates if no profile is given.
 *
 * @throws SlmError USAGE for an unknown profile.
 */
export function candidatesFor(
  { name, kind, candidates }: DeviceProfiles,
  profile: string | undefined,
): readonly Candidate[] {
  if (profile === undefined) return candidates;
  const chosen = candidates.filter(({ device }) => device === `${kind}:${profile}`);
  if (chosen.length > 0) return chosen;
  const known = candidates.map(({ device }) => device.slice(kind.length + 1));
  throw new SlmError(
    "USAGE",
    `${name}: unknown profile '${profile}'; known profiles are ${known.join(", ")}`,
  );
}

/**
 * Like {@link openFirst}, but without `fallback` one of the candidates must work.
 *
 * @throws SlmError as {@link openFirst}; DEVICE_UNAVAILABLE with all reasons if no candidate works and fallback is not allowed.
 */
export async function openProfiles(
  { name, kind, suggestions }: DeviceProfiles,
  chosen: readonly Candidate[],
  options: Omit<OpenFirstOptions, "name"> & { readonly fallback: boolean },
): Promise<FirstFound> {
  const { fallback, ...settings } = options;
  const found = await openFirst(chosen, { name, ...settings });
  if (found.runtime !== undefined || fallback) return found;
  const { fallbacks } = found;
  const reasons = fallbacks.map(({ device, reason }) => `${device}: ${reason}`).join("; ");
  throw new SlmError(
    "DEVICE_UNAVAILABLE",
    `${name}: no ${kind.toUpperCase()} works on this machine. ${reasons}`,
    {
      context: { fallbacks },
      suggestions: [...suggestions],
    },
  );
}
