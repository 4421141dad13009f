import { expect } from "vitest";
import type { ErrorCode } from "../errors.js";

/** Matches an error with this code: `expect(run).toThrow(withCode("USAGE"))`. Messages may change. */
export const withCode = (code: ErrorCode): Error => expect.objectContaining({ code }) as Error;
