/** Flags that name a device of the table: they load nothing but it. */
import { Flags } from "@oclif/core";
import {
  DEFAULT_PROFILE,
  PROFILE_NAMES,
  TARGETS,
  parseProfile,
  profilesOf,
  type ProfileName,
} from "@slm/devices/table";

const named = TARGETS.map((target) => `${target}: ${profilesOf(target).join(", ")}.`).join(" ");
const usual = TARGETS.map((target) => DEFAULT_PROFILE[target]).join(", ");

export const profileFlag = Flags.custom<ProfileName>({
  helpValue: PROFILE_NAMES.join("|"),
  summary: `What runs the graphs there. Default, by target (${TARGETS.join(", ")}): ${usual}.`,
  description: named,
  // No list of options: a name of an earlier version is an error that says the name of now.
  parse: async (text) => Promise.resolve(parseProfile(text)),
})();
