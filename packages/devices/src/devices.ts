/** Looks up rows of the device table by the names in flags and files. */
import { SlmError } from "@slm/core/errors";
import { RUNTIMES, type DeviceRow, type RuntimeName } from "./device-row.js";
import { DEFAULT_PROFILE, DEVICES, type ProfileName, type ProfileOf, type Target } from "./device-table.js";

/** A row of the table with its names. */
export interface Device extends DeviceRow {
  readonly target: Target;
  readonly profile: ProfileName;
}

const keysOf = <Key extends string>(table: Readonly<Record<Key, unknown>>): readonly Key[] =>
  Object.keys(table) as Key[];

export const TARGETS: readonly Target[] = keysOf(DEVICES);

/** Profiles of a target, in the order of the table. */
export const profilesOf = <T extends Target>(target: T): readonly ProfileOf<T>[] =>
  Object.keys(DEVICES[target]) as ProfileOf<T>[];

/** The names of all profiles of all targets. */
export const PROFILE_NAMES: readonly ProfileName[] = [
  ...new Set(TARGETS.flatMap((target) => profilesOf(target))),
];

/** Runtimes for Node. The other runtime is for browsers. */
export type NodeRuntime = Exclude<RuntimeName, "web">;

const isOfNode = (name: RuntimeName): name is NodeRuntime => name !== "web";

export const NODE_RUNTIMES: readonly NodeRuntime[] = keysOf(RUNTIMES).filter(isOfNode);

/** Whether a target has a profile of this name. */
export const isProfileOf = (target: Target, profile: string): boolean =>
  Object.hasOwn(DEVICES[target], profile);

/** All rows. */
export const ALL_DEVICES: readonly Device[] = TARGETS.flatMap((target) =>
  Object.entries<DeviceRow>(DEVICES[target]).map(([profile, row]) => ({
    target,
    profile: profile as ProfileName,
    ...row,
  })),
);

/**
 * Returns the device of a target and a profile.
 *
 * @param speaker prefix of the error message: "export"
 * @param profile default: the target's default profile
 * @throws SlmError USAGE if the target does not have the profile
 */
export function deviceOf(speaker: string, target: Target, profile: string = DEFAULT_PROFILE[target]): Device {
  const found = ALL_DEVICES.find((device) => device.target === target && device.profile === profile);
  if (found !== undefined) return found;
  const own = profilesOf(target);
  const others = ALL_DEVICES.filter((device) => device.profile === profile);
  throw new SlmError(
    "USAGE",
    `${speaker}: target '${target}' has no profile '${profile}', expected ${own.join(", ")}`,
    {
      suggestions: [
        ...own.map((name) => `--target ${target} --profile ${name}`),
        ...others.map((other) => `--target ${other.target} --profile ${profile}`),
      ],
    },
  );
}

/** The default Node runtime for models that were exported for a device. @throws SlmError as {@link deviceOf} */
export function nodeRuntimeOf(target: Target, profile?: ProfileName): NodeRuntime {
  return deviceOf("runtime", target, profile).runtimes.find(isOfNode)!;
}

/**
 * Parses a profile name from user input.
 *
 * @throws SlmError USAGE for an unknown name
 */
export function parseProfile(text: string): ProfileName {
  const known = PROFILE_NAMES.find((name) => name === text);
  if (known !== undefined) return known;
  throw new SlmError("USAGE", unknownProfile(text));
}

/** The error message for a name that is not a profile. */
export function unknownProfile(text: string): string {
  return `unknown profile '${text}', expected ${PROFILE_NAMES.join(", ")}`;
}
