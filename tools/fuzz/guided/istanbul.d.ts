/** What is used of a package without types. */
declare module "istanbul-lib-instrument" {
  export function createInstrumenter(options: {
    readonly esModules: boolean;
    readonly coverageVariable: string;
  }): { instrumentSync(code: string, file: string): string };
}
