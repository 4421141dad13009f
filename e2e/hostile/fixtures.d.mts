/** Types of `fixtures.mjs`, for tests. */
export interface HostileFixture {
  readonly what: string;
  readonly kind: string;
  /** File name, for fixtures of rows. */
  readonly name?: string;
  /** Text that the fixture hides in a name, for fixtures of names. */
  readonly text?: string;
  readonly write: (folder: string) => void;
}

export const FIXTURES: readonly HostileFixture[];
export function writeFixture(fixture: Pick<HostileFixture, "write">, folder: string): void;
