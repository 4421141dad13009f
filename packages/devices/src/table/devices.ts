/** Looks rows of the table of devices up by the names that users and files give. */
import { SlmError } from "@slm/core/errors";
import { RUNTIMES, type DeviceRow, type RuntimeName } from "./device-row.js";
import {
  DEFAULT_PROFILE,
  DEVICES,
  FORMER_PROFILE_NAMES,
  type ProfileName,
  type ProfileOf,
  type Target,
} from "./device-table.js";

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

/** Every name that a profile has for any target. */
export const PROFILE_NAMES: readonly ProfileName[] = [
  ...new Set(TARGETS.flatMap((target) => profilesOf(target))),
];

/** Runtimes of Node; the others run in a browser. */
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
 * The device of a target and a profile.
 *
 * @param speaker what speaks in the error: "export"
 * @param profile default: the target's usual one
 * @throws SlmError USAGE if the target has no such profile
 */
export function deviceOf(speaker: string, target: Target, profile: string = DEFAULT_PROFILE[target]): Device {
  const found = ALL_DEVICES.find((device) => device.target === target && device.profile === profile);
  if (found !== undefined) return found;
  const own = profilesOf(target);
  const others = ALL_DEVICES.filter((device) => device.profile === profile);
  throw new SlmError(
    "USAGE",
    `${speaker}: target '${target}' has profile ${own.join(", ")}, got '${profile}'`,
    {
      suggestions: [
        ...own.map((name) => `--target ${target} --profile ${name}`),
        ...others.map((other) => `--target ${other.target} --profile ${profile}`),
      ],
    },
  );
}

/** The usual runtime of Node for models that were made for a device. @throws SlmError as {@link deviceOf} */
export function nodeRuntimeOf(target: Target, profile?: ProfileName): NodeRuntime {
  return deviceOf("runtime", target, profile).runtimes.find(isOfNode)!;
}

/** The name of now of a profile that a file of an earlier version names; any other text as it is. */
export function currentProfileName(name: string): string {
  return isFormer(name) ? FORMER_PROFILE_NAMES[name] : name;
}

/**
 * A profile that a person names.
 *
 * @throws SlmError USAGE for a name there is none of; for one of an earlier version it says the name of now
 */
export function parseProfile(text: string): ProfileName {
  const known = PROFILE_NAMES.find((name) => name === text);
  if (known !== undefined) return known;
  throw new SlmError("USAGE", unknownProfile(text), {
    suggestions: isFormer(text) ? [`--profile ${FORMER_PROFILE_NAMES[text]}`] : [],
  });
}

/** What is wrong with a name that is no profile's. */
export function unknownProfile(text: string): string {
  if (isFormer(text)) return `profile '${text}' is now called '${FORMER_PROFILE_NAMES[text]}'`;
  return `unknown profile '${text}', expected ${PROFILE_NAMES.join(", ")}`;
}

function isFormer(name: string): name is keyof typeof FORMER_PROFILE_NAMES {
  return Object.hasOwn(FORMER_PROFILE_NAMES, name);
}
