/** The flag for a profile. The module loads only the device table. */
import { Flags } from "@oclif/core";
import {
  DEFAULT_PROFILE,
  PROFILE_NAMES,
  TARGETS,
  parseProfile,
  profilesOf,
  type ProfileName,
} from "@slm/devices";

const named = TARGETS.map((target) => `${target}: ${profilesOf(target).join(", ")}.`).join(" ");
const usual = TARGETS.map((target) => DEFAULT_PROFILE[target]).join(", ");

export const profileFlag = Flags.custom<ProfileName>({
  helpValue: PROFILE_NAMES.join("|"),
  summary: `Use this execution provider of the target. Default, by target (${TARGETS.join(", ")}): ${usual}.`,
  description: named,
  // No oclif `options`, because our error for a renamed profile contains its new name.
  parse: async (text) => Promise.resolve(parseProfile(text)),
})();
