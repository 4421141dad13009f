/** slm's commands and the commands of oclif's plugins, which a bundle cannot load by name. */
// The plugins do not export their commands, so commands are imported from their files.
import Autocomplete from "../../node_modules/@oclif/plugin-autocomplete/lib/commands/autocomplete/index.js";
import Create from "../../node_modules/@oclif/plugin-autocomplete/lib/commands/autocomplete/create.js";
import Script from "../../node_modules/@oclif/plugin-autocomplete/lib/commands/autocomplete/script.js";
import Help from "../../node_modules/@oclif/plugin-help/lib/commands/help.js";
import { commands as own } from "../../apps/cli/src/commands.ts";

export const commands = {
  ...own,
  help: Help,
  autocomplete: Autocomplete,
  "autocomplete:create": Create,
  "autocomplete:script": Script,
};
