/** oclif's help with slm's usage lines. The root help ends with the exit codes; a command's help can end with its own section. */
import { CommandHelp, Help, type Command } from "@oclif/core";
import { exitCodeTable } from "./ui/exit-codes.js";
import { usageLine } from "./ui/usage-line.js";

class SlmCommandHelp extends CommandHelp {
  protected override defaultUsage(): string {
    return usageLine(this.command);
  }
}

export class SlmHelp extends Help {
  protected override CommandHelpClass = SlmCommandHelp;

  protected override async showRootHelp(): Promise<void> {
    await super.showRootHelp();
    this.log(formatExitCodes());
  }

  override async showCommandHelp(command: Command.Loadable): Promise<void> {
    await super.showCommandHelp(command);
    const loaded = await command.load();
    if (hasHelpSection(loaded)) this.log([...(await loaded.helpSection()), ""].join("\n"));
  }
}

/** A command with a help section that is too slow to build at every start of the program. */
interface WithHelpSection {
  helpSection(): Promise<readonly string[]>;
}

function hasHelpSection(command: Command.Class): command is Command.Class & WithHelpSection {
  return "helpSection" in command && typeof command.helpSection === "function";
}

/** The exit-code table as a section of the root help. */
export function formatExitCodes(): string {
  const rows = exitCodeTable().map(
    ({ exit, code, meaning }) => `  ${String(exit).padStart(3)}  ${code.padEnd(18)}  ${meaning}`,
  );
  return ["EXIT CODES (the same with and without --json)", ...rows, ""].join("\n");
}
