/** oclif's help, followed by what the exit codes mean. */
import { Help } from "@oclif/core";
import { exitCodeTable } from "./exit-codes.js";

export class SlmHelp extends Help {
  protected override async showRootHelp(): Promise<void> {
    await super.showRootHelp();
    this.log(formatExitCodes());
  }
}

/** The exit-code table as a section of the root help. */
export function formatExitCodes(): string {
  const rows = exitCodeTable().map(
    ({ exit, code, meaning }) => `  ${String(exit).padStart(3)}  ${code.padEnd(18)}  ${meaning}`,
  );
  return ["EXIT CODES (the same with and without --json)", ...rows, ""].join("\n");
}
